/* How long one key may be certified in all (R21.4). */
#include "base/time.h"
#include "pki/profile_parts.h"

int profile_key_life(const struct profile *p)
{
	const json_t *v = json_object_get(p->json, "key_life_days");

	return json_is_integer(v) ? (int)json_integer_value(v) : (int)p->days_max;
}

int profile_extension_days(const struct profile *p, int64_t not_before, int64_t now)
{
	int64_t left = (not_before + profile_key_life(p) * TIME_DAY - now) / TIME_DAY;

	if (left > p->days)
		left = p->days;
	return left > 0 ? (int)left : 0;
}

RC profile_extend(const struct profile *p, const struct authority *a, const struct profile_extension *e,
                  int64_t *not_after)
{
	int64_t end, life = profile_key_life(p) * TIME_DAY;

	REQUIRE(e->days > 0, KEY_LIFE, "profile %s: %d days in all, nothing is left", p->id,
	        profile_key_life(p));
	TRY(profile_validity(p, a, e->now, e->days, &end));
	REQUIRE(end - e->not_before < life, KEY_LIFE, "profile %s: %lld days in all, %d are allowed", p->id,
	        (long long)((end - e->not_before) / TIME_DAY) + 1, profile_key_life(p));
	REQUIRE(end > e->not_after, PROFILE_VALIDITY, "the certificate would not end later than now");
	*not_after = end;
	return OK;
}
