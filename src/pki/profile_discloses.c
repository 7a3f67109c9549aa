/* Whether a certificate shows a number of a person or organisation. */
#include "pki/profile_parts.h"

bool profile_discloses(const struct profile *p, const struct exts *x)
{
	for (size_t i = 0; i < p->extension_count; i++) {
		const struct profile_ext *e = &p->extension[i];

		for (size_t k = 0; e->discloses && k < x->count; k++)
			if (slice_equal(x->at[k].oid_raw, slice_of(e->oid, e->oid_len)))
				return true;
	}
	return false;
}
