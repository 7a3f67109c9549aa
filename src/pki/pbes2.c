/* EncryptedPrivateKeyInfo with PBES2 (RFC 8018 6.2, RFC 5958 3). */
#include "pki/pkcs8.h"

#include "asn1/der.h"
#include "base/mem.h"
#include "base/rand.h"
#include "pki/form.h"
#include "pki/ossl.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#define SALT_LEN 16
#define SALT_MAX 64
#define IV_LEN 16
#define KEY_LEN_MAX 32

struct pbes2 {
	struct slice salt, iv, ciphertext;
	uint32_t rounds;
	enum oid prf, cipher;
};

static size_t key_len(enum oid cipher)
{
	return cipher == OID_AES256_CBC ? 32 : SM4_KEY;
}

static RC derive(const struct pbes2 *p, struct slice pin, uint8_t key[KEY_LEN_MAX])
{
	if (p->prf != OID_HMAC_SHA256) {
		sm3_pbkdf2(pin, p->salt, p->rounds, key, key_len(p->cipher));
		return OK;
	}
	if (PKCS5_PBKDF2_HMAC((const char *)pin.p, (int)pin.len, p->salt.p, (int)p->salt.len, (int)p->rounds,
	                      EVP_sha256(), (int)key_len(p->cipher), key) != 1)
		return ossl_fail("PBKDF2");
	return OK;
}

/* One pass of CBC without padding. */
static RC aes_cbc(const uint8_t key[32], const uint8_t iv[IV_LEN], struct slice in, uint8_t *out, bool seal)
{
	AUTO(evp_cipher_ctx_st, c, EVP_CIPHER_CTX_new());
	int n = 0, last = 0;

	NEED(c != NULL, RC_NOMEM, "AES: out of memory");
	if (EVP_CipherInit_ex(c, EVP_aes_256_cbc(), NULL, key, iv, seal) != 1 ||
	    EVP_CIPHER_CTX_set_padding(c, 0) != 1 || EVP_CipherUpdate(c, out, &n, in.p, (int)in.len) != 1 ||
	    EVP_CipherFinal_ex(c, out + n, &last) != 1 || (size_t)(n + last) != in.len)
		return ossl_fail("AES-256-CBC");
	return OK;
}

static void sm4_cbc(const uint8_t key[16], const uint8_t iv[IV_LEN], struct slice in, uint8_t *out, bool seal)
{
	struct sm4 c;
	uint8_t chain[IV_LEN];

	memcpy(chain, iv, IV_LEN);
	sm4_init(&c, key);
	if (seal)
		sm4_cbc_encrypt(&c, chain, in.p, out, in.len / SM4_BLOCK);
	else
		sm4_cbc_decrypt(&c, chain, in.p, out, in.len / SM4_BLOCK);
	sm4_wipe(&c);
}

static RC run(const struct pbes2 *p, struct slice pin, struct slice in, uint8_t *out, bool seal)
{
	uint8_t key[KEY_LEN_MAX];
	struct rc rc;

	REQUIRE(pin.len >= 1 && pin.len <= PKCS8_PIN_MAX, KEY_PIN, "private key: a PIN has 1 to %d bytes",
	        PKCS8_PIN_MAX);
	rc = derive(p, pin, key);
	if (rc_ok(rc) && p->cipher == OID_AES256_CBC)
		rc = aes_cbc(key, p->iv.p, in, out, seal);
	else if (rc_ok(rc))
		sm4_cbc(key, p->iv.p, in, out, seal);
	wipe(key, sizeof(key));
	return rc;
}

/* ---- out ---- */

static RC put_all(const struct pbes2 *p, struct buf *ret)
{
	AUTO_DER(w, PKCS8_MAX);

	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_PBES2);
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_PBKDF2);
	der_begin(&w, DER_SEQUENCE);
	der_put_octets(&w, p->salt);
	der_put_uint(&w, p->rounds);
	der_put_algorithm_null(&w, p->prf);
	der_end(&w);
	der_end(&w);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, p->cipher);
	der_put_octets(&w, p->iv);
	der_end(&w);
	der_end(&w);
	der_end(&w);
	der_put_octets(&w, p->ciphertext);
	der_end(&w);
	return der_finish(&w, ret);
}

RC pkcs8_encrypt(struct slice plain, enum pkcs8_cipher cipher, struct slice pin, struct buf *ret)
{
	uint8_t salt[SALT_LEN], iv[IV_LEN], pad = (uint8_t)(16 - plain.len % 16);
	struct pbes2 p = {
	        .salt = SLICE_ARR(salt),
	        .iv = SLICE_ARR(iv),
	        .rounds = PKCS8_ROUNDS,
	        .prf = OID_HMAC_SHA256,
	        .cipher = cipher == PKCS8_SM4_CBC ? OID_SM4_CBC : OID_AES256_CBC,
	};
	AUTO_BUF(padded, PKCS8_MAX);
	AUTO_BUF(out, PKCS8_MAX);
	uint8_t *room;

	padded.secret = true;
	TRY(rand_bytes(salt, sizeof(salt)));
	TRY(rand_bytes(iv, sizeof(iv)));
	buf_add(&padded, plain);
	for (unsigned i = 0; i < pad; i++)
		buf_u8(&padded, pad);
	TRY(buf_done(&padded));
	room = buf_room(&out, padded.len);
	TRY(buf_done(&out));
	TRY(run(&p, pin, buf_slice(&padded), room, true));
	out.len += padded.len;
	p.ciphertext = buf_slice(&out);
	return put_all(&p, ret);
}

/* ---- in ---- */

static void take_kdf(struct der_reader *r, struct pbes2 *ret)
{
	struct slice params;

	der_enter(r, DER_SEQUENCE);
	if (der_oid(r) != OID_PBKDF2)
		der_fail(r, "key derivation is not PBKDF2");
	der_enter(r, DER_SEQUENCE);
	ret->salt = der_octets(r);
	ret->rounds = (uint32_t)der_uint(r, PKCS8_ROUNDS_MAX);
	if (der_at(r, DER_INTEGER))
		(void)der_uint(r, KEY_LEN_MAX);
	/* The default, hmacWithSHA1, stays OID_UNKNOWN here and is refused. */
	ret->prf = der_more(r) ? der_algorithm(r, &params) : OID_UNKNOWN;
	der_leave(r);
	der_leave(r);
	if (ret->salt.len > SALT_MAX || ret->rounds < 1)
		der_fail(r, "salt or rounds out of range");
}

static RC take_all(struct slice der, struct pbes2 *ret)
{
	struct der_reader r = der_read(der);
	bool pbes2;

	*ret = (struct pbes2){0};
	der_enter(&r, DER_SEQUENCE);
	der_enter(&r, DER_SEQUENCE);
	pbes2 = der_oid(&r) == OID_PBES2;
	REQUIRE(pbes2 || r.why != NULL, KEY_ALGORITHM, "private key: not encrypted with PBES2");
	der_enter(&r, DER_SEQUENCE);
	take_kdf(&r, ret);
	der_enter(&r, DER_SEQUENCE);
	ret->cipher = der_oid(&r);
	ret->iv = der_octets(&r);
	der_leave(&r);
	der_leave(&r);
	der_leave(&r);
	ret->ciphertext = der_octets(&r);
	der_leave(&r);
	TRY(form_done(&r, ERR_KEY_FORM, "EncryptedPrivateKeyInfo"));
	REQUIRE(ret->prf == OID_HMAC_SHA256 || ret->prf == OID_HMAC_SM3 || ret->prf == OID_HMAC_SM3_OSSL,
	        KEY_ALGORITHM, "private key: PBKDF2 with %s", oid_name(ret->prf));
	REQUIRE(ret->cipher == OID_SM4_CBC || ret->cipher == OID_AES256_CBC, KEY_ALGORITHM,
	        "private key: encrypted with %s", oid_name(ret->cipher));
	REQUIRE(ret->iv.len == IV_LEN && ret->ciphertext.len > 0 && ret->ciphertext.len % 16 == 0 &&
	                ret->ciphertext.len <= PKCS8_MAX,
	        KEY_FORM, "private key: ciphertext length");
	return OK;
}

/* Padding and the outer length of a SEQUENCE: a wrong PIN passes with probability < 2^-20, and then
 * fails in the parser. */
static bool looks_opened(const uint8_t *p, size_t len, size_t *ret)
{
	uint8_t pad = p[len - 1];
	struct der_reader r;

	if (pad < 1 || pad > 16)
		return false;
	for (size_t i = len - pad; i < len; i++)
		if (p[i] != pad)
			return false;
	*ret = len - pad;
	r = der_read(slice_of(p, *ret));
	(void)der_element_of(&r, DER_SEQUENCE);
	return r.why == NULL && !der_more(&r);
}

RC pkcs8_decrypt(struct slice der, struct slice pin, struct buf *ret)
{
	struct pbes2 p;
	size_t len = 0;
	uint8_t *room;
	AUTO_BUF(out, PKCS8_MAX);

	out.secret = true;
	TRY(take_all(der, &p));
	room = buf_room(&out, p.ciphertext.len);
	TRY(buf_done(&out));
	out.len = p.ciphertext.len;
	TRY(run(&p, pin, p.ciphertext, room, false));
	REQUIRE(looks_opened(room, out.len, &len), KEY_PIN, "private key: the PIN does not open it");
	buf_add(ret, slice_of(room, len));
	return buf_done(ret);
}
