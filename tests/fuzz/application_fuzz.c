/* Application data: what a profile takes as an identity can be issued, for every key and part; the file of a
 * profile that loads can be asked everything. */
#include "pki/profile_parts.h"
#include "pki/profile_trial.h"

#include <stdlib.h>

#define NOW 1767225600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void issue(const struct profile *p, const json_t *identity)
{
	struct profile_trial t = {.identity = identity, .from = NOW};

	if (p->class_count > 0)
		t.class = slice_text(p->classes[0]);
	if (!rc_ok(profile_check_identity(p, identity)) || !rc_ok(profile_check_day(p, identity, NOW)))
		return;
	for (unsigned k = 0; k < PUBKEY_KINDS; k++) {
		AUTO_BUF(sign, PROFILE_TBS_MAX);
		AUTO_BUF(encrypt, PROFILE_TBS_MAX);
		struct cert c;

		t.key = (enum pubkey_kind)k;
		if (!profile_has_key(p, t.key))
			continue;
		if (!rc_ok(profile_trial(p, &t, PROFILE_SIGN, &sign)) ||
		    !rc_ok(cert_parse_tbs(buf_slice(&sign), &c)))
			abort();
		if (profile_dual(p) && k == PUBKEY_SM2 &&
		    !rc_ok(profile_trial(p, &t, PROFILE_ENCRYPT, &encrypt)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON(v, NULL);
	AUTO(profile, p, NULL);
	AUTO(profile, file, NULL);
	const char *id;

	if (rc_ok(profile_load(slice_of(data, size), &file)) && profile_example(file) != NULL)
		(void)profile_key_life(file);
	if (!rc_ok(json_read(slice_of(data, size), JSON_MAX, &v)))
		return 0;
	id = json_string_value(json_object_get(v, "profile"));
	if (id != NULL && rc_ok(profile_builtin(id, &p)))
		issue(p, json_object_get(v, "identity"));
	if (p != NULL)
		(void)rc_ok(profile_check_evidence(p, json_object_get(v, "evidence")));
	return 0;
}
