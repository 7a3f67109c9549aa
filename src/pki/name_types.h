#ifndef YD_PKI_NAME_TYPES_H
#define YD_PKI_NAME_TYPES_H
/* The table of attribute types, shared by the two files of name.h. */
#include "asn1/der.h"

struct name_type {
	enum oid oid;
	uint8_t tag;                    /* string type out */
	unsigned max;                   /* characters */
	const char *full;               /* long name; the short one is in the registry */
};
/* NULL when the type is not supported. */
const struct name_type *name_type(enum oid oid);

#endif
