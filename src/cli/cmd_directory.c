/* yuandian directory show, repair: the publisher's queue, and a comparison of everything in the LDAP
 * directory. */
#include "cli/objects.h"
#include "cli/officer.h"

#include <time.h>

#define REPAIR_SECONDS 3600
#define POLL_MS 200

struct rc cmd_directory_show(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);

	TRY(officer_open_at(c, "status", &o));
	TRY(officer_get(&o, "/v1/directory", &answer));
	if (c->json)
		return cli_json(c, "directory", json_incref(answer));
	tree_print(c, answer, 0);
	return OK;
}

static RC number(const json_t *answer, const char *key, int64_t *ret)
{
	json_t *r;

	TRY(json_get(answer, "repair", &r));
	return json_get_int(r, key, 0, INT64_MAX, ret);
}

/* Until the comparison that was asked for is over. */
static RC wait_for(struct officer *o, int64_t asked, json_t **ret)
{
	static const struct timespec tick = {.tv_nsec = POLL_MS * 1000000};

	for (int i = 0; i < REPAIR_SECONDS * 1000 / POLL_MS; i++) {
		AUTO_JSON(answer, NULL);
		int64_t done;

		TRY(officer_get(o, "/v1/directory", &answer));
		TRY(number(answer, "done", &done));
		if (done >= asked) {
			*ret = MOVE(answer);
			return OK;
		}
		nanosleep(&tick, NULL);
	}
	FAIL(RC_BUSY, "the comparison goes on; `directory show` tells of it");
}

struct rc cmd_directory_repair(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(begun, NULL);
	AUTO_JSON(answer, NULL);
	int64_t asked;

	TRY(officer_open_at(c, "status", &o));
	TRY(http_call_json(o.ra, &(struct http_call){.method = "POST", .path = "/v1/directory/repair"}, NULL,
	                   &begun));
	TRY(number(begun, "asked", &asked));
	TRY(wait_for(&o, asked, &answer));
	if (c->json)
		return cli_json(c, "directory", json_incref(answer));
	tree_print(c, answer, 0);
	return OK;
}
