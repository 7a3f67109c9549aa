#ifndef YD_CLI_CALENDAR_H
#define YD_CLI_CALENDAR_H
/* A count of working days, day by day: for `calendar explain` and `deadline explain`. */
#include "calendar/calendar.h"
#include "cli/cli.h"

RC calendar_print_days(struct cli *c, const struct calendar *calendar, int32_t from, int n);
RC calendar_put_days(const struct calendar *calendar, int32_t from, int n, json_t *o); /* member "days" */

#endif
