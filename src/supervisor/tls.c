/* Transport certificates: key and request here, the certificate from the organisation's signer. */
#include "supervisor/unit.h"

#include "base/clock.h"
#include "base/text.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "pki/name.h"
#include "pki/pkcs8.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

#define TLS_PATH (PLAT_PATH + 192)

/* libcrypto signs; the key is not a signer's (design.md 2: transport keys are the exception). */
static RC sign(struct slice pkcs8, struct slice tbs, struct buf *ret)
{
	const unsigned char *p = pkcs8.p;
	size_t len = KEY_SIG_MAX;
	uint8_t *room = buf_room(ret, KEY_SIG_MAX);
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)pkcs8.len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = room != NULL && key != NULL && ctx != NULL &&
	          EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	          EVP_DigestSign(ctx, room, &len, tbs.p, tbs.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	NEED(ok, RC_CRYPTO, "tls: signature of the request");
	ret->len += len;
	return OK;
}

static RC request(const char *name, const struct private_key *k, struct slice pkcs8, struct buf *ret)
{
	AUTO_BUF(subject, NAME_DER_MAX);
	AUTO_BUF(spki, PUBKEY_SPKI_MAX);
	AUTO_BUF(tbs, CSR_DER_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	struct name_attribute cn = {.type = OID_CN, .value = slice_text(name)};
	TRY(name_build(&cn, 1, &subject));
	TRY(pubkey_put_p256(k->xy, &spki));
	struct csr_template t = {.subject = buf_slice(&subject), .spki = buf_slice(&spki)};
	TRY(csr_tbs(&t, &tbs));
	TRY(sign(pkcs8, buf_slice(&tbs), &sig));
	return csr_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_P256, false), buf_slice(&sig), ret);
}

static RC new_key(struct private_key *k, struct buf *pkcs8)
{
	TRY(private_key_new(OID_P256, k));
	return pkcs8_build(k, pkcs8);
}

static RC store(const struct plat *p, const struct unit *u, const char *file, const char *label,
                struct slice der, bool users)
{
	__attribute__((cleanup(buf_free))) struct buf pem = BUF_SECRET(2 * CERT_DER_MAX);
	char path[TLS_PATH];
	text_to_pem(&pem, label, der);
	TRY(buf_done(&pem));
	snprintf(path, sizeof path, "%s/%s/tls/%s", p->dir, u->it->name, file);
	TRY(file_write(path, buf_slice(&pem), 0600));
	return owner_give(path, u->it->uid, users);
}

/* The key file is replaced first: a role that starts in between finds two files that do not fit and is
 * started again. */
RC tls_issue(const struct plat *p, const struct unit *u, struct signer_client *authority, bool users)
{
	__attribute__((cleanup(buf_free))) struct buf pkcs8 = BUF_SECRET(PKCS8_MAX);
	AUTO_BUF(csr, CSR_DER_MAX);
	AUTO_BUF(cert, CERT_DER_MAX);
	struct private_key k;
	struct rc rc = new_key(&k, &pkcs8);
	if (rc_ok(rc))
		rc = request(u->it->name, &k, buf_slice(&pkcs8), &csr);
	private_key_wipe(&k);
	TRY(rc);
	TRY(signer_tls(authority, buf_slice(&csr), slice_text(u->it->name), &cert));
	TRY(store(p, u, "key.pem", "PRIVATE KEY", buf_slice(&pkcs8), users));
	return store(p, u, "cert.pem", "CERTIFICATE", buf_slice(&cert), users);
}

int64_t tls_left(const struct plat *p, const struct unit *u)
{
	char path[TLS_PATH];
	struct cert c;
	AUTO_BUF(text, 2 * CERT_DER_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	snprintf(path, sizeof path, "%s/%s/tls/cert.pem", p->dir, u->it->name);
	if (!rc_ok(file_read(path, 2 * CERT_DER_MAX, &text)) || !rc_ok(cert_read(buf_slice(&text), &der, &c)))
		return 0;
	int64_t left = c.not_after - clock_real();
	return left > 0 ? left : 0;
}
