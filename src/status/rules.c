/* What the configuration says of OCSP answers. */
#include "status/status.h"

#include "base/time.h"
#include "key/key.h"

#define MIB ((size_t)1 << 20)

static RC read_asking(const char *word, enum signed_requests *ret)
{
	static const char *const words[] = {"ignored", "checked", "required"};

	*ret = SIGNED_IGNORED;
	if (word == NULL)
		return OK;
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum signed_requests)i;
			return OK;
		}
	}
	REFUSE(CONFIG, "ocsp_signed_requests is ignored, checked or required, not %s", word);
}

static RC read_extended(struct status *s, const char *list)
{
	struct slice rest = list != NULL ? slice_text(list) : SLICE_NONE;

	while (rest.len > 0) {
		const uint8_t *end = memchr(rest.p, ' ', rest.len);
		struct slice word = slice_of(rest.p, end != NULL ? (size_t)(end - rest.p) : rest.len);
		size_t skip = word.len + (end != NULL), i = 0;

		rest = slice_of(rest.p + skip, rest.len - skip);
		while (i < s->issuers && !slice_is(word, s->issuer[i].id))
			i++;
		REQUIRE(i < s->issuers, CONFIG, "ocsp_extended_revoked: no authority %.*s is served here",
		        (int)word.len, (const char *)word.p);
		s->rules.extended[i] = true;
	}
	return OK;
}

static size_t signature_max(const struct status *s)
{
	size_t most = 0;

	for (size_t i = 0; i < s->issuers; i++) {
		struct cert c;
		size_t len = rc_ok(cert_parse(responder_der(&s->issuer[i]), &c)) &&
		                             (c.key.kind == PUBKEY_SM2 || c.key.kind == PUBKEY_P256)
		                     ? 72
		                     : KEY_SIG_MAX;
		most = len > most ? len : most;
	}
	return most;
}

RC ocsp_start(struct status *s)
{
	const struct instance_config *c = instance_config(s->in);

	s->rules.again = c->ocsp_cache_seconds > 0 ? c->ocsp_cache_seconds : 60;
	s->rules.hold = c->ocsp_preproduced_seconds;
	s->rules.archive = (int64_t)c->ocsp_archive_days * TIME_DAY;
	TRY(read_asking(c->ocsp_signed_requests, &s->rules.asking));
	TRY(read_extended(s, c->ocsp_extended_revoked));
	return cache_new((c->ocsp_cache_mib > 0 ? c->ocsp_cache_mib : 256) * MIB,
	                 OCSP_KEPT_BESIDE + signature_max(s), &s->cache);
}
