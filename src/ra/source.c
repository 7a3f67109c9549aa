#include "ra/source.h"

#include "base/clock.h"
#include "base/text.h"
#include "evidence/alarm.h"
#include "evidence/log.h"
#include "evidence/record.h"
#include "ra/application.h"

#define PATH_MAX_LEN 256

static const char *const results[SOURCE_RESULTS] = {
        [SOURCE_NOT_ASKED] = "not-asked", [SOURCE_WAITING] = "waiting", [SOURCE_MATCH] = "match",
        [SOURCE_MISMATCH] = "mismatch",   [SOURCE_UNKNOWN] = "unknown",
};

const char *source_result_name(enum source_result r)
{
	return (size_t)r < SOURCE_RESULTS ? results[r] : "?";
}

/* The list is words between blanks. */
bool source_wanted(const struct ra *ra, struct slice profile)
{
	const char *p = instance_config(ra->in)->source_profiles;

	if (ra->source == NULL || p == NULL)
		return false;
	for (; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if ((n == 1 && *p == '*') || (n == profile.len && memcmp(p, profile.p, n) == 0))
			return true;
	}
	return false;
}

RC source_open(struct ra *ra)
{
	AUTO(trust, t, instance_trust(ra->in));
	const char *url = instance_config(ra->in)->source_url, *host = strstr(url, "://");
	char base[PATH_MAX_LEN];

	REQUIRE(host != NULL, CONFIG, "source_url: %s", url);
	(void)snprintf(base, sizeof(base), "%.*s", (int)(host + 3 - url + (ptrdiff_t)strcspn(host + 3, "/")),
	               url);
	return http_client_new(
	        &(struct http_client_config){.base_url = base, .authorities = trust_tls_pem(t)}, &ra->source);
}

/* ---- asking ---- */

static RC build_query(const struct statement *s, struct buf *ret)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "schema", "yuandian/source/v1");
	json_put_take(o, "profile", json_incref(json_object_get(s->body, "profile")));
	json_put_take(o, "identity", json_incref(json_object_get(s->body, "identity")));
	return json_canonical(o, ret);
}

static RC read_answer(struct slice text, enum source_result *ret)
{
	AUTO_JSON(o, NULL);
	struct slice word;

	TRY(json_read(text, SOURCE_ANSWER_MAX, &o));
	TRY(json_get_text(o, "result", 16, &word));
	for (int r = SOURCE_MATCH; r < SOURCE_RESULTS; r++) {
		if (slice_is(word, results[r])) {
			*ret = (enum source_result)r;
			return OK;
		}
	}
	FAIL(RC_INPUT, "the source answers %.*s", (int)word.len, (const char *)word.p);
}

/* Query, answer and time, sealed (R30.3). */
static RC keep(struct ra *ra, struct slice query, struct slice answer, struct source_answer *a)
{
	AUTO_JSON(o, json_object());
	AUTO_BUF(text, RECORD_MAX);

	json_put_cstr(o, "schema", "yuandian/source-record/v1");
	json_put_cstr(o, "source", instance_config(ra->in)->source_url);
	json_put_time(o, "at", a->at);
	json_put_base64(o, "query", query);
	json_put_base64(o, "answer", answer);
	json_put_cstr(o, "result", source_result_name(a->result));
	TRY(json_canonical(o, &text));
	TRY(record_put(instance_records(ra->in), buf_slice(&text), a->record));
	a->recorded = true;
	return OK;
}

static const char *path_of(const char *url)
{
	const char *host = strstr(url, "://"), *path = host != NULL ? strchr(host + 3, '/') : NULL;

	return path != NULL ? path : "/";
}

RC source_ask(struct ra *ra, const struct statement *application, struct source_answer *ret)
{
	AUTO_BUF(query, STATEMENT_JSON_MAX);
	AUTO_ANSWER(answer, SOURCE_ANSWER_MAX);
	struct slice profile = SLICE_NONE;
	struct rc rc;

	*ret = (struct source_answer){.result = SOURCE_NOT_ASKED, .at = clock_now()};
	TRY(json_get_text(application->body, "profile", RA_NAME, &profile));
	if (!source_wanted(ra, profile))
		return OK;
	TRY(build_query(application, &query));
	rc = http_call(ra->source,
	               &(struct http_call){.method = "POST",
	                                   .path = path_of(instance_config(ra->in)->source_url),
	                                   .media = "application/json",
	                                   .body = buf_slice(&query),
	                                   .deadline_ms = SOURCE_DEADLINE_MS},
	               &answer);
	ret->result = SOURCE_WAITING;
	/* what cannot be read is no answer */
	if (!rc_ok(rc) || !rc_ok(read_answer(buf_slice(&answer.body), &ret->result))) {
		instance_alarm(ra->in, "source-unreachable", slice_text(instance_config(ra->in)->source_url),
		               rc_last()->text);
		return OK;
	}
	return keep(ra, buf_slice(&query), buf_slice(&answer.body), ret);
}

RC source_put(struct ra *ra, struct db_tx *tx, int64_t application, const struct source_answer *a)
{
	char id[RA_ID + 1];
	AUTO_JSON(o, json_object());

	if (!a->recorded)
		return OK;
	TRY(ra_store_source_answer(tx->db, application, a));
	TRY(ra_store_id(tx->db, application, id));
	json_put_cstr(o, "id", id);
	json_put_cstr(o, "result", source_result_name(a->result));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(ra->in), tx, "source-answered", o, a->record, NULL);
}

/* ---- what is held ---- */

int64_t ra_held_due(void *arg, int64_t last)
{
	struct instance *in = arg;
	AUTO(db_lease, lease, NULL);
	bool any = false;

	if (!rc_ok(db_pool_lease(instance_readers(in), &lease)) ||
	    !rc_ok(ra_store_any(lease->db, APPLICATION_HELD, &any)))
		return INT64_MAX;
	return any ? last + SOURCE_PERIOD : INT64_MAX;
}

struct releasing {
	struct ra *ra;
	struct ra_application a;
	struct source_answer answer;
};

static struct rc release_write(struct db_tx *tx, void *arg)
{
	struct releasing *v = arg;
	struct ra_step step = {.seq = v->a.seq,
	                       .at = clock_now(),
	                       .from = APPLICATION_HELD,
	                       .event = APPLICATION_RELEASE,
	                       .by = instance_name(v->ra->in),
	                       .code = "",
	                       .text = ""};

	if (v->answer.recorded) {
		TRY(ra_store_source(tx->db, v->a.seq, (int)v->answer.result));
		TRY(source_put(v->ra, tx, v->a.seq, &v->answer));
		step.text = source_result_name(v->answer.result);
		TRY(alarm_clear(instance_log(v->ra->in), tx, "source-unreachable",
		                instance_config(v->ra->in)->source_url));
	}
	return ra_store_step(tx->db, &step);
}

static RC ask_again(struct db *db, struct releasing *v)
{
	AUTO_BUF(der, RA_STATEMENT_MAX);
	AUTO(statement, s, NULL);

	TRY(ra_store_bodies(db, v->a.seq, &(struct ra_bodies){.statement = &der}));
	TRY(statement_open(buf_slice(&der), &s));
	return source_ask(v->ra, s, &v->answer);
}

static RC release_one(struct releasing *v, bool *down)
{
	AUTO(db_lease, lease, NULL);

	v->answer = (struct source_answer){.result = SOURCE_NOT_ASKED};
	TRY(db_pool_lease(instance_readers(v->ra->in), &lease));
	if (v->a.source == SOURCE_WAITING)
		TRY(ask_again(lease->db, v));
	db_lease_free(MOVE(lease));
	if (v->answer.result == SOURCE_WAITING) {
		*down = true;
		return OK;
	}
	TRY(writer_run(instance_writer(v->ra->in), release_write, v));
	instance_wake(v->ra->in, ra_wake_key(v->a.id));
	atomic_fetch_add(&v->ra->counts[APPLICATION_RELEASE], 1);
	return OK;
}

struct round {
	size_t count;
	struct ra_application at[SOURCE_ROUND];
};

static struct rc gather(void *arg, const struct ra_application *a)
{
	struct round *r = arg;

	r->at[r->count++] = *a;
	return OK;
}

/* Nothing leaves while the RA is cut off; a source that was silent once is not asked again in this round. */
struct rc ra_held_run(void *arg, int64_t due)
{
	struct ra *ra = instance_state(arg);
	AUTO_MEM(struct round, r, mem_new(1, sizeof(*r)));
	AUTO_MEM(struct releasing, v, mem_new(1, sizeof(*v)));
	AUTO(trust, t, instance_trust(arg));
	AUTO(db_lease, lease, NULL);
	struct ra_filter f = {.state = APPLICATION_HELD, .limit = SOURCE_ROUND};
	bool down = false;

	(void)due;
	NEED(r != NULL && v != NULL, RC_NOMEM, "no memory");
	if (!rc_ok(ra_standing(ra, t)))
		return OK;
	TRY(db_pool_lease(instance_readers(arg), &lease));
	TRY(ra_store_each(lease->db, &f, gather, r));
	db_lease_free(MOVE(lease));
	v->ra = ra;
	for (size_t i = 0; i < r->count && !instance_ending(arg); i++) {
		v->a = r->at[i];
		if (down && v->a.source == SOURCE_WAITING)
			continue;
		TRY(release_one(v, &down));
	}
	return OK;
}
