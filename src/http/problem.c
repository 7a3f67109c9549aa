#include "http/problem.h"
#include "base/text.h"

struct err_status {
	enum err err;
	unsigned status;
};
/* Refusals whose status is not the one of their code. */
static const struct err_status special[] = {
        {ERR_HTTP_VERSION, 505},        {ERR_HTTP_HEADER_LARGE, 431}, {ERR_HTTP_URL_LONG, 414},
        {ERR_HTTP_BODY_LARGE, 413},     {ERR_TOO_LARGE, 413},         {ERR_HTTP_MEDIA, 415},
        {ERR_HTTP_METHOD, 405},         {ERR_HTTP_EXPECT, 417},       {ERR_HTTP_TIMEOUT, 408},
        {ERR_HTTP_NO_CERTIFICATE, 401},
};

static const unsigned by_code[] = {
        [RC_OK] = 200,   [RC_INPUT] = 400,     [RC_DENIED] = 403, [RC_NOTFOUND] = 404, [RC_CONFLICT] = 409,
        [RC_BUSY] = 503, [RC_UNCERTAIN] = 503, [RC_CRYPTO] = 500, [RC_NOMEM] = 503,    [RC_BUG] = 500,
};

static const unsigned by_answer[] = {
        [ANSWER_OK] = 200,   [ANSWER_CREATED] = 201,      [ANSWER_ACCEPTED] = 202,
        [ANSWER_NONE] = 204, [ANSWER_NOT_MODIFIED] = 304, [ANSWER_UNREADY] = 503,
};

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
};

unsigned answer_status(enum answer a)
{
	return by_answer[a];
}

unsigned problem_status(const struct rc_text *t)
{
	size_t i;

	for (i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (special[i].err == t->err)
			return special[i].status;
	return t->code != RC_OK && (size_t)t->code < sizeof(by_code) / sizeof(by_code[0]) ? by_code[t->code]
	                                                                                  : 500;
}

const char *status_reason(unsigned status)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* Being overloaded is counted, not logged: the log must not be what breaks under a flood. */
bool problem_is_ours(const struct rc_text *t)
{
	return t->code >= RC_BUSY && t->err != ERR_OVERLOADED;
}

static bool tells_detail(const struct rc_text *t)
{
	return t->code != RC_CRYPTO && t->code != RC_NOMEM && t->code != RC_BUG && t->text[0] != '\0' &&
	       text_utf8(slice_text(t->text));
}

static void add_members(json_t *o, const json_t *members)
{
	const char *key;
	json_t *v;
	void *at;

	/* jansson iterates over non-const objects only; nothing is changed. */
	for (at = json_object_iter((json_t *)(uintptr_t)members); at != NULL;
	     at = json_object_iter_next((json_t *)(uintptr_t)members, at)) {
		key = json_object_iter_key(at);
		v = json_object_iter_value(at);
		if (json_object_get(o, key) == NULL)
			json_put_take(o, key, json_incref(v));
	}
}

json_t *problem_json(const struct rc_text *t, bool english, const char *request_id, const json_t *members)
{
	const struct err_info *info = err_info(t->err);
	AUTO_JSON(o, json_object());
	AUTO_BUF(type, 256);

	buf_printf(&type, "urn:yuandian:error:%s", info->name);
	json_put_text(o, "type", buf_slice(&type));
	json_put_cstr(o, "title", english ? info->en : info->zh);
	json_put_int(o, "status", problem_status(t));
	json_put_cstr(o, "code", info->name);
	if (tells_detail(t))
		json_put_cstr(o, "detail", t->text);
	if (info->clause[0] != '\0')
		json_put_cstr(o, "clause", info->clause);
	if (request_id != NULL)
		json_put_cstr(o, "request_id", request_id);
	if (members != NULL && o != NULL)
		add_members(o, members);
	return rc_ok(json_put_result()) ? MOVE(o) : NULL;
}

json_t *problem_of(const struct rc_text *t, bool english)
{
	return problem_json(t, english, NULL, NULL);
}

/* ---- the way back ---- */

static RC by_status(unsigned status)
{
	if (status == 404 || status == 410)
		FAIL(RC_NOTFOUND, "the peer answers %u", status);
	if (status == 401 || status == 403)
		FAIL(RC_DENIED, "the peer answers %u", status);
	if (status == 409 || status == 412)
		FAIL(RC_CONFLICT, "the peer answers %u", status);
	if (status == 408 || status == 425 || status == 429 || status == 503 || status == 504)
		FAIL(RC_BUSY, "the peer answers %u", status);
	if (status >= 400 && status < 500)
		FAIL(RC_INPUT, "the peer answers %u", status);
	REFUSE(PEER_FAILED, "the peer answers %u", status);
}

RC problem_failure(unsigned status, struct slice body)
{
	AUTO_JSON(o, NULL);
	const char *code, *detail;
	enum err err;

	if (!rc_ok(json_read(body, PROBLEM_MAX, &o)))
		return by_status(status);
	code = json_string_value(json_object_get(o, "code"));
	detail = json_string_value(json_object_get(o, "detail"));
	err = code != NULL ? err_by_name(code) : ERR_COUNT;
	if (err == ERR_COUNT || err_info(err)->code == RC_OK)
		return by_status(status);
	if (err_info(err)->code == RC_CRYPTO || err_info(err)->code == RC_NOMEM ||
	    err_info(err)->code == RC_BUG)
		REFUSE(PEER_FAILED, "the peer answers %u %s", status, code);
	return rc_refuse(err, "%s", detail != NULL ? detail : err_info(err)->en);
}
