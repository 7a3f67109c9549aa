#ifndef YD_PKI_OCSP_COMMON_H
#define YD_PKI_OCSP_COMMON_H
/* What requests and answers of ocsp.h share. */
#include "pki/ocsp.h"

void ocsp_take_id(struct der_reader *r, struct ocsp_id *ret);
/* Extensions ::= SEQUENCE; keeps the nonce, refuses other critical ones. */
void ocsp_take_exts(struct der_reader *r, bool *has_nonce, struct slice *nonce);
void ocsp_put_nonce(struct der_writer *w, struct slice nonce);

#endif
