#ifndef YD_STATEMENT_BASIS_H
#define YD_STATEMENT_BASIS_H
/* What an application follows: the certificate it updates (new key), extends (same keys, later end) or
 * replaces after damage (I-16).  RA, CA and signer read it with this one function. */
#include "statement/statement.h"

#define BASIS_CA_MAX 48
#define BASIS_SERIAL_MAX 20

/* Stored as numbers: do not renumber. */
enum basis_kind { BASIS_NONE, BASIS_UPDATE, BASIS_EXTEND, BASIS_REPLACE, BASIS_KINDS };
struct basis {
	enum basis_kind kind;
	bool holder; /* signed with the old signing key: that proves who asks, instead of evidence (R21.3) */
	char ca[BASIS_CA_MAX + 1];
	uint8_t serial[BASIS_SERIAL_MAX];
	size_t serial_len;
};
static inline struct slice basis_serial(const struct basis *b)
{
	return slice_of(b->serial, b->serial_len);
}
const char *basis_kind_name(enum basis_kind k); /* "update" */
/* Kind BASIS_NONE for a first issue.  Refuses a holder who speaks with another certificate than the one
 * followed, of another thing than a first issue, or about a lost token. */
RC basis_read(const struct statement *application, struct basis *ret);

#endif
