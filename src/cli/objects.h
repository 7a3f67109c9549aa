#ifndef YD_CLI_OBJECTS_H
#define YD_CLI_OBJECTS_H
/* PKI objects from files, PEM or DER, and what is told of them as JSON; text output is that JSON with
 * translated labels (tree.c). */
#include "base/mem.h"
#include "cli/cli.h"
#include "pki/cert.h"
#include "pki/crl.h"
#include "pki/csr.h"
#include "pki/ocsp.h"
#include "statement/statement.h"

#define OBJECTS_CERTS 64      /* certificates of one list */
#define OBJECTS_ENTRIES 10000 /* CRL entries shown; more are counted only */

struct cert_list {
	size_t count;
	struct buf der[OBJECTS_CERTS];
	struct cert at[OBJECTS_CERTS];
};
void cert_list_free(struct cert_list *l);
DROP(cert_list, cert_list_free);
struct cert_list *cert_list_new(void);
/* Adds every certificate of the file. */
RC cert_list_read(struct cert_list *l, const char *path);

/* Adds to an object that may be NULL (no memory); one check at the end suffices. */
RC object_cert(const struct cert *c, json_t *o);
RC object_csr(const struct csr *c, json_t *o);
RC object_crl(const struct crl *c, json_t *o);
RC object_ocsp(const struct ocsp_response *r, json_t *o);
RC object_ocsp_request(const struct ocsp_request *r, json_t *o);
/* Subject or issuer as RFC 4514 text. */
RC object_name(json_t *o, const char *key, struct slice name);

/* --organisation, or ORG of a trust folder .../ORG/ROLE/trust: whose people it trusts (cmd_statement.c). */
RC trust_organisation(const struct cli *c, const char *dir, char ret[STATEMENT_NAME_MAX + 1]);

/* tree.c: "label: value", nested objects indented. */
void tree_print(struct cli *c, const json_t *v, unsigned depth);

#endif
