/* What follows from a rule is stated by the instance itself: its service key signs, its certificate is pinned
 * in the trust folders of its organisation. */
#include "base/clock.h"
#include "base/text.h"
#include "instance/frame.h"
#include "pki/cert.h"
#include "signer/client.h"

#define RULE_KEY "service"

/* organisation/role of an instance as a file's name. */
RC frame_log_certificate(struct instance *in, const char *log, struct buf *ret)
{
	char path[FRAME_PATH_MAX + 128], name[INSTANCE_NAME_MAX + 32];
	const char *role = strchr(log, '/');

	REQUIRE(role != NULL && strlen(log) <= INSTANCE_NAME_MAX, LOG_HEAD, "%s is no instance's name", log);
	snprintf(name, sizeof(name), "trust/logs/%.*s.%s.cer", (int)(role - log), log, role + 1);
	TRY(frame_path(in, name, path));
	return rc_note(file_read(path, CERT_DER_MAX, ret), "%s", name);
}

static RC own_certificate(struct instance *in, enum statement_kind kind, struct buf *ret)
{
	char path[FRAME_PATH_MAX + 128], name[INSTANCE_NAME_MAX + 32];
	const char *own = strchr(in->name, '/');

	if (kind == STATEMENT_TREE_HEAD)
		return frame_log_certificate(in, in->name, ret);
	REQUIRE(own != NULL, TRUST, "%s is no instance's name", in->name);
	snprintf(name, sizeof(name), "trust/services/%s.cer", own + 1);
	TRY(frame_path(in, name, path));
	return rc_note(file_read(path, CERT_DER_MAX, ret), "%s", name);
}

RC instance_statement(struct instance *in, enum statement_kind kind, const json_t *body, struct buf *ret)
{
	AUTO_BUF(certificate, CERT_DER_MAX);
	AUTO_BUF(json, STATEMENT_JSON_MAX);
	struct statement_head h = {.kind = kind,
	                           .organisation = in->org,
	                           .issued = clock_now(),
	                           .role = kind == STATEMENT_TREE_HEAD ? "log" : "service"};

	TRY(own_certificate(in, kind, &certificate));
	h.certificate = buf_slice(&certificate);
	TRY(statement_build(&h, body, &json));
	return signer_statement(instance_signer(in), SLICE_LIT(RULE_KEY), buf_slice(&json), ret);
}
