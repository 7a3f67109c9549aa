/* Columns that are sealed at rest.  A stored value begins with the magic; what does not is from before the
 * column was sealed, or of a connection without a seal. */
#include "db/sealed.h"
#include "base/mem.h"
#include "base/rand.h"
#include "sm/sm4.h"

#define MAGIC "YDC1"
#define MAGIC_LEN 4
#define NONCE_LEN 12
#define TAG_LEN 16
#define OVERHEAD (MAGIC_LEN + NONCE_LEN + TAG_LEN)

static RC cipher_of(const struct db_seal *seal, struct sm4 *ret)
{
	NEED(seal != NULL && seal->key != NULL, RC_BUSY, "database: the key of sealed columns is not here");
	sm4_init(ret, seal->key->p);
	return OK;
}

RC seal_column(const struct db_seal *seal, struct slice content, struct buf *ret)
{
	uint8_t *p = buf_room(ret, content.len + OVERHEAD);
	struct sm4 cipher;

	if (p == NULL)
		return buf_done(ret);
	memcpy(p, MAGIC, MAGIC_LEN);
	TRY(rand_bytes(p + MAGIC_LEN, NONCE_LEN));
	TRY(cipher_of(seal, &cipher));
	sm4_gcm_seal(&cipher, p + MAGIC_LEN, SLICE_LIT(MAGIC), content, p + MAGIC_LEN + NONCE_LEN,
	             p + MAGIC_LEN + NONCE_LEN + content.len);
	sm4_wipe(&cipher);
	ret->len += content.len + OVERHEAD;
	return OK;
}

RC unseal_column(const struct db_seal *seal, struct slice stored, struct buf *ret)
{
	struct slice body;
	struct sm4 cipher;
	struct rc rc;
	uint8_t *p;

	if (stored.len < OVERHEAD || memcmp(stored.p, MAGIC, MAGIC_LEN) != 0) {
		buf_add(ret, stored);
		return buf_done(ret);
	}
	body = slice_of(stored.p + MAGIC_LEN + NONCE_LEN, stored.len - OVERHEAD);
	p = buf_room(ret, body.len);
	if (p == NULL)
		return buf_done(ret);
	TRY(cipher_of(seal, &cipher));
	rc = sm4_gcm_open(&cipher, stored.p + MAGIC_LEN, SLICE_LIT(MAGIC), body, p, body.p + body.len);
	sm4_wipe(&cipher);
	REQUIRE(rc_ok(rc), DATABASE_DAMAGED, "a sealed column was changed, or another key sealed it");
	ret->len += body.len;
	return OK;
}
