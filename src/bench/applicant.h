#ifndef YD_BENCH_APPLICANT_H
#define YD_BENCH_APPLICANT_H
/* People who want certificates: keys and CSRs are ready before the clock runs; each key is used once. */
#include "base/json.h"
#include "pki/profile.h"
#include "sm/sm2.h"

#define APPLICANT_PROFILE "person"
#define APPLICANT_CLASS "GOV"
#define APPLICANT_EVIDENCE 1024 /* bytes of the scanned document */

struct applicant {
	struct buf csr;
	uint8_t spki_sm3[32];
	unsigned number;
};
/* n of them; numbers count on from one call to the next. */
RC applicants_new(size_t n, struct applicant **ret);
void applicants_free(struct applicant *a, size_t n);

/* A document of the applicant's own. */
void applicant_evidence(const struct applicant *a, uint8_t ret[APPLICANT_EVIDENCE]);
/* Body of the application statement, with that evidence. */
RC applicant_application(const struct applicant *a, json_t **ret);
/* RFC 4514 text of the subject, from the profile. */
RC applicant_subject(const struct profile *p, const json_t *application, struct buf *ret);
/* Body of the approval statement. */
struct applicant_case {
	const struct applicant *a;
	const uint8_t *application_sm3;
	struct slice id, entity, authority, subject;
};
RC applicant_approval(const struct applicant_case *c, json_t **ret);

#endif
