#ifndef YD_CLI_CALENDAR_H
#define YD_CLI_CALENDAR_H
/* What the commands about calendar and deadlines share. */
#include "calendar/calendar.h"
#include "cli/cli.h"

/* The editions to count by: --editions, or those that this program has. */
RC calendar_open(struct cli *c, struct calendar **ret);
/* A count of working days, day by day. */
RC calendar_print_days(struct cli *c, const struct calendar *calendar, int32_t from, int n);
RC calendar_put_days(const struct calendar *calendar, int32_t from, int n, json_t *o); /* member "days" */

#endif
