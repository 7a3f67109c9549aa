#ifndef YD_AUTHORITY_CRL_MAKER_H
#define YD_AUTHORITY_CRL_MAKER_H
/* Makes the revocation lists of the authorities whose keys this instance's signer holds: by period, and
 * soon after each revocation (R21.6, R21.9).  A list is streamed into its file (list.h), the signer reads
 * and signs that file, every entry is compared with its row and the signature verified before anything is
 * published (design 2).  Full lists that take long rest long; delta lists come between them.  Numbers only
 * rise.  Nothing here waits for the issue gate. */
#include "instance/instance.h"
#include "key/key.h"

#define CRL_AUTHORITIES 16
#define CRL_FILE_MAX (1u << 30)

struct crl_maker;
/* All keys of that purpose.  validity: of a list in seconds; 0 = what the CPS says (G12 bounds). */
RC crl_maker_start(struct instance *in, enum key_purpose purpose, int64_t validity, struct crl_maker **ret);
void crl_maker_stop(struct crl_maker *m);
/* A revocation of that authority is durable. */
void crl_maker_revoked(struct crl_maker *m, const char *ca);
bool crl_maker_has(const struct crl_maker *m, const char *ca);
const char *crl_maker_id(const struct crl_maker *m, size_t i); /* NULL at the end */
/* For the table of due work: when the next list is due by period; makes those that are. */
int64_t crl_maker_due(struct crl_maker *m);
RC crl_maker_run(struct crl_maker *m);
/* Every authority has a list that is in force. */
RC crl_maker_ready(struct crl_maker *m);
/* File and number of the newest list; RC_NOTFOUND for an authority that is not here, not-ready before the
 * first. */
RC crl_maker_file(struct crl_maker *m, const char *ca, char *path, size_t size, int64_t *number);
/* Makes a list now, out of the last one or (anew) from the rows alone; what was made is in *ret. */
struct crl_made {
	int64_t number, entries, next_update;
	uint64_t ms, bytes;
};
RC crl_maker_build(struct crl_maker *m, const char *ca, bool anew, struct crl_made *ret);
/* For alarms and /metrics: seconds until the list that ends first does; INT64_MIN without one. */
int64_t crl_maker_left(struct crl_maker *m);
/* GET …/crl/{ca}: answers with the file, cached until the next list is due. */
struct request;
struct response;
RC crl_maker_answer(struct crl_maker *m, struct slice ca, struct response *r);

#endif
