/* Who may end, stop and release on which ground (R21.6, R21.7), cell by cell against the matrix of the
 * requirements, rows "Suspend" and "Revoke". */
#include "base/check.h"

#include "statement/order.h"

/* For each role: grounds for revoke, hold and release as letters: h holder, i institution, r RA, c CA. */
static const struct {
	const char *role, *grounds[ORDER_EVENTS];
} matrix[] = {
        {"subscriber", {"h", "h", ""}},
        {"entry", {"", "hi", ""}},
        {"review", {"hir", "hir", "hir"}},
        {"ca-operator", {"hic", "hic", "hic"}},
        {"institution", {"i", "", ""}},
        {"service", {"hrc", "hrc", ""}},
        {"auditor", {"", "", ""}},
        {"kmc-operator", {"", "", ""}},
        {"recovery", {"", "", ""}},
        {"security-admin", {"", "", ""}},
        {"regulator", {"", "", ""}},
        {"ceremony", {"", "", ""}},
        {"", {"", "", ""}},
};

static void every_cell(void **state)
{
	static const char letters[GROUNDS] = {'h', 'i', 'r', 'c'};

	(void)state;
	for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++) {
		for (int e = 0; e < ORDER_EVENTS; e++) {
			for (int g = 0; g < GROUNDS; g++) {
				struct rc rc = order_permitted(slice_text(matrix[i].role),
				                               (enum order_event)e, (enum order_ground)g);
				bool may = strchr(matrix[i].grounds[e], letters[g]) != NULL;

				if (rc_ok(rc) != may)
					fail_msg("%s %s %s", matrix[i].role,
					         order_event_name((enum order_event)e),
					         order_ground_name((enum order_ground)g));
				if (!may)
					assert_int_equal(rc_last()->err, ERR_REVOCATION_RIGHT);
			}
		}
	}
}

static RC read_body(const char *text, const char *role, struct order *ret)
{
	AUTO_JSON(body, NULL);
	struct statement s = {.kind = STATEMENT_REVOCATION, .issued = 1767225600, .role = slice_text(role)};

	assert_ok(json_read(slice_text(text), 4096, &body));
	s.body = body;
	return order_read(&s, ret);
}

#define CERTIFICATE "\"ca\":\"sm2\",\"serial\":\"a1b\","

static void the_body_is_read(void **state)
{
	struct order o;

	(void)state;
	assert_ok(read_body("{" CERTIFICATE "\"reason\":\"keyCompromise\"}", "review", &o));
	assert_true(o.event == ORDER_REVOKE && o.ground == GROUND_RA && o.scope == ORDER_BY_CPS);
	assert_true(o.serial_len == 2 && o.serial[0] == 0x0a && o.serial[1] == 0x1b && !o.has_reported);
	assert_ok(read_body("{" CERTIFICATE "\"reason\":\"certificateHold\",\"scope\":\"single\"}",
	                    "subscriber", &o));
	assert_true(o.event == ORDER_HOLD && o.ground == GROUND_HOLDER && o.scope == ORDER_SINGLE);
	assert_ok(read_body("{" CERTIFICATE "\"reason\":\"removeFromCRL\",\"ground\":\"institution\"}",
	                    "ca-operator", &o));
	assert_true(o.event == ORDER_RELEASE && o.ground == GROUND_INSTITUTION);
	assert_refused(read_body("{" CERTIFICATE "\"reason\":\"removeFromCRL\"}", "subscriber", &o),
	               REVOCATION_RIGHT);
	/* R31.5: nobody reports what was signed before */
	assert_ok(read_body("{" CERTIFICATE
	                    "\"reason\":\"superseded\",\"reported\":\"2026-01-01T00:00:00Z\"}",
	                    "review", &o));
	assert_int_equal(o.reported, 1767225600);
	assert_int_equal(read_body("{" CERTIFICATE
	                           "\"reason\":\"superseded\",\"reported\":\"2026-01-02T00:00:00Z\"}",
	                           "review", &o)
	                         .code,
	                 RC_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_cell),
	        cmocka_unit_test(the_body_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
