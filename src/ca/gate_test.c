/* Walks the issue gate: with everything in order it is open; each condition broken alone closes it, with its
 * own code (requirements d.1: G01, G07, G09, G11, G12, G13, G14, G17; law 6). */
#include "ca/gate.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1795000000LL

struct scene {
	struct trust_authorisation authorisation;
	struct trust_cps cps;
	struct trust_ra ra;
	struct trust_profile profile;
	struct profile *loaded;
	json_t *authorised, *approved, *application, *approval;
	struct gate gate;
};

static const char application_text[] =
        "{\"profile\":\"person\",\"class\":\"GOV\",\"purpose\":\"办公系统登录\",\"region\":\"350000\","
        "\"agreement\":{\"version\":\"1\",\"accepted\":true},"
        "\"evidence\":[{\"type\":\"identity-document\",\"sm3\":\"00\",\"size\":1}]}";

static json_t *json_of(const char *text)
{
	json_t *v = json_loads(text, 0, NULL);

	assert_non_null(v);
	return v;
}

static void scene_open(struct scene *s)
{
	*s = (struct scene){0};
	assert_true(rc_ok(profile_builtin("person", &s->loaded)));
	memcpy(s->profile.id, "person", 7);
	memset(s->profile.hash, 0xab, 32);
	s->profile.profile = s->loaded;
	s->authorised = json_of(
	        "{\"classes\":[\"GOV\"],\"regions\":[\"350000\"],\"ra\":[\"shifan/ra\"],\"profiles\":{"
	        "\"person\":\"abababababababababababababababababababababababababababababababab\"}}");
	s->approved = json_of("{\"regions\":[\"*\"],\"classes\":[\"GOV\",\"PUBLIC\"]}");
	s->application = json_of(application_text);
	s->approval = json_of("{\"validity_days\":730}");
	s->authorisation = (struct trust_authorisation){.present = true,
	                                                .number = 1,
	                                                .not_before = NOW - 10,
	                                                .not_after = NOW + 10,
	                                                .body = s->authorised};
	memcpy(s->authorisation.institution, "shifan", 7);
	s->cps = (struct trust_cps){.present = true, .version = 1, .effective = NOW - 10};
	s->ra = (struct trust_ra){.present = true, .not_after = NOW + 10, .body = s->approved};
	memcpy(s->ra.ra, "shifan/ra", 10);
	s->gate = (struct gate){
	        .authorisation = &s->authorisation,
	        .cps = &s->cps,
	        .ra = &s->ra,
	        .profile = &s->profile,
	        .institution = "shifan",
	        .application = s->application,
	        .approval = s->approval,
	        .entered_by = SLICE_LIT("person-1"),
	        .reviewed_by = SLICE_LIT("person-2"),
	        .entered = NOW - 100,
	        .reviewed = NOW - 50,
	        .caller = "shifan/ra",
	        .pair = true,
	        .kmc = true,
	        .now = NOW,
	        .latest = NOW - 1,
	};
}

static void scene_close(struct scene *s)
{
	json_decref(s->authorised);
	json_decref(s->approved);
	json_decref(s->application);
	json_decref(s->approval);
	profile_free(s->loaded);
}

static void set(json_t *o, const char *key, const char *json)
{
	char text[256];
	json_t *v;

	snprintf(text, sizeof(text), "[%s]", json);
	v = json_of(text);
	assert_int_equal(json_object_set(o, key, json_array_get(v, 0)), 0);
	json_decref(v);
}

/* One way to break one condition. */
struct fault {
	enum err code;
	const char *gate, *what;
	void (*make)(struct scene *s);
};

#define FAULT(name, ...)                                                                                     \
	static void name(struct scene *s)                                                                    \
	{                                                                                                    \
		__VA_ARGS__;                                                                                 \
	}
FAULT(no_authorisation, s->authorisation.present = false)
FAULT(other_institution, memcpy(s->authorisation.institution, "other", 6))
FAULT(authorisation_early, s->authorisation.not_before = NOW + 1)
FAULT(authorisation_over, s->authorisation.not_after = NOW)
FAULT(no_profile, s->gate.profile = NULL)
FAULT(profile_unlisted, json_object_clear(json_object_get(s->authorised, "profiles")))
FAULT(profile_changed, s->profile.hash[31] ^= 1)
FAULT(class_unlicensed, set(s->authorised, "classes", "[\"PUBLIC\"]"))
FAULT(class_missing, json_object_del(s->application, "class"))
FAULT(no_ra, s->ra.present = false)
FAULT(other_ra, s->gate.caller = "shifan/ra-2")
FAULT(ra_over, s->ra.not_after = NOW)
FAULT(ra_region, set(s->approved, "regions", "[\"360000\"]"))
FAULT(ra_class, set(s->approved, "classes", "[\"PUBLIC\"]"))
FAULT(ra_unlisted, set(s->authorised, "ra", "[]"))
FAULT(region_unlisted, set(s->authorised, "regions", "[\"110000\"]"))
FAULT(no_cps, s->cps.present = false)
FAULT(cps_early, s->cps.effective = NOW + 1)
FAULT(too_long, set(s->approval, "validity_days", "1096"))
FAULT(one_person, s->gate.reviewed_by = s->gate.entered_by)
FAULT(no_person, s->gate.entered_by = SLICE_NONE)
FAULT(reviewed_before, s->gate.reviewed = s->gate.entered - 1)
FAULT(stale, s->gate.entered = NOW - (GATE_EVIDENCE_DAYS * TIME_DAY + 1))
FAULT(not_agreed, set(s->application, "agreement", "{\"version\":\"1\",\"accepted\":false}"))
FAULT(no_purpose, json_object_del(s->application, "purpose"))
FAULT(no_evidence, set(s->application, "evidence", "[]"))
FAULT(no_record, s->gate.records_failed = true)
FAULT(approved_before, s->gate.restored = NOW - 1)
FAULT(no_kmc, s->gate.kmc = false)
FAULT(clock_unset, s->gate.now = 1000)
FAULT(clock_back, s->gate.latest = NOW + GATE_BACKWARD + 1)

static const struct fault faults[] = {
        {ERR_AUTHORISATION, "G01", "no authorisation", no_authorisation},
        {ERR_AUTHORISATION, "G01", "authorisation of another institution", other_institution},
        {ERR_AUTHORISATION, "G01", "authorisation not yet in force", authorisation_early},
        {ERR_AUTHORISATION, "G01", "authorisation over", authorisation_over},
        {ERR_PROFILE_OUTSIDE, "G12", "unknown profile", no_profile},
        {ERR_PROFILE_OUTSIDE, "G12", "profile not in the authorisation", profile_unlisted},
        {ERR_PROFILE_OUTSIDE, "G12", "profile changed after the authorisation", profile_changed},
        {ERR_G11, "G11", "class outside the authorisation", class_unlicensed},
        {ERR_PROFILE_OUTSIDE, "G12", "R02.1: no class", class_missing},
        {ERR_G09, "G09", "no approved RA", no_ra},
        {ERR_G09, "G09", "another RA calls", other_ra},
        {ERR_G09, "G09", "approval of the RA over", ra_over},
        {ERR_G09, "G09", "region outside the approval", ra_region},
        {ERR_G09, "G09", "class outside the approval", ra_class},
        {ERR_G09, "G09", "RA not in the authorisation", ra_unlisted},
        {ERR_G09, "G09", "region outside the authorisation", region_unlisted},
        {ERR_G12, "G12", "no CPS", no_cps},
        {ERR_G12, "G12", "CPS not yet in force", cps_early},
        {ERR_G12, "G12", "validity beyond the profile", too_long},
        {ERR_G13, "G13", "one person enters and reviews", one_person},
        {ERR_G13, "G13", "nobody entered", no_person},
        {ERR_G13, "G13", "reviewed before entered", reviewed_before},
        {ERR_G13, "G13", "stale evidence", stale},
        {ERR_G13, "G13", "R21.1: agreement not accepted", not_agreed},
        {ERR_G13, "G13", "R02.4: no purpose", no_purpose},
        {ERR_G13, "G13", "evidence missing", no_evidence},
        {ERR_G14, "G14", "record store not confirming", no_record},
        {ERR_APPROVAL_BEFORE, "G14", "approved before a restoration", approved_before},
        {ERR_G07, "G07", "R06.5: no KMC", no_kmc},
        {ERR_G17, "G17", "clock never set", clock_unset},
        {ERR_G17, "G17", "clock behind the log", clock_back},
};

static void open_when_all_holds(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	for (size_t i = 0; i < gate_row_count; i++) {
		if (!rc_ok(gate_rows[i].check(&s.gate)))
			fail_msg("%s: %s", gate_rows[i].code, rc_last()->text);
	}
	assert_true(rc_ok(gate_check(&s.gate)));
	s.gate.pair = false;
	s.gate.kmc = false;
	assert_true(rc_ok(gate_check(&s.gate)));
	scene_close(&s);
}

/* A closed gate answers with the code of the row that closed it. */
static void each_fault_closes_with_its_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct scene s;
		bool row = false;

		scene_open(&s);
		faults[i].make(&s);
		if (rc_ok(gate_check(&s.gate)))
			fail_msg("%s: the gate stayed open", faults[i].what);
		if (rc_last()->err != faults[i].code)
			fail_msg("%s: %s instead of %s (%s)", faults[i].what, err_info(rc_last()->err)->name,
			         err_info(faults[i].code)->name, rc_last()->text);
		for (size_t r = 0; r < gate_row_count; r++) {
			if (rc_ok(gate_rows[r].check(&s.gate)))
				continue;
			row = strcmp(gate_rows[r].code, faults[i].gate) == 0;
			break;
		}
		if (!row)
			fail_msg("%s: closed by another row than %s", faults[i].what, faults[i].gate);
		assert_true(strlen(err_info(faults[i].code)->clause) > 0);
		scene_close(&s);
	}
}

/* No row of the table is without a way to fail. */
static void every_row_is_walked(void **state)
{
	(void)state;
	for (size_t r = 0; r < gate_row_count; r++) {
		bool closed = false;

		for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
			struct scene s;

			scene_open(&s);
			faults[i].make(&s);
			/* rows before it look into what an unknown profile does not have */
			if (s.gate.profile != NULL && !rc_ok(gate_rows[r].check(&s.gate)))
				closed = true;
			scene_close(&s);
		}
		if (!closed)
			fail_msg("nothing closes row %zu, %s", r, gate_rows[r].code);
	}
}

/* The clock may stand a little behind what is written, and everything holds at its very edge. */
static void edges_are_inside(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	s.gate.latest = NOW + GATE_BACKWARD;
	s.gate.entered = s.gate.reviewed = NOW - GATE_EVIDENCE_DAYS * TIME_DAY;
	s.authorisation.not_before = NOW;
	s.authorisation.not_after = NOW + 1;
	s.cps.effective = NOW;
	set(s.approval, "validity_days", "1095");
	if (!rc_ok(gate_check(&s.gate)))
		fail_msg("%s", rc_last()->text);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(open_when_all_holds),
	        cmocka_unit_test(each_fault_closes_with_its_code),
	        cmocka_unit_test(every_row_is_walked),
	        cmocka_unit_test(edges_are_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
