#ifndef YD_KEY_DRIVER_H
#define YD_KEY_DRIVER_H
/* What a kind of device must be able to do.  key.c checks purpose, test mark and access before it
 * calls; a driver only computes.  Indices are valid when they get here. */
#include "key/key.h"

struct key_driver {
	const char *name, *device; /* "soft", "uncertified-test" */
	RC (*open)(const char *where, void **state);
	void (*close)(void *state);
	RC (*session)(void *state, void **ret);
	void (*end)(void *session);
	RC (*access)(void *session, struct slice secret);
	void (*release)(void *session);
	bool (*accessible)(const void *session);
	size_t (*count)(const void *session);
	const struct key_info *(*info)(const void *session, uint32_t index);
	RC (*generate)(void *session, const struct key_new *n, uint32_t *ret);
	RC (*import_sm2)(void *session, const struct key_new *n, const uint8_t *d, uint32_t *ret);
	RC (*destroy)(void *session, uint32_t index);
	RC (*sign)(void *session, uint32_t index, const struct slice *msg, struct buf *ret, size_t n);
	RC (*sign_hash)(void *session, uint32_t index, const uint8_t hash[32], struct buf *ret);
	RC (*decrypt)(void *session, uint32_t index, const struct sm2_cipher *c, struct buf *plain);
	RC (*prf)(void *session, struct slice label, struct slice data, uint8_t *ret);
	RC (*stored_new)(void *session, uint32_t index, struct key_stored *ret, size_t n);
	RC(*stored_wrap)
	(void *session, uint32_t index, const struct slice *blobs, const struct sm2_pub *receivers,
	 struct key_parcel *ret, size_t n);
};
extern const struct key_driver key_soft;

#endif
