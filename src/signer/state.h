#ifndef YD_SIGNER_STATE_H
#define YD_SIGNER_STATE_H
/* What the signer process holds, and the table its requests go through. */
#include "asn1/der.h"
#include "key/key.h"
#include "signer/signer.h"

#include <pthread.h>

#define SIGNER_PATH_MAX 448

struct anchors; /* signer/anchors.h */
struct signer {
	char name[SIGNER_NAME_MAX + 1], organisation[SIGNER_NAME_MAX + 1];
	char trust_dir[SIGNER_PATH_MAX], keys_dir[SIGNER_PATH_MAX];
	struct key_device *device;
	struct key_session *keys;
	pthread_rwlock_t access; /* written by unlock, read by every use */
	uint64_t crl_number[KEY_MAX + 1]; /* under trust: of the last list signed, by key */
	pthread_mutex_t trust;
	struct anchors *newest, *anchors; /* under trust; counted: last read, last good */
};
/* Opens keys and trust of DIR/NAME; nothing is unlocked. */
RC signer_new(const struct signer_options *o, struct signer **ret);
void signer_free(struct signer *s);
DROP(signer, signer_free);

/* One request as it arrived. */
struct signer_call {
	enum signer_permit channel; /* SIGNER_BY_ROLE or SIGNER_BY_CONTROL */
	uint8_t type;
	struct slice body;
	int fd; /* -1: none */
};
/* Walks the table; *answer is always a whole answer body (unless out of memory). */
RC signer_dispatch(struct signer *s, const struct signer_call *q, struct buf *answer);

/* Handlers: rule_*.c.  They write the payload of a good answer. */
typedef struct rc signer_handler(struct signer *s, const struct signer_call *q, struct der_writer *w);
signer_handler signer_do_certificates, signer_do_crl, signer_do_ocsp, signer_do_km_request,
        signer_do_km_generate, signer_do_km_respond, signer_do_statement, signer_do_tls, signer_do_responder,
        signer_do_prf, signer_do_info, signer_do_unlock, signer_do_km_judicial, signer_do_wrap,
        signer_do_unwrap, signer_do_timestamp;

/* A key by name, with its public data. */
RC signer_key(const struct signer *s, struct slice name, uint32_t *index, struct key_info *info);

#endif
