#ifndef YD_PKI_NAME_H
#define YD_PKI_NAME_H
/* Distinguished names: DER (most general attribute first) and RFC 4514 text (most specific first).
 * C and serialNumber are PrintableString, emailAddress and DC IA5String, all others UTF8String;
 * control, bidirectional and non-characters are refused everywhere.  Results borrow the input. */
#include "asn1/der.h"

#define NAME_ATTRIBUTES 24
#define NAME_DER_MAX 2048
#define NAME_TEXT_MAX 4096
#define NAME_VALUE_MAX 512              /* bytes; RFC 5280's upper bounds count characters */

struct name_attribute {
	enum oid type;
	struct slice value;             /* UTF-8 */
	bool joined;                    /* same RDN as the one before */
	/* set by name_parse */
	uint8_t tag;                    /* string type on the wire */
	struct slice type_raw, der;     /* OID contents; TLV of the value */
};
struct name {
	struct slice der;
	size_t count;
	struct name_attribute at[NAME_ATTRIBUTES];
};

/* The whole input must be one Name; any attribute type and value. */
RC   name_parse(struct slice der, struct name *ret);
/* The rules above: known types, their strings, lengths, characters. */
RC   name_check(struct slice der);
/* First value of that type. RC_NOTFOUND. */
RC   name_value(struct slice der, enum oid type, struct slice *ret);
/* Equal as RFC 5280 7.1 compares: case and inner spaces of ASCII do not count. */
bool name_equal(struct slice a, struct slice b);
/* SEQUENCE of no RDNs. */
bool name_is_empty(struct slice der);

/* Name TLV from attributes in that order, one RDN each unless joined. */
RC   name_build(const struct name_attribute *a, size_t n, struct buf *ret);
RC   name_from_text(struct slice text, struct buf *ret);
RC   name_to_text(struct slice der, struct buf *ret);
/* "CN", "commonName", "serialNumber", "organizationIdentifier" … or dotted. */
RC   name_type_find(struct slice text, enum oid *ret);
/* One attribute against the rules above: length, alphabet, forbidden characters. */
RC   name_value_check(enum oid type, struct slice value);

#endif
