#include "ca/gate.h"

/* ---- helpers over signed bodies ---- */

/* The list holds the value, or "*". */
static bool list_has(const json_t *body, const char *key, struct slice value)
{
	const json_t *list = json_object_get(body, key);
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		const char *s = json_string_value(v);

		if (s != NULL && (strcmp(s, "*") == 0 || slice_is(value, s)))
			return true;
	}
	return false;
}

static struct slice text_of(const json_t *body, const char *key)
{
	const json_t *v = json_object_get(body, key);

	return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : SLICE_NONE;
}

/* ---- conditions ---- */

/* G01 in its present form: a short-lived signed authorisation of the regulator; stale = closed (E-03). */
static RC authorised(const struct gate *g)
{
	const struct trust_authorisation *a = g->authorisation;

	REQUIRE(a->present, AUTHORISATION, "no authorisation is at hand");
	REQUIRE(strcmp(a->institution, g->institution) == 0, AUTHORISATION, "the authorisation names %s",
	        a->institution);
	REQUIRE(g->now >= a->not_before && g->now < a->not_after, AUTHORISATION,
	        "authorisation %lld is not in force now", (long long)a->number);
	return OK;
}

static RC kmc_known(const struct gate *g)
{
	REQUIRE(!g->pair || g->kmc, G07,
	        "no key-management centre with a certificate in force is configured");
	return OK;
}

static RC ra_approved(const struct gate *g)
{
	struct slice region = text_of(g->application, "region"), class = text_of(g->application, "class");

	REQUIRE(g->ra->present, G09, "no registration authority is approved");
	REQUIRE(strcmp(g->ra->ra, g->caller) == 0, G09, "%s is not the approved registration authority",
	        g->caller);
	REQUIRE(g->now < g->ra->not_after, G09, "the approval of %s has ended", g->ra->ra);
	REQUIRE(list_has(g->ra->body, "regions", region), G09, "the region is outside the approval of %s",
	        g->ra->ra);
	REQUIRE(list_has(g->ra->body, "classes", class), G09, "the class is outside the approval of %s",
	        g->ra->ra);
	REQUIRE(list_has(g->authorisation->body, "ra", slice_text(g->caller)), G09,
	        "the authorisation does not name %s", g->caller);
	REQUIRE(list_has(g->authorisation->body, "regions", region), G09,
	        "the authorisation does not cover the region");
	return OK;
}

/* R02.1: one class, in authorisation and profile. */
static RC class_licensed(const struct gate *g)
{
	struct slice class = text_of(g->application, "class");

	REQUIRE(list_has(g->authorisation->body, "classes", class), G11,
	        "the authorisation does not cover this class");
	return OK;
}

static RC profile_listed(const struct gate *g)
{
	const json_t *profiles = json_object_get(g->authorisation->body, "profiles");
	uint8_t hash[32];

	REQUIRE(g->profile != NULL && !profile_internal(g->profile->profile), PROFILE_OUTSIDE,
	        "there is no such profile for applicants");
	REQUIRE(json_object_get(profiles, g->profile->id) != NULL, PROFILE_OUTSIDE,
	        "the authorisation does not name the profile %s", g->profile->id);
	TRY(json_get_hex(profiles, g->profile->id, hash, sizeof(hash)));
	REQUIRE(memcmp(hash, g->profile->hash, sizeof(hash)) == 0, PROFILE_OUTSIDE,
	        "the profile %s is not the authorised edition", g->profile->id);
	REQUIRE(profile_has_class(g->profile->profile, text_of(g->application, "class")), PROFILE_OUTSIDE,
	        "the profile %s does not serve this class", g->profile->id);
	return OK;
}

static RC cps_in_force(const struct gate *g)
{
	int64_t days;

	REQUIRE(g->cps->present && g->cps->effective <= g->now, G12, "no CPS version is in force");
	TRY(json_get_int(g->approval, "validity_days", 1, 36500, &days));
	REQUIRE(days <= profile_days_max(g->profile->profile), G12,
	        "%lld days are more than the profile allows", (long long)days);
	return OK;
}

/* R30.4, R21.1: two natural persons, evidence complete and fresh, agreement accepted, purpose told. */
static RC evidence_complete(const struct gate *g)
{
	const json_t *agreement = json_object_get(g->application, "agreement");

	REQUIRE(g->entered_by.len > 0 && g->reviewed_by.len > 0, G13, "entry and review must be persons");
	REQUIRE(!slice_equal(g->entered_by, g->reviewed_by), G13, "entry and review are the same person");
	REQUIRE(g->reviewed >= g->entered, G13, "the review is older than the application");
	REQUIRE(g->now - g->entered <= GATE_EVIDENCE_DAYS * 86400LL, G13,
	        "the evidence is older than %d days", GATE_EVIDENCE_DAYS);
	REQUIRE(json_is_true(json_object_get(agreement, "accepted")), G13, "the agreement is not accepted");
	REQUIRE(text_of(g->application, "purpose").len > 0, G13, "no purpose is given");
	/* R21.3: the old key proves who asks */
	REQUIRE(g->holder || rc_ok(profile_check_evidence(g->profile->profile,
	                                                  json_object_get(g->application, "evidence"))),
	        G13, "evidence that the profile %s asks for is missing", g->profile->id);
	return OK;
}

static RC records_confirmed(const struct gate *g)
{
	REQUIRE(!g->records_failed, G14, "the record store failed a moment ago");
	return OK;
}

/* R12.5: who approved before a restoration approved something that may have been issued then, with the same
 * serial number; it is reviewed again. */
static RC approved_since(const struct gate *g)
{
	REQUIRE(g->reviewed >= g->restored, APPROVAL_BEFORE, "the approval is older than the restoration");
	return OK;
}

/* C13, E-17: never before what is written already, never before this program was made. */
static RC time_healthy(const struct gate *g)
{
	REQUIRE(g->now >= GATE_CLOCK_LEAST, G17, "the clock was never set");
	REQUIRE(g->now >= g->latest - GATE_BACKWARD, G17,
	        "the clock stands %lld s behind what is written already", (long long)(g->latest - g->now));
	return OK;
}

const struct gate_row gate_rows[] = {
        {"G17", "C13", time_healthy},         {"G14", "24", records_confirmed},
        {"G14", "12(1)", approved_since},     {"G01", "17, 28, 35", authorised},
        {"G12", "22", profile_listed}, /* before those that look into the profile */
        {"G11", "15(1), 16", class_licensed}, {"G09", "8", ra_approved},
        {"G12", "14(1), 22", cps_in_force},   {"G13", "30", evidence_complete},
        {"G07", "6(5)", kmc_known},
};
const size_t gate_row_count = sizeof(gate_rows) / sizeof(gate_rows[0]);

RC gate_check(const struct gate *g)
{
	for (size_t i = 0; i < gate_row_count; i++)
		TRY(gate_rows[i].check(g));
	return OK;
}
