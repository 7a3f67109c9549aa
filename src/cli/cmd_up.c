/* What runs the platform: up, serve, ceremony, unlock, clock, and the two inner commands. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/time.h"
#include "ceremony/ceremony.h"
#include "instance/instance.h"
#include "signer/signer.h"
#include "supervisor/supervisor.h"

#define PORT_MAX 65000
#define STEP_MAX (400LL * 366 * TIME_DAY)

static RC up_options(struct cli *c, struct up_options *o)
{
	int64_t port = -1;

	TRY(cli_get_int(c, "base-port", 0, PORT_MAX, &port));
	*o = (struct up_options){
	        .data = cli_get(c, "data"),
	        .config = cli_get(c, "config"),
	        .unlock = cli_get(c, "unlock"),
	        .base_port = (int)port,
	        .demo = cli_has(c, "demo"),
	        .test_clock = cli_has(c, "test-clock"),
	};
	return OK;
}

struct rc cmd_up(struct cli *c)
{
	struct up_options o;

	TRY(up_options(c, &o));
	return supervisor_up(&o);
}

struct rc cmd_serve(struct cli *c)
{
	struct up_options o;

	TRY(up_options(c, &o));
	return supervisor_serve(c->operands[0], &o);
}

/* Waiting for another root's certificate is accepted, not complete. */
static RC ceremony_ends(struct cli *c, enum ceremony_state state)
{
	json_t *o;

	c->exit = state == CEREMONY_DONE ? CLI_OK : CLI_INCOMPLETE;
	if (!c->json) {
		cli_note(c,
		         state == CEREMONY_DONE ? "密钥仪式已完成"
		                                : "证书请求已写出；由外部根签发后用 --install 装入",
		         state == CEREMONY_DONE
		                 ? "the ceremony is complete"
		                 : "the request is written; take in its certificate with --install");
		return OK;
	}
	o = json_object();
	json_put_cstr(o, "state", state == CEREMONY_DONE ? "done" : "waiting");
	json_put_cstr(o, "data", cli_get(c, "data"));
	return cli_json(c, "ceremony", o);
}

struct rc cmd_ceremony(struct cli *c)
{
	enum ceremony_state state = CEREMONY_BROKEN;
	int64_t port = -1;

	TRY(cli_get_int(c, "base-port", 0, PORT_MAX, &port));
	if (cli_has(c, "install")) {
		struct ceremony_install i = {
		        .data = cli_get(c, "data"),
		        .certificate = cli_get(c, "install"),
		        .chain = cli_get(c, "chain"),
		        .unlock = cli_get(c, "unlock"),
		};

		TRY(ceremony_install(&i, &state));
		return ceremony_ends(c, state);
	}
	struct ceremony_options o = {
	        .plan = cli_get(c, "plan"),
	        .data = cli_get(c, "data"),
	        .base_port = (int)port,
	        .test_clock = cli_has(c, "test-clock"),
	};

	TRY(ceremony_run(&o, &state));
	return ceremony_ends(c, state);
}

struct rc cmd_unlock(struct cli *c)
{
	char path[4096];
	const char *source = cli_get(c, "unlock");

	if (source == NULL) {
		int n = snprintf(path, sizeof(path), "%s/demo/unlock", cli_get(c, "data"));

		REQUIRE(n > 0 && (size_t)n < sizeof(path), USAGE, "--data is too long");
		source = path;
	}
	return supervisor_unlock(cli_get(c, "data"), source);
}

/* "+N", "-N" or "N" seconds. */
static RC step_parse(const char *text, int64_t *ret)
{
	bool minus = text[0] == '-';
	uint64_t v;

	if (text[0] == '+' || minus)
		text++;
	REQUIRE(rc_ok(text_u64(slice_text(text), STEP_MAX, &v)), USAGE,
	        "step takes seconds like +3600 or -60");
	*ret = minus ? -(int64_t)v : (int64_t)v;
	return OK;
}

struct rc cmd_clock(struct cli *c)
{
	const char *verb = c->operands[0], *value = c->operands[1];
	char path[4096], now[21];
	int64_t v;
	int n = snprintf(path, sizeof(path), "%s/clock", cli_get(c, "data"));
	json_t *o;

	REQUIRE(n > 0 && (size_t)n < sizeof(path), USAGE, "--data is too long");
	if (strcmp(verb, "set") == 0) {
		REQUIRE(rc_ok(time_parse(slice_text(value), &v)), USAGE,
		        "set takes a time like 2026-11-22T08:00:00Z");
		TRY(clock_set(path, v));
	} else {
		REQUIRE(strcmp(verb, "step") == 0, USAGE, "clock takes set or step");
		TRY(step_parse(value, &v));
		TRY(clock_step(path, v));
	}
	TRY(clock_open(path));
	time_text(clock_now(), now);
	if (!c->json) {
		cli_line(c, "%s", now);
		return OK;
	}
	o = json_object();
	json_put_cstr(o, "now", now);
	return cli_json(c, "clock", o);
}

struct rc cmd_instance(struct cli *c)
{
	static const struct role *const roles[] = {&role_ca, &role_kmc,    &role_source,
	                                           &role_ra, &role_status, &role_vault};
	const char *name = c->operands[0], *slash = strchr(name, '/');

	REQUIRE(slash != NULL, USAGE, "%s is not organisation/role", name);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		size_t len = strlen(roles[i]->name);

		/* "ra" and "ra-2" */
		if (strncmp(slash + 1, roles[i]->name, len) != 0 ||
		    (slash[1 + len] != '\0' && slash[1 + len] != '-'))
			continue;
		c->exit = instance_main(name, cli_get(c, "data"), roles[i]) == 0 ? CLI_OK : CLI_FAILURE;
		return OK;
	}
	REFUSE(USAGE, "%s: there is no such role", name);
}

struct rc cmd_signer(struct cli *c)
{
	struct signer_options o = {
	        .name = c->operands[0],
	        .data = cli_get(c, "data"),
	        .role_fd = INSTANCE_FD_SIGNER,
	        .control_fd = INSTANCE_FD_SUPERVISOR,
	        .sandboxed = true,
	};

	return signer_main(&o);
}
