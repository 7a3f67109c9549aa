#ifndef YD_ASN1_OID_H
#define YD_ASN1_OID_H
/* The registry of object identifiers (oids.def: id, dotted form, short name, text). */
#include "base/buf.h"

enum oid {
	OID_UNKNOWN,
#define OID(id, dotted, name) OID_##id,
#include "asn1/oids.def"
#undef OID
	OID_COUNT
};

struct slice oid_contents(enum oid o);                      /* DER contents octets */
const char *oid_name(enum oid o);                           /* "sm2sign-with-sm3", "commonName" … */
const char *oid_dotted(enum oid o);
enum oid oid_find(struct slice contents);                   /* by contents octets */
/* "1.2.156.10197.1.501" to contents octets and back. */
RC oid_from_dotted(struct slice text, struct buf *ret);
RC oid_to_dotted(struct slice contents, struct buf *ret);

#endif
