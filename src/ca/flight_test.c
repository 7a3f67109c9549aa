/* Requests in flight: a key once, waiters woken, nothing lost between the queues. */
#include "ca/flight.h"

#include "base/clock.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct flights flights;

static int open_flights(void **state)
{
	(void)state;
	flights_open(&flights);
	return 0;
}

static int close_flights(void **state)
{
	(void)state;
	flights_close(&flights);
	return 0;
}

static struct issue *join(uint8_t n, bool want_fresh)
{
	uint8_t key[32] = {n, n};
	struct issue *i = NULL;
	bool fresh;

	assert_true(rc_ok(flight_join(&flights, key, &i, &fresh)));
	assert_int_equal(fresh, want_fresh);
	return i;
}

static void a_key_flies_once(void **state)
{
	struct issue *a = join(1, true), *b = join(1, false), *c = join(2, true);

	(void)state;
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_int_equal(flight_count(&flights), 2);
	assert_true(flight_known(&flights, a->row.key));
	flight_finish(&flights, &a, 1, false);
	assert_false(flight_known(&flights, a->row.key));
	assert_true(flight_wait(&flights, b, 0));
	flight_leave(&flights, b);
	flight_leave(&flights, a);
	/* the key is free again */
	a = join(1, true);
	assert_false(flight_wait(&flights, a, 0));
	flight_finish(&flights, &a, 1, false);
	flight_leave(&flights, a);
	flight_finish(&flights, &c, 1, false);
	flight_leave(&flights, c);
	assert_int_equal(flight_count(&flights), 0);
}

static void queues_keep_order_and_batch(void **state)
{
	struct issue *all[CA_BATCH + 4], *got[CA_BATCH];
	size_t n;

	(void)state;
	for (size_t k = 0; k < CA_BATCH + 4; k++) {
		uint8_t key[32] = {(uint8_t)k, (uint8_t)(k >> 8), 7};
		bool fresh;

		assert_true(rc_ok(flight_join(&flights, key, &all[k], &fresh)));
		flight_launch(&flights, &flights.prepare, &all[k], 1);
		flight_leave(&flights, all[k]); /* the queue holds it */
	}
	n = flight_take(&flights, &flights.prepare, got, 0);
	assert_int_equal(n, CA_BATCH);
	for (size_t k = 0; k < n; k++)
		assert_ptr_equal(got[k], all[k]);
	flight_queue(&flights, &flights.sign, got, n);
	assert_int_equal(flight_take(&flights, &flights.sign, got, 0), CA_BATCH);
	flight_finish(&flights, got, n, true);
	n = flight_take(&flights, &flights.prepare, got, 0);
	assert_int_equal(n, 4);
	flight_finish(&flights, got, n, true);
	assert_int_equal(flight_take(&flights, &flights.prepare, got, 0), 0);
	assert_int_equal(flight_count(&flights), 0);
}

static void *waiter(void *arg)
{
	struct issue *i = arg;
	bool *woken = mem_new(1, sizeof(bool));

	*woken = flight_wait(&flights, i, clock_mono_ms() + 20000);
	flight_leave(&flights, i);
	return woken;
}

static bool joined(pthread_t t)
{
	void *woken;
	bool r;

	assert_int_equal(pthread_join(t, &woken), 0);
	r = *(bool *)woken;
	mem_free(woken);
	return r;
}

static void waiters_are_woken(void **state)
{
	struct issue *i = join(9, true);
	pthread_t t[3];

	(void)state;
	for (size_t k = 0; k < 3; k++)
		assert_int_equal(pthread_create(&t[k], NULL, waiter, join(9, false)), 0);
	flight_finish(&flights, &i, 1, false);
	flight_leave(&flights, i);
	for (size_t k = 0; k < 3; k++)
		assert_true(joined(t[k]));
}

/* At the end nobody stays behind, and what still flies is not leaked (seen under asan). */
static void the_end_wakes_everybody(void **state)
{
	struct issue *i = join(9, true), *got[CA_BATCH];
	uint8_t key[32] = {77};
	pthread_t t;
	bool fresh;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, waiter, join(9, false)), 0);
	flight_launch(&flights, &flights.prepare, &i, 1);
	flight_end(&flights);
	assert_false(joined(t));
	assert_int_equal(flight_take(&flights, &flights.prepare, got, 10000), 0);
	assert_int_equal(flight_join(&flights, key, &i, &fresh).code, RC_BUSY);
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, open_flights, close_flights)
	const struct CMUnitTest tests[] = {
	        FRESH(a_key_flies_once),
	        FRESH(queues_keep_order_and_batch),
	        FRESH(waiters_are_woken),
	        FRESH(the_end_wakes_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
