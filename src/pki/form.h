#ifndef YD_PKI_FORM_H
#define YD_PKI_FORM_H
/* A malformed object refused under the name of its own kind. */
#include "asn1/der.h"
#include "base/rc.h"

/* der_done() with a named refusal; running out of memory stays what it is. */
static inline RC form_done(const struct der_reader *r, enum err err, const char *what)
{
	struct rc rc = der_done(r, what);

	if (rc_ok(rc) || rc.code != RC_INPUT)
		return rc;
	struct rc_text t = *rc_last();

	t.err = err;
	return rc_restore(&t);
}

#endif
