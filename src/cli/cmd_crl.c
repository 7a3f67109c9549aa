/* yuandian crl build CA: asks the CA for a revocation list now. */
#include "cli/officer.h"

struct rc cmd_crl_build(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_ANSWER(answer, OFFICER_ANSWER_MAX);
	AUTO_BUF(path, 256);
	AUTO_JSON(made, NULL);
	const json_t *number;

	TRY(officer_open_at(c, "ca", &o));
	TRY(officer_path(&path, "/v1/crl/", c->operands[0], cli_has(c, "anew") ? "?anew=1" : ""));
	TRY(http_call(o.ra,
	              &(struct http_call){
	                      .method = "POST", .path = buf_cstr(&path), .deadline_ms = OFFICER_DEADLINE_MS},
	              &answer));
	TRY(json_read(buf_slice(&answer.body), JSON_MAX, &made));
	if (c->json)
		return cli_json(c, "crl", MOVE(made));
	number = json_object_get(made, "number");
	printf("%lld\n", (long long)json_integer_value(number));
	return OK;
}
