#ifndef YD_PKI_KM_COMMON_H
#define YD_PKI_KM_COMMON_H
/* What both messages of km.h share. */
#include "asn1/der.h"
#include "pki/km.h"

#define KM_VERSION 1

/* ---- in ---- */
void km_take_name(struct der_reader *r, struct km_name *ret);
/* SubjectPublicKeyInfo of an SM2 key: the TLV and the point. */
void km_take_key(struct der_reader *r, struct slice *spki, struct sm2_pub *pub);
struct slice km_take_number(struct der_reader *r, size_t max);
/* The caller is at a CHOICE element [n].  Enters it, and the SEQUENCE inside when it is tagged
 * EXPLICIT (one SEQUENCE that fills it); km_leave_choice undoes both. */
unsigned km_enter_choice(struct der_reader *r, bool *nested);
void km_leave_choice(struct der_reader *r, bool nested);
/* OCTET STRING, IA5String, UTF8String or PrintableString. */
struct slice km_take_text(struct der_reader *r);
/* The three parts of a signed message; the signed part stays open for its own parser. */
void km_take_signed(struct der_reader *r, struct slice *tbs, struct slice *signature);

/* ---- out ---- */
void km_put_name(struct der_writer *w, const struct km_name *n);
RC km_assemble(struct slice tbs, struct slice signature, size_t max, struct buf *ret);
RC km_sign_tbs(struct slice tbs, const struct sm2_key *key, size_t max, struct buf *ret);

RC km_verify(struct slice tbs, struct slice signature, const struct sm2_pub *pub);

#endif
