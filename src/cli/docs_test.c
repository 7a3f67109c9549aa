/* What is written for people and programs says what the tables say: the manual page every command and option,
 * the OpenAPI document every route of the RA, of the frame and of status. */
#include "base/check.h"
#include "base/text.h"
#include "cli/cli.h"
#include "http/server.h"
#include "instance/frame.h"

#include <string.h>

static void load(const char *path, struct buf *ret)
{
	assert_ok(file_read(path, ret->max, ret));
}

static void the_manual_names_every_command_and_option(void **state)
{
	AUTO_BUF(page, 1 << 20);
	const char *text;

	(void)state;
	load("docs/yuandian.1", &page);
	text = buf_cstr(&page);
	for (const struct cli_command *k = cli_commands; k->name != NULL; k++) {
		char needle[64];

		if (k->inner)
			continue;
		(void)snprintf(needle, sizeof(needle), "Cm %s", k->name);
		if (strstr(text, needle) == NULL)
			fail_msg("the manual does not name %s", k->name);
		for (const struct cli_option *o = k->options; o->name != NULL; o++) {
			(void)snprintf(needle, sizeof(needle), "Fl -%s", o->name);
			if (strstr(text, needle) == NULL)
				fail_msg("the manual does not name --%s of %s", o->name, k->name);
		}
	}
}

/* The part of the document about one path; "" when it is not there. */
static struct slice part_of(const char *text, const char *path)
{
	char needle[256];
	const char *at, *end;

	(void)snprintf(needle, sizeof(needle), "\n  %s:\n", path);
	at = strstr(text, needle);
	if (at == NULL)
		return SLICE_NONE;
	end = strstr(at + 1, "\n  /");
	return end != NULL ? slice_of(at, (size_t)(end - at)) : slice_text(at);
}

static void check_routes(const char *text, const struct route *routes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *method = routes[i].method == GET ? "\n    get:" : "\n    post:";
		char path[128];
		struct slice part;
		size_t n = 0;

		/* "{request*}" takes the rest of a path: OpenAPI has no word for that */
		for (const char *p = routes[i].path; *p != '\0' && n + 1 < sizeof(path); p++) {
			if (*p != '*')
				path[n++] = *p;
		}
		path[n] = '\0';
		part = part_of(text, path);
		assert_true(routes[i].method == GET || routes[i].method == POST);
		if (part.len == 0 || memmem(part.p, part.len, method, strlen(method)) == NULL)
			fail_msg("docs/openapi.yaml lacks %s of %s", method + 5, path);
		if (routes[i].media != NULL && memmem(part.p, part.len, "requestBody", 11) == NULL)
			fail_msg("docs/openapi.yaml: %s takes a body", path);
	}
}

static void openapi_names_every_route(void **state)
{
	AUTO_BUF(file, 1 << 20);
	const char *text;

	(void)state;
	load("docs/openapi.yaml", &file);
	text = buf_cstr(&file);
	check_routes(text, role_ra.routes, role_ra.route_count);
	check_routes(text, role_status.routes, role_status.route_count);
	check_routes(text, role_status.public_routes, role_status.public_route_count);
	check_routes(text, role_vault.routes, role_vault.route_count);
	check_routes(text, frame_routes, frame_route_count);
	check_routes(text, management_routes, MANAGEMENT_ROUTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_manual_names_every_command_and_option),
	                                   cmocka_unit_test(openapi_names_every_route)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
