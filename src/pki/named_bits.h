#ifndef YD_PKI_NAMED_BITS_H
#define YD_PKI_NAMED_BITS_H
/* BIT STRING with named bits (X.690 11.2.2): no zero bit at the end. */
#include "asn1/der.h"

/* tag: DER_BIT_STRING or an IMPLICIT one.  At most `count` bits. */
static inline uint32_t named_bits_take(struct der_reader *r, uint8_t tag, unsigned count)
{
	struct slice v = der_value(r, tag);
	uint32_t bits = 0;
	unsigned n;

	if (r->why != NULL)
		return 0;
	if (v.len == 0 || v.p[0] > 7 || v.len > 5 || (v.len == 1 && v.p[0] != 0)) {
		der_fail(r, "bad BIT STRING");
		return 0;
	}
	n = (unsigned)(v.len - 1) * 8 - v.p[0];
	for (unsigned i = 0; i < (v.len - 1) * 8; i++) {
		if (v.p[1 + i / 8] & (0x80 >> (i % 8)))
			bits |= 1u << i;
	}
	if (n > 0 && (bits >> (n - 1)) != 1)
		der_fail(r, "named bits end in zeros");
	if (n > count)
		der_fail(r, "more bits than there are names");
	return r->why == NULL ? bits : 0;
}

#endif
