/* A crew counts what is done, what fails, and stops when nothing is left. */
#include "bench/crew.h"
#include "base/check.h"

#include <stdatomic.h>
#include <time.h>

struct world {
	atomic_int open, closed, steps;
	int limit;         /* steps until nothing is left; 0: no end */
	bool fail, refuse; /* every step; every lane */
};

static struct rc lane_open(void *arg, void **lane)
{
	struct world *w = arg;

	NEED(!w->refuse, RC_BUSY, "closed today");
	atomic_fetch_add(&w->open, 1);
	*lane = w;
	return OK;
}

static void lane_close(void *lane)
{
	struct world *w = lane;

	atomic_fetch_add(&w->closed, 1);
}

static struct rc step(void *lane, size_t *units)
{
	struct world *w = lane;
	struct timespec t = {.tv_nsec = 1000000};

	NEED(w->limit == 0 || atomic_fetch_add(&w->steps, 1) < w->limit, RC_NOTFOUND, "nothing left");
	(void)nanosleep(&t, NULL);
	*units = 3;
	NEED(!w->fail, RC_BUSY, "went wrong");
	return OK;
}

static struct crew_result run(struct world *w)
{
	struct crew c = {
	        .threads = 4, .window = 0.5, .arg = w, .open = lane_open, .close = lane_close, .step = step};
	struct crew_result r;

	assert_ok(crew_run(&c, &r));
	assert_int_equal(atomic_load(&w->open), w->refuse ? 0 : 4);
	assert_int_equal(atomic_load(&w->closed), atomic_load(&w->open));
	return r;
}

static void counts(void **state)
{
	struct world w = {.limit = 0};
	struct crew_result r = run(&w);

	(void)state;
	assert_int_equal(r.errors, 0);
	assert_true(r.steps > 0);
	/* three units in each step of at least a millisecond on four threads */
	assert_true(r.rate > 0 && r.rate <= 12000);
	assert_true(r.p50_ms >= 1 && r.p99_ms >= r.p50_ms);
}

static void ends_when_nothing_is_left(void **state)
{
	struct world w = {.limit = 40};
	struct crew_result r = run(&w);

	(void)state;
	assert_int_equal(r.steps, 40);
	assert_int_equal(r.errors, 0);
	assert_true(r.rate > 0);
}

static void failures_are_no_work(void **state)
{
	struct world w = {.fail = true};
	struct crew_result r = run(&w);

	(void)state;
	assert_true(r.errors > 0);
	assert_int_equal(r.steps, 0);
	assert_true(r.rate <= 0);
	assert_string_equal(r.why.text, "went wrong");
}

static void lanes_that_do_not_open(void **state)
{
	struct world w = {.refuse = true};
	struct crew_result r = run(&w);

	(void)state;
	assert_int_equal(r.errors, 4);
	assert_string_equal(r.why.text, "closed today");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(counts),
	        cmocka_unit_test(ends_when_nothing_is_left),
	        cmocka_unit_test(failures_are_no_work),
	        cmocka_unit_test(lanes_that_do_not_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
