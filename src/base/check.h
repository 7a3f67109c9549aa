#ifndef YD_BASE_CHECK_H
#define YD_BASE_CHECK_H
/* What every unit test includes: cmocka and assertions about results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rc.h"

/* The text of a failure that was not expected is shown. */
#define assert_ok(call) \
	do { \
		if (!rc_ok(call)) \
			fail_msg("%s: %s", #call, rc_last()->text); \
	} while (0)
#define assert_rc(call, want) assert_int_equal((call).code, (want))
#define assert_refused(call, want) \
	do { \
		assert_false(rc_ok(call)); \
		assert_int_equal(rc_last()->err, ERR_##want); \
	} while (0)

#endif
