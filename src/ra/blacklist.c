#include "ra/blacklist.h"

#include "base/clock.h"
#include "evidence/log.h"
#include "evidence/record.h"
#include "sm/sm3.h"

#include <string.h>

#define MARK BLACKLIST_MARK
#define MARKS_MAX 16
#define DEPTH_MAX 4

struct marks {
	size_t count;
	uint8_t at[MARKS_MAX][MARK];
};

/* ---- marks ---- */

static void make_mark(const struct ra *ra, const char *kind, const char *text, uint8_t ret[MARK])
{
	struct sm3_hmac h;

	sm3_hmac_init(&h, slice_of(ra->registry->p, ra->registry->len));
	sm3_hmac_update(&h, SLICE_LIT("blacklist"));
	sm3_hmac_update(&h, slice_of(kind, strlen(kind) + 1));
	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)(*text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text);

		sm3_hmac_update(&h, slice_of(&c, 1));
	}
	sm3_hmac_final(&h, ret);
}

/* Every member "number" or "code", wherever the profile has it: an agent's document counts too. */
static void collect(const struct ra *ra, const json_t *o, unsigned depth, struct marks *ret)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v)
	{
		bool named = strcmp(key, "number") == 0 || strcmp(key, "code") == 0;

		if (json_is_object(v) && depth < DEPTH_MAX)
			collect(ra, v, depth + 1, ret);
		else if (named && json_is_string(v) && ret->count < MARKS_MAX)
			make_mark(ra, key, json_string_value(v), ret->at[ret->count++]);
	}
}

/* ---- looking ---- */

static RC not_listed(struct db *db, const uint8_t mark[MARK], int64_t at)
{
	bool listed;

	TRY(ra_store_listed(db, mark, at, &listed));
	REQUIRE(!listed, BLACKLISTED, "the applicant is on the list");
	return OK;
}

RC blacklist_check(const struct ra *ra, struct db *db, const json_t *identity, const uint8_t mark[32],
                   int64_t at)
{
	struct marks m = {.count = 0};

	TRY(not_listed(db, mark, at));
	collect(ra, identity, 0, &m);
	for (size_t i = 0; i < m.count; i++)
		TRY(not_listed(db, m.at[i], at));
	return OK;
}

/* ---- changing ---- */

struct changing {
	struct ra *ra;
	const struct statement *s;
	const char *text;
	bool remove;
	struct blacklist_entry e;
};

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* Exactly one of the three says who. */
static RC read_change(struct changing *v)
{
	static const char *const kinds[] = {"number", "code", "entity"};
	const json_t *body = v->s->body;
	size_t found = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (text_of(body, kinds[i]) != NULL) {
			v->e.kind = kinds[i];
			v->text = text_of(body, kinds[i]);
			found++;
		}
	}
	NEED(found == 1, RC_INPUT, "exactly one of number, code and entity is named");
	v->remove = strcmp(text_of(body, "action"), "remove") == 0;
	v->e.reason = text_of(body, "reason");
	v->e.since = v->e.now;
	v->e.until = 0;
	if (json_object_get(body, "from") != NULL)
		TRY(json_get_time(body, "from", &v->e.since));
	if (json_object_get(body, "until") != NULL)
		TRY(json_get_time(body, "until", &v->e.until));
	NEED(v->e.until == 0 || v->e.until > v->e.since, RC_INPUT, "until is not after from");
	if (strcmp(v->e.kind, "entity") != 0)
		make_mark(v->ra, v->e.kind, v->text, v->e.mark);
	return OK;
}

static struct rc change_write(struct db_tx *tx, void *arg)
{
	struct changing *v = arg;
	AUTO_JSON(o, json_object());

	if (strcmp(v->e.kind, "entity") == 0)
		TRY(ra_store_entity_mark(tx->db, v->text, v->e.mark));
	TRY(v->remove ? ra_store_unlist(tx->db, &v->e) : ra_store_list(tx->db, &v->e));
	json_put_cstr(o, "kind", v->e.kind);
	json_put_hex(o, "mark", SLICE_ARR(v->e.mark));
	json_put_cstr(o, "by", v->e.by);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->ra->in), tx, v->remove ? "blacklist-removed" : "blacklist-added", o,
	                  v->e.record, NULL);
}

RC blacklist_change(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);
	struct changing v = {.ra = ra, .e = {.by = q->peer->person, .now = clock_now()}};

	TRY(ra_statement(ra, q, RA_KIND(BLACKLIST), &s));
	v.s = s;
	TRY(read_change(&v));
	TRY(record_put(instance_records(ra->in), buf_slice(&s->der), v.e.record));
	TRY(writer_run(instance_writer(ra->in), change_write, &v));
	*ret = json_object();
	json_put_cstr(*ret, "kind", v.e.kind);
	json_put_cstr(*ret, "state", v.remove ? "removed" : "listed");
	return json_put_result();
}

/* ---- showing ---- */

static struct rc add_entry(void *arg, const struct blacklist_row *r)
{
	json_t *o = json_object();

	json_put_int(o, "id", r->id);
	json_put_text(o, "kind", r->kind);
	json_put_text(o, "reason", r->reason);
	json_put_time(o, "from", r->since);
	if (r->until != 0)
		json_put_time(o, "until", r->until);
	json_put_text(o, "added_by", r->added_by);
	json_put_time(o, "added_at", r->added_at);
	if (r->removed_at != 0) {
		json_put_text(o, "removed_by", r->removed_by);
		json_put_time(o, "removed_at", r->removed_at);
		json_put_text(o, "removed_reason", r->removed_reason);
	}
	NEED(o != NULL && json_array_append_new(arg, o) == 0, RC_NOMEM, "no memory");
	return json_put_result();
}

struct looking {
	struct ra *ra;
	const char *by;
	int64_t after;
};

static struct rc look_write(struct db_tx *tx, void *arg)
{
	const struct looking *v = arg;
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "by", v->by);
	json_put_int(o, "after", v->after);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->ra->in), tx, "blacklist-read", o, NULL, NULL);
}

/* Who is on it is nobody's affair: whoever looks leaves his name first. */
RC blacklist_list(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	json_t *list = json_array();
	int64_t after = 0;

	json_put_take(o, "blacklist", list);
	TRY(request_query_only(q, "after", NULL));
	TRY(request_query_int(q, "after", 0, INT64_MAX, &after));
	TRY(writer_run(instance_writer(ra->in), look_write,
	               &(struct looking){.ra = ra, .by = q->peer->person, .after = after}));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_blacklist(lease->db, after, add_entry, list));
	*ret = MOVE(o);
	return OK;
}
