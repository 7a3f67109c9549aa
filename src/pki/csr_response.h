#ifndef YD_PKI_CSR_RESPONSE_H
#define YD_PKI_CSR_RESPONSE_H
/* CSRResponse of GM/T 0092-2020 (standards.md 1.9): both certificates with their chains and the
 * SM2EnvelopedKey.  Out: [0] EXPLICIT; in: both taggings. */
#include "base/buf.h"

#define CSR_RESPONSE_MAX (64u << 10)
#define CSR_RESPONSE_CERTIFICATES 8

struct csr_response {
	struct slice sign[CSR_RESPONSE_CERTIFICATES]; /* [0] = the signing certificate, then chain */
	size_t sign_count;
	struct slice encrypt[CSR_RESPONSE_CERTIFICATES]; /* [0] = the encryption certificate */
	size_t encrypt_count;                            /* 0 = absent */
	/* SM2EnvelopedKey: whole SEQUENCE.  After parsing an IMPLICIT [0] it is the whole [0] element,
	 * and implicit is set. envelope_read() takes both. */
	struct slice envelope; /* len 0 = absent */
	bool implicit;
};
RC csr_response_build(const struct csr_response *r, struct buf *ret);
RC csr_response_parse(struct slice der, struct csr_response *ret); /* borrows der */

#endif
