/* Kept answers (R21.6, R21.9): found as they were put, gone with a change, never more than the memory given.
 */
#include "status/cache.h"

#include "base/auto.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define ANSWER 440

static const char certificate[] = "of a responder";

struct sample {
	uint8_t serial[16], id[40], der[ANSWER];
	struct cache_name name;
	struct cache_answer answer;
};

/* way: another CertID for the same serial */
static void make(struct sample *s, unsigned n, uint8_t way)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->serial, &n, sizeof(n));
	s->serial[15] = 1;
	s->id[0] = way;
	memcpy(s->id + 1, s->serial, sizeof(s->serial));
	memset(s->der, (int)(n % 251), sizeof(s->der));
	memcpy(s->der + 100, s->id, sizeof(s->id));
	s->name = (struct cache_name){.issuer = 1, .serial = SLICE_ARR(s->serial), .id = SLICE_ARR(s->id)};
	s->answer = (struct cache_answer){.der = SLICE_ARR(s->der),
	                                  .by = certificate,
	                                  .this_update = 1000,
	                                  .until = 2000,
	                                  .next_update = 3000,
	                                  .kind = 1};
	memcpy(s->answer.tag, s->serial, CACHE_TAG);
}

static bool has(struct cache *c, const struct sample *s, int64_t now)
{
	uint8_t room[ANSWER];
	struct cache_answer a;

	if (!cache_find(c, &s->name, now, room, &a))
		return false;
	assert_true(slice_equal(a.der, s->answer.der));
	assert_ptr_equal(a.by, certificate);
	assert_int_equal(a.next_update, 3000);
	assert_int_equal(a.kind, 1);
	assert_memory_equal(a.tag, s->answer.tag, CACHE_TAG);
	return true;
}

static bool put(struct cache *c, const struct sample *s)
{
	return cache_put(c, &s->name, cache_mark(c, &s->name), &s->answer);
}

static void what_was_put_is_found_in_its_time(void **state)
{
	AUTO(cache, c, NULL);
	struct sample s;

	(void)state;
	assert_true(rc_ok(cache_new(1 << 20, ANSWER, &c)));
	make(&s, 7, 0);
	assert_false(has(c, &s, 1500));
	assert_true(put(c, &s));
	assert_true(has(c, &s, 1000));
	assert_true(has(c, &s, 1999));
	assert_false(has(c, &s, 2000));
	/* a clock that was set back */
	assert_false(has(c, &s, 999));
	s.name.issuer = 2;
	assert_false(has(c, &s, 1500));
	s.name.issuer = 1;
	s.id[0] = 9;
	assert_false(has(c, &s, 1500));
}

/* A revocation takes every answer about its certificate, however it was asked for, and no other. */
static void a_change_takes_all_answers_about_one(void **state)
{
	AUTO(cache, c, NULL);
	struct sample s[3], other;

	(void)state;
	assert_true(rc_ok(cache_new(1 << 20, ANSWER, &c)));
	make(&other, 8, 0);
	assert_true(put(c, &other));
	for (uint8_t i = 0; i < 3; i++) {
		make(&s[i], 7, i);
		assert_true(put(c, &s[i]));
	}
	cache_drop(c, 1, s[0].name.serial);
	for (size_t i = 0; i < 3; i++)
		assert_false(has(c, &s[i], 1500));
	assert_true(has(c, &other, 1500));
}

/* Looked up before the revocation, signed after it: must not come back. */
static void what_was_overtaken_is_not_kept(void **state)
{
	AUTO(cache, c, NULL);
	struct sample s;
	uint32_t mark;

	(void)state;
	assert_true(rc_ok(cache_new(1 << 20, ANSWER, &c)));
	make(&s, 7, 0);
	mark = cache_mark(c, &s.name);
	cache_drop(c, 1, s.name.serial);
	assert_false(cache_put(c, &s.name, mark, &s.answer));
	assert_false(has(c, &s, 1500));
	assert_true(put(c, &s));
	assert_true(has(c, &s, 1500));
}

static void a_longer_answer_is_not_kept(void **state)
{
	AUTO(cache, c, NULL);
	struct sample s;

	(void)state;
	assert_true(rc_ok(cache_new(1 << 20, ANSWER - 1, &c)));
	make(&s, 7, 0);
	assert_false(put(c, &s));
	assert_false(has(c, &s, 1500));
}

/* Far more than fits: the newest is there, none is confused with another, memory was taken at the start. */
static void room_is_bounded(void **state)
{
	AUTO(cache, c, NULL);
	size_t found = 0;

	(void)state;
	assert_true(rc_ok(cache_new(1 << 20, ANSWER, &c)));
	for (unsigned i = 0; i < 20000; i++) {
		struct sample s;

		make(&s, i, 0);
		assert_true(put(c, &s));
		assert_true(has(c, &s, 1500));
	}
	for (unsigned i = 0; i < 20000; i++) {
		struct sample s;

		make(&s, i, 0);
		found += has(c, &s, 1500);
	}
	assert_in_range(found, 1000, (1 << 20) / ANSWER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_put_is_found_in_its_time),
	        cmocka_unit_test(a_change_takes_all_answers_about_one),
	        cmocka_unit_test(what_was_overtaken_is_not_kept),
	        cmocka_unit_test(a_longer_answer_is_not_kept),
	        cmocka_unit_test(room_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
