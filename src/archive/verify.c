/* Stamps, and the frame of judging. */
#include "archive/verify.h"

#include "archive/judge.h"
#include "base/mem.h"
#include "base/time.h"
#include "pki/crl.h"
#include "pki/name.h"
#include "sm/sm3.h"

/* ---- certificates ---- */

static bool is_pinned(const struct archive_trust *t, struct slice der)
{
	uint8_t hash[SM3_LEN];
	bool found = false;

	sm3_hash(der, hash);
	for (size_t i = 0; i < t->count; i++)
		found = found || memcmp(t->anchor[i], hash, sizeof(hash)) == 0;
	return found;
}

static RC gather(struct judge *j)
{
	j->authority_count = 1;
	for (size_t i = 0; i < j->a->count; i++) {
		struct slice der = buf_slice(&j->a->object[i].data);

		if (j->a->object[i].kind != ARCHIVE_AUTHORITY)
			continue;
		TRY(cert_parse(der, &j->authority[j->authority_count]));
		if (is_pinned(j->t, der))
			j->anchor[j->anchor_count++] = j->authority[j->authority_count];
		j->authority_count++;
	}
	return OK;
}

RC judge_path(struct judge *j, struct slice certificate, int64_t at, struct chain *ret)
{
	TRY(cert_parse(certificate, &j->authority[0]));
	return chain_verify(j->authority, j->authority_count, j->anchor, j->anchor_count, at, ret);
}

/* ---- revocation lists ---- */

static bool is_list_of(const struct crl *l, const struct cert *issuer)
{
	return name_equal(l->issuer, issuer->subject) && !l->delta && !l->unknown_critical && !l->has_idp &&
	       rc_ok(crl_verify(l, &issuer->key));
}

RC judge_lists(const struct judge *j, const struct cert *c, const struct cert *issuer, size_t last,
               int64_t at, struct judge_state *ret)
{
	for (size_t i = 0; i < j->a->count; i++) {
		const struct archive_object *o = &j->a->object[i];
		struct crl_entry e;
		struct crl l;

		if (o->kind != ARCHIVE_CRL || o->layer > last)
			continue;
		TRY(crl_parse(buf_slice(&o->data), &l));
		if (!is_list_of(&l, issuer) || l.this_update > at + ARCHIVE_SKEW)
			continue;
		ret->lists++;
		ret->covered = ret->covered || (at <= l.next_update && l.next_update != 0);
		if (!rc_ok(crl_find(&l, c->serial, &e)) || e.revoked_at > at)
			continue;
		ret->revoked_at =
		        ret->revoked && ret->revoked_at < e.revoked_at ? ret->revoked_at : e.revoked_at;
		ret->revoked = true;
	}
	return OK;
}

/* ---- stamps ---- */

/* Every certificate above and of a stamp was valid and not known to be revoked at the instant. */
static RC still_good(struct judge *j, size_t n, int64_t at)
{
	struct chain path;
	size_t last = n + 1 < j->a->layers ? n + 1 : n;

	TRY(judge_path(j, j->stamp[n].certificate, at, &path));
	for (size_t i = 0; i + 1 < path.count; i++) {
		struct judge_state s = {0};

		TRY(judge_lists(j, path.at[i], path.at[i + 1], last, at, &s));
		REQUIRE(!s.revoked, TSP_SIGNER, "archive: a certificate of stamp %zu was revoked", n + 1);
	}
	return OK;
}

static RC read_stamp(struct judge *j, size_t n)
{
	struct slice token = buf_slice(&j->a->stamp[n]);
	uint8_t imprint[ARCHIVE_HASH];

	REQUIRE(token.len > 0, ARCHIVE_UNSTAMPED, "archive: layer %zu has no time stamp", n + 1);
	TRY(tsp_token_parse(token, &j->stamp[n]));
	TRY(tsp_token_own_form(&j->stamp[n], token));
	TRY(archive_layer_imprint(j->a, n, imprint));
	TRY(tsp_token_verify(&j->stamp[n], imprint));
	REQUIRE(n == 0 || j->stamp[n].info.at >= j->stamp[n - 1].info.at, ARCHIVE_LATE,
	        "archive: stamp %zu is older than the one before", n + 1);
	return OK;
}

static RC check_stamps(struct judge *j)
{
	size_t n, count = j->a->layers;
	int64_t now = j->now;

	REQUIRE(count > 0, ARCHIVE_UNSTAMPED, "archive: it is empty");
	for (n = 0; n < count; n++)
		TRY(rc_note(read_stamp(j, n), "stamp %zu", n + 1));
	REQUIRE(j->stamp[count - 1].info.at <= now + TSP_ACCURACY, ARCHIVE_LATE,
	        "archive: the last stamp lies ahead");
	for (n = 0; n < count; n++) {
		TRY(rc_note(still_good(j, n, j->stamp[n].info.at), "stamp %zu at its own time", n + 1));
		if (n + 1 < count)
			REQUIRE(rc_ok(still_good(j, n, j->stamp[n + 1].info.at)), ARCHIVE_LATE,
			        "archive: stamp %zu had ended when the next was made: %s", n + 1,
			        rc_last()->text);
		else
			REQUIRE(rc_ok(still_good(j, n, now)), ARCHIVE_OVER,
			        "archive: the last stamp has ended and none was added: %s", rc_last()->text);
	}
	return OK;
}

/* When the last stamp's path ends. */
static RC renewal(struct judge *j, int64_t *ret)
{
	struct chain path;

	TRY(judge_path(j, j->stamp[j->a->layers - 1].certificate, j->now, &path));
	*ret = TIME_MAX;
	for (size_t i = 0; i < path.count; i++)
		*ret = path.at[i]->not_after < *ret ? path.at[i]->not_after : *ret;
	return OK;
}

/* ---- all of it ---- */

static void judge_close(struct judge *j)
{
	mem_free(j->authority);
	mem_free(j->anchor);
	mem_free(j->stamp);
	for (size_t i = 0; i < ARCHIVE_OBJECTS; i++)
		statement_free(j->statement[i]);
}

static RC judge_all(struct judge *j, struct archive_report *ret)
{
	NEED(j->authority != NULL && j->anchor != NULL && j->stamp != NULL, RC_NOMEM, "archive: no memory");
	TRY(gather(j));
	TRY(check_stamps(j));
	ret->stamps = j->a->layers;
	ret->first = j->stamp[0].info.at;
	ret->last = j->stamp[j->a->layers - 1].info.at;
	TRY(renewal(j, &ret->renew));
	TRY(judge_statements(j, ret));
	return judge_subjects(j, ret);
}

RC archive_verify(const struct archive *a, const struct archive_trust *t, int64_t now,
                  struct archive_report *ret)
{
	struct judge j = {.a = a,
	                  .t = t,
	                  .now = now,
	                  .authority = mem_new(ARCHIVE_OBJECTS + 1, sizeof(*j.authority)),
	                  .anchor = mem_new(ARCHIVE_OBJECTS, sizeof(*j.anchor)),
	                  .stamp = mem_new(ARCHIVE_LAYERS, sizeof(*j.stamp))};
	struct rc rc;

	*ret = (struct archive_report){0};
	rc = judge_all(&j, ret);
	judge_close(&j);
	return rc;
}
