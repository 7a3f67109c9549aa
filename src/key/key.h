#ifndef YD_KEY_KEY_H
#define YD_KEY_KEY_H
/* Private keys behind one door, shaped by SDF (GM/T 0018): a device is opened, a session on it is
 * granted access by the organisation's secret, keys are named by index, and a private key never
 * comes out.  Drivers are rows of a table (soft now; sdf, pkcs11, remote find their place there).
 * The soft device calls itself "uncertified-test" in every output (R06.2).
 *
 * Every key carries a purpose and, when a demonstration made it, a test mark inside the wrapped
 * blob: a use that does not fit the purpose is refused, and an unmarked key refuses a simulated
 * clock (design.md 5).  A session may be used by several threads once access is granted. */
#include "base/auto.h"
#include "base/buf.h"
#include "sm/sm2.h"

#define KEY_MAX 64 /* keys on one device */
#define KEY_NAME_MAX 63
#define KEY_SPKI_MAX 1024
#define KEY_SIG_MAX 512   /* RSA-3072 needs 384 */
#define KEY_SECRET_LEN 32 /* an organisation's secret */
#define KEY_BATCH 256
#define KEY_DEVICE_SOFT "uncertified-test"

enum key_kind { KEY_SM2, KEY_P256, KEY_RSA3072, KEY_KINDS };
enum key_purpose {
	KEY_ROOT,
	KEY_CA,
	KEY_OPERATOR_CA,
	KEY_OCSP,
	KEY_COMM,
	KEY_KMC,
	KEY_SERVICE,
	KEY_TIMESTAMP,
	KEY_PURPOSES
};
/* What one call is for; the purpose says which of them a key may do (key_permits). */
enum key_use {
	KEY_USE_CERTIFICATE = 1 << 0,
	KEY_USE_CRL = 1 << 1,
	KEY_USE_OCSP = 1 << 2,
	KEY_USE_KM_REQUEST = 1 << 3,
	KEY_USE_KM_RESPOND = 1 << 4,
	KEY_USE_STATEMENT = 1 << 5,
	KEY_USE_REQUEST = 1 << 6, /* a CSR for the key itself */
	KEY_USE_TIMESTAMP = 1 << 7,
};

struct key_info {
	char name[KEY_NAME_MAX + 1];
	enum key_purpose purpose;
	enum key_kind kind;
	bool test; /* made in a demonstration ceremony */
	int64_t created;
	uint8_t spki[KEY_SPKI_MAX]; /* SubjectPublicKeyInfo DER */
	size_t spki_len;
};
static inline struct slice key_spki(const struct key_info *i)
{
	return (struct slice){i->spki, i->spki_len};
}

const char *key_kind_name(enum key_kind k);       /* "sm2" "p256" "rsa-3072" */
const char *key_purpose_name(enum key_purpose p); /* "root" … "service" */
RC key_kind_find(struct slice name, enum key_kind *ret);
RC key_purpose_find(struct slice name, enum key_purpose *ret);
bool key_permits(enum key_purpose p, enum key_use use);

struct key_device;
struct key_session;
/* driver "soft": where is the folder of wrapped key files NAME.key (made if absent). */
RC key_device_open(const char *driver, const char *where, struct key_device **ret);
void key_device_close(struct key_device *d);
const char *key_device_name(const struct key_device *d);
DROP(key_device, key_device_close);
/* The device must outlive its sessions. */
RC key_session_open(struct key_device *d, struct key_session **ret);
void key_session_close(struct key_session *s);
DROP(key_session, key_session_close);

/* Private key access right: opens every key of the device with the organisation's secret.
 * RC_DENIED when the secret does not open them; then none is open. */
RC key_access(struct key_session *s, struct slice secret);
bool key_accessible(const struct key_session *s);
void key_release(struct key_session *s);

/* Public data; needs no access.  Indices run from 1 to key_count(). */
size_t key_count(const struct key_session *s);
RC key_info(const struct key_session *s, uint32_t index, struct key_info *ret);
RC key_find(const struct key_session *s, struct slice name, uint32_t *ret); /* RC_NOTFOUND */

/* stored: wrapped into a file before the call returns; otherwise it lives as long as the session. */
struct key_new {
	const char *name;
	enum key_purpose purpose;
	enum key_kind kind;
	bool test, stored;
	int64_t created;
};
RC key_generate(struct key_session *s, const struct key_new *n, uint32_t *ret);
/* An existing SM2 scalar under the same rules. */
RC key_import_sm2(struct key_session *s, const struct key_new *n, const uint8_t d[SM2_LEN], uint32_t *ret);
/* Forgets the key: wipes the memory, overwrites and removes the file. */
RC key_destroy(struct key_session *s, uint32_t index);

/* Signature over the message as it stands in a BIT STRING: DER for SM2 (default id) and ECDSA,
 * PKCS#1 v1.5 with SHA-256 for RSA. */
RC key_sign(struct key_session *s, uint32_t index, enum key_use use, struct slice msg, struct buf *ret);
/* One key, n <= KEY_BATCH messages; ret[i] are empty buffers with room for KEY_SIG_MAX. */
RC key_sign_batch(struct key_session *s, uint32_t index, enum key_use use, const struct slice *msg,
                  struct buf *ret, size_t n);
/* Over content whose hash the caller made itself, piece by piece (pki/signed_hash.h): e of SM2, SHA-256 for
 * the others.  Only lists are long enough to need it: use must be KEY_USE_CRL. */
RC key_sign_hash(struct key_session *s, uint32_t index, enum key_use use, const uint8_t hash[32],
                 struct buf *ret);
RC key_decrypt(struct key_session *s, uint32_t index, const struct sm2_cipher *c, struct buf *plain);
/* Keyed pseudo-random function of the device (HMAC-SM3 cut to 16 bytes): the same secret and
 * label give the same function.  Serial numbers come from here. */
RC key_prf(struct key_session *s, struct slice label, struct slice data, uint8_t ret[16]);

/* ---- the KMC's store: subscriber encryption keys wrapped under a key of purpose kmc (R06.13) ---- */
#define KEY_STORED 126 /* version, mark, point, nonce, d, tag */
struct key_stored {
	struct sm2_pub pub;
	uint8_t blob[KEY_STORED];
};
/* Opened inside the device only, to leave it enveloped for a receiver: a fresh SM4 key under the
 * receiver's public key, 32 zero bytes and d under that key in ECB, and the KMC's signature over
 * those 64 bytes (GM/T 0010 SignedAndEnvelopedData signs the plain content). */
struct key_parcel {
	struct sm2_pub pub;
	uint8_t sealed_key[112]; /* C1 C3 C2 */
	uint8_t content[64];
	struct sm2_sig sig;
};
RC key_stored_new(struct key_session *s, uint32_t index, struct key_stored *ret, size_t n);
RC key_stored_wrap(struct key_session *s, uint32_t index, const struct slice *blobs,
                   const struct sm2_pub *receivers, struct key_parcel *ret, size_t n);

#endif
