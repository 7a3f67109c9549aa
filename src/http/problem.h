#ifndef YD_HTTP_PROBLEM_H
#define YD_HTTP_PROBLEM_H
/* The one map between results and HTTP statuses, both ways, and the RFC 9457 body of a refusal:
 *	{"type":"urn:yuandian:error:NAME","title":…,"status":403,"code":"NAME",
 *	 "detail":…,"clause":…,"request_id":…}
 * title is Chinese unless the caller prefers English.  What only operators or developers can act on
 * (RC_CRYPTO, RC_NOMEM, RC_BUG) keeps its detail for the log. */
#include "base/buf.h"
#include "base/json.h"
#include "base/rc.h"

#define PROBLEM_MEDIA "application/problem+json"
#define PROBLEM_MAX (64u << 10)

/* Ways to succeed. */
enum answer { ANSWER_OK, ANSWER_CREATED, ANSWER_ACCEPTED, ANSWER_NONE, ANSWER_NOT_MODIFIED, ANSWER_UNREADY };
unsigned answer_status(enum answer a);

unsigned problem_status(const struct rc_text *t);
const char *status_reason(unsigned status); /* "Not Found" */
/* True when the operator or the developers must look: the request loop logs these. */
bool problem_is_ours(const struct rc_text *t);
/* members may be NULL; its members are added (never replacing the standard ones).  NULL: no memory. */
json_t *problem_json(const struct rc_text *t, bool english, const char *request_id, const json_t *members);
/* The same without a request, for "error" members inside answers (results of a batch). */
json_t *problem_of(const struct rc_text *t, bool english);

/* The way back: the failure that a status and its body tell of; never RC_OK.  A peer's RC_BUG,
 * RC_CRYPTO or RC_NOMEM is RC_BUSY "peer-failed" here. */
RC problem_failure(unsigned status, struct slice body);

#endif
