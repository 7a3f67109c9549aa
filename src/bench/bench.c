#include "bench/bench.h"
#include "bench/platform.h"
#include "bench/private.h"
#include "base/mem.h"

#include <string.h>

static const struct {
	const char *name;
	struct rc (*run)(struct bench *b);
	bool platform;
} groups[] = {
        {"sm", bench_sm, false},          {"start", bench_start, true},
        {"issue", bench_issue, true},     {"door", bench_door, true},
        {"status", bench_status, true},   {"ocsp", bench_ocsp, true},
        {"crl", bench_crl, true},         {"log", bench_log, true},
        {"records", bench_records, true}, {"register", bench_register, false},
        {"load", bench_load, true},
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

const char *bench_name(size_t i)
{
	return i < GROUPS ? groups[i].name : NULL;
}

static bool wanted(const struct bench_options *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->count; i++) {
		if (strcmp(o->names[i], name) == 0)
			return true;
	}
	return o->count == 0;
}

static RC check(const struct bench_options *o)
{
	size_t i, k;

	for (i = 0; i < o->count; i++) {
		for (k = 0; k < GROUPS && strcmp(groups[k].name, o->names[i]) != 0; k++)
			;
		NEED(k < GROUPS, RC_INPUT, "bench: there is no group %s", o->names[i]);
	}
	for (k = 0; k < GROUPS; k++)
		NEED(!groups[k].platform || !wanted(o, groups[k].name) || o->data != NULL, RC_INPUT,
		     "bench: %s needs a folder for the platform", groups[k].name);
	return OK;
}

/* What was measured before a failure is kept. */
static RC run_groups(struct bench *b)
{
	size_t i;

	for (i = 0; i < GROUPS; i++) {
		if (!wanted(b->options, groups[i].name))
			continue;
		fprintf(stderr, "bench: %s\n", groups[i].name);
		TRY(groups[i].run(b));
		if (b->options->out != NULL)
			TRY(rows_save(&b->rows, b->options->out));
	}
	return OK;
}

RC bench_run(const struct bench_options *o)
{
	AUTO_MEM(struct bench, b, mem_new(1, sizeof(*b)));
	struct rc rc;

	TRY(check(o));
	NEED(b != NULL, RC_NOMEM, "bench: no memory");
	b->options = o;
	rc = run_groups(b);
	platform_stop(b->platform);
	if (b->rows.count > 0 && !rc_ok(rows_print(&b->rows, o->json, stdout)))
		fprintf(stderr, "bench: %s\n", rc_last()->text);
	return rc;
}
