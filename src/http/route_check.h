#ifndef YD_HTTP_ROUTE_CHECK_H
#define YD_HTTP_ROUTE_CHECK_H
/* For tests of roles: walks a whole route table and asks, through the parser and the admission that the
 * server uses, what design.md 8.6 demands of each row.  Without a certificate 401, without the role 403,
 * with it admitted; each other method 405; one byte over the limit 413; another media type 415; no row
 * hidden by an earlier one.
 *
 *	static void the_route_table_holds(void **state)
 *	{
 *		struct rc rc = route_check(role_ra.routes, role_ra.route_count);
 *
 *		if (!rc_ok(rc))
 *			fail_msg("%s", rc_last()->text);
 *	}
 */
#include "http/server.h"

/* RC_BUG with the row and what it does wrong. */
RC route_check(const struct route *routes, size_t count);

#endif
