#ifndef YD_ASN1_DER_H
#define YD_ASN1_DER_H
/* One DER reader and one writer (ITU-T X.690), both with sticky errors: a sequence of calls needs
 * one check at the end.  Pure functions over bytes. */
#include "asn1/oid.h"
#include "base/buf.h"

#define DER_DEPTH 24
#define DER_MAX (16u << 20)

enum der_tag {
	DER_BOOLEAN = 0x01, DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05, DER_OID = 0x06, DER_ENUMERATED = 0x0a, DER_UTF8 = 0x0c,
	DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_PRINTABLE = 0x13, DER_TELETEX = 0x14, DER_IA5 = 0x16,
	DER_UTC_TIME = 0x17, DER_GENERALIZED_TIME = 0x18, DER_UNIVERSAL_STR = 0x1c, DER_BMP = 0x1e,
};
#define DER_CTX(n)  ((uint8_t)(0x80 | (n)))        /* IMPLICIT primitive [n] */
#define DER_CTXC(n) ((uint8_t)(0xa0 | (n)))        /* EXPLICIT or constructed [n] */

/* ---- reader: strict DER (minimal lengths, no indefinite form, low tag numbers) ---- */
struct der_reader {
	const uint8_t *start, *p, *end;
	const uint8_t *stack[DER_DEPTH];
	unsigned depth;
	const char *why;                /* first failure; NULL while all is well */
	size_t where;                   /* its offset */
};

struct der_reader der_read(struct slice input);              /* at most DER_MAX bytes */
struct der_reader der_read_large(struct slice input, size_t max);      /* revocation lists */
bool der_more(const struct der_reader *r);                  /* false at end or after a failure */
bool der_at(const struct der_reader *r, uint8_t tag);       /* next tag is this */
uint8_t der_tag(const struct der_reader *r);                /* 0 at the end or after a failure */
void der_enter(struct der_reader *r, uint8_t tag);          /* into a constructed element (or any) */
void der_leave(struct der_reader *r);                       /* fails if bytes are left in it */
struct slice der_value(struct der_reader *r, uint8_t tag);  /* contents */
struct slice der_element(struct der_reader *r);             /* whole TLV, any tag */
struct slice der_element_of(struct der_reader *r, uint8_t tag);
/* Magnitude without sign byte of a non-negative INTEGER ("00" gives one zero byte). */
struct slice der_integer(struct der_reader *r);
uint64_t der_uint(struct der_reader *r, uint64_t max);
bool der_boolean(struct der_reader *r);                     /* DER TRUE is 0xff */
enum oid der_oid(struct der_reader *r);                     /* OID_UNKNOWN if not in the registry */
struct slice der_oid_raw(struct der_reader *r);             /* contents octets */
struct slice der_bits(struct der_reader *r, unsigned *unused);
struct slice der_octets(struct der_reader *r);
void der_null(struct der_reader *r);
int64_t der_time(struct der_reader *r);                     /* either kind, RFC 5280 4.1.2.5 */
int64_t der_gtime(struct der_reader *r);
/* AlgorithmIdentifier: the OID, and the raw parameters TLV (len 0 = absent). */
enum oid der_algorithm(struct der_reader *r, struct slice *params);
/* Inside a SET OF: fails unless the element from `from` to here is not below *last (X.690 11.6), which
 * it then becomes.  *last is SLICE_NONE at first. */
void der_ordered(struct der_reader *r, const uint8_t *from, struct slice *last);
void der_fail(struct der_reader *r, const char *why);
/* Success only if nothing failed, all is consumed and every element was left.
 * The text is "what: why at offset n". */
RC der_done(const struct der_reader *r, const char *what);

/* ---- writer: definite lengths, forward, patched on close ---- */
struct der_writer {
	struct buf out;
	size_t open[DER_DEPTH];
	unsigned depth;
};

#define DER_WRITER(limit) ((struct der_writer){.out = BUF(limit)})
#define AUTO_DER(name, limit) \
	__attribute__((cleanup(der_writer_free))) struct der_writer name = DER_WRITER(limit)
void der_writer_free(struct der_writer *w);

void der_begin(struct der_writer *w, uint8_t tag);
void der_end(struct der_writer *w);
/* Closes a SET OF: sorts its elements as X.690 11.6 demands. */
void der_end_set(struct der_writer *w);
void der_put(struct der_writer *w, uint8_t tag, struct slice contents);
void der_raw(struct der_writer *w, struct slice tlv);
void der_put_uint(struct der_writer *w, uint64_t v);
void der_put_integer(struct der_writer *w, struct slice magnitude);   /* non-negative, big endian */
void der_put_bool(struct der_writer *w, bool v);
void der_put_oid(struct der_writer *w, enum oid o);
void der_put_oid_raw(struct der_writer *w, struct slice contents);
void der_put_bits(struct der_writer *w, struct slice octets);         /* 0 unused bits */
void der_put_named_bits(struct der_writer *w, uint32_t bits);         /* bit 0 = first named bit */
void der_put_octets(struct der_writer *w, struct slice octets);
void der_put_null(struct der_writer *w);
void der_put_text(struct der_writer *w, uint8_t tag, struct slice s);
void der_put_time(struct der_writer *w, int64_t t);         /* UTCTime to 2049, then Generalized */
void der_put_gtime(struct der_writer *w, int64_t t);
void der_put_algorithm(struct der_writer *w, enum oid o);   /* no parameters */
void der_put_algorithm_null(struct der_writer *w, enum oid o);
void der_put_algorithm_with(struct der_writer *w, enum oid o, struct slice params);
/* Fails if an element is still open.  *ret becomes the caller's; w is empty afterwards. */
RC der_finish(struct der_writer *w, struct buf *ret);

#endif
