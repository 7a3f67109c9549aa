#ifndef YD_SIGNER_PROTOCOL_H
#define YD_SIGNER_PROTOCOL_H
/* Frames between a role (or the supervisor) and its signer over a SOCK_STREAM socketpair.
 *   u32 length of the body, u32 request id, u8 type, body       (big endian)
 * The answer has the same id and the type with SIGNER_ANSWER set; its body starts with a result
 * (result.c).  Bodies are DER, one file per message with encoder and decoder together.  A CRL's
 * descriptor travels with the first byte of its frame (SCM_RIGHTS). */
#include "base/buf.h"

#define SIGNER_FRAME_MAX (4u << 20)
#define SIGNER_HEADER 9
#define SIGNER_ANSWER 0x80
#define SIGNER_BATCH 256
#define SIGNER_RESTORED 32 /* keys of one judicial order */
#define SIGNER_ORDERS 11   /* statements behind restored keys */
#define SIGNER_CRL_MAX (1u << 30)
#define SIGNER_NAME_MAX 63

enum signer_type {
	SIGNER_CERTIFICATES = 1,
	SIGNER_CRL,
	SIGNER_OCSP,
	SIGNER_KM_REQUEST,
	SIGNER_KM_GENERATE,
	SIGNER_KM_RESPOND,
	SIGNER_STATEMENT,
	SIGNER_TLS,
	SIGNER_PRF,
	SIGNER_INFO,
	SIGNER_UNLOCK,
	SIGNER_KM_JUDICIAL,
	SIGNER_RESPONDER,
	SIGNER_WRAP,
	SIGNER_UNWRAP,
	SIGNER_TIMESTAMP,
	SIGNER_TYPES,
};
/* Who may ask and when. */
enum signer_permit {
	SIGNER_BY_ROLE = 1,
	SIGNER_BY_CONTROL = 2, /* the channel it comes by */
	SIGNER_WHEN_LOCKED = 4,
	SIGNER_WITH_FD = 8, /* exactly one descriptor comes along */
};

struct signer_header {
	uint32_t length, id;
	uint8_t type;
};
/* RC_INPUT when the length is over SIGNER_FRAME_MAX. */
RC signer_header_read(const uint8_t p[SIGNER_HEADER], struct signer_header *ret);
void signer_header_write(struct signer_header h, uint8_t p[SIGNER_HEADER]);

/* Result at the head of an answer: SEQUENCE { code, refusal name, text }. */
struct der_writer;
struct der_reader;
void signer_put_result(struct der_writer *w, const struct rc_text *t);
/* Puts a failure in place on this thread and returns it. */
RC signer_get_result(struct der_reader *r);

#endif
