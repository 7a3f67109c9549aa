#ifndef YD_SIGNER_MESSAGE_H
#define YD_SIGNER_MESSAGE_H
/* Bodies of the frames: encoder and decoder of each message side by side in its message_*.c.  An
 * encoder leaves its failure in the writer; a decoder borrows the body.  Answers stand inside
 * SEQUENCE { result, … }. */
#include "asn1/der.h"
#include "signer/client.h"

/* certificates: shared objects once, items point to them by number (0 = none, else index + 1) */
struct msg_item {
	struct slice key, tbs;
	unsigned application, approval, km, old[2];
};
#define MSG_OBJECTS (5 * SIGNER_BATCH)
struct msg_certificates {
	struct slice objects[MSG_OBJECTS];
	size_t object_count;
	struct msg_item items[SIGNER_BATCH];
	size_t count;
};
/* Object number n, or none. */
struct slice msg_object(const struct msg_certificates *m, unsigned n);
/* Takes as many of the n items as fit into one frame of at most `most` items; *taken says how many. */
RC msg_put_certificates(struct der_writer *w, const struct signer_item *items, size_t n, size_t most,
                        size_t *taken);
RC msg_get_certificates(struct slice body, struct msg_certificates *ret);

/* outcomes of a batch (certificates, OCSP) */
void msg_put_results(struct der_writer *w, const struct signer_result *r, size_t n);
RC msg_get_results(struct der_reader *r, struct signer_result *ret, size_t n);

/* OCSP */
struct msg_ocsp {
	struct slice key, tbs[SIGNER_BATCH];
	size_t count;
};
RC msg_put_ocsp(struct der_writer *w, struct slice key, const struct slice *tbs, size_t n, size_t *taken);
RC msg_get_ocsp(struct slice body, struct msg_ocsp *ret);

/* key management */
struct msg_km_request {
	struct slice key, tbs, approvals; /* approvals: 32 bytes for each request */
	struct slice orders[SIGNER_ORDERS];
	size_t order_count;
};
void msg_put_km_request(struct der_writer *w, const struct msg_km_request *m);
RC msg_get_km_request(struct slice body, struct msg_km_request *ret);
struct msg_km_respond {
	struct slice key, ca_request;
	struct signer_km_answer answers[SIGNER_BATCH];
	size_t count;
	struct slice orders[SIGNER_ORDERS];
	size_t order_count;
};
void msg_put_km_respond(struct der_writer *w, const struct msg_km_respond *m);
RC msg_get_km_respond(struct slice body, struct msg_km_respond *ret);
void msg_put_km_generate(struct der_writer *w, struct slice key, size_t n);
RC msg_get_km_generate(struct slice body, struct slice *key, size_t *n);
void msg_put_stored(struct der_writer *w, const struct key_stored *k, size_t n);
RC msg_get_stored(struct der_reader *r, struct key_stored *ret, size_t n);

/* judicial recovery: the order with its decisions, and a stored key for each key that it names, in its order
 */
struct msg_judicial {
	struct slice orders[SIGNER_ORDERS], blobs[SIGNER_RESTORED];
	size_t order_count, blob_count;
};
void msg_put_judicial(struct der_writer *w, const struct msg_judicial *m);
RC msg_get_judicial(struct slice body, struct msg_judicial *ret);

/* One or two byte strings: crl (key), statement (key, content), tls (CSR, instance),
 * unlock (secret). */
void msg_put_two(struct der_writer *w, struct slice a, struct slice b);
RC msg_get_two(struct slice body, struct slice *a, struct slice *b);
/* A list of byte strings: prf. */
void msg_put_list(struct der_writer *w, const struct slice *s, size_t n);
RC msg_get_list(struct slice body, struct slice *ret, size_t max, size_t *n);

/* info */
void msg_put_info(struct der_writer *w, const struct signer_info *i);
RC msg_get_info(struct der_reader *r, struct signer_info *ret);

#endif
