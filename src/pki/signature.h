#ifndef YD_PKI_SIGNATURE_H
#define YD_PKI_SIGNATURE_H
/* Signature algorithms of certificates, requests, CRLs and OCSP answers, as a table:
 *   sm2sign-with-sm3   SM2    no parameters out unless the authority says NULL; both in (standards.md 8)
 *   ecdsa-with-SHA256  P-256  no parameters (RFC 5758 3.2)
 *   sha256WithRSA      RSA    NULL out; NULL or none in (RFC 4055 5) */
#include "asn1/der.h"

enum pubkey_kind { PUBKEY_SM2, PUBKEY_P256, PUBKEY_RSA, PUBKEY_KINDS };

struct sigalg {
	enum oid oid;                   /* OID_UNKNOWN: not in the table */
	bool null;                      /* parameters are NULL; false: absent */
	struct slice der;               /* AlgorithmIdentifier as it was read */
};

/* What a key of that kind signs with. sm2_null: write NULL behind .501. */
struct sigalg sigalg_of(enum pubkey_kind kind, bool sm2_null);
/* The kind of key that makes such signatures; false when it is not in the table. */
bool sigalg_kind(struct sigalg a, enum pubkey_kind *ret);
void sigalg_put(struct der_writer *w, struct sigalg a);
/* An algorithm or parameters that are not in the table give OID_UNKNOWN. */
struct sigalg sigalg_take(struct der_reader *r);
const char *sigalg_name(struct sigalg a);

/* SIGNED { tbs }: tbs, algorithm, BIT STRING. */
RC signed_assemble(struct slice tbs, struct sigalg a, struct slice signature, struct buf *ret);

#endif
