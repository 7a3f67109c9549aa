/* Witnesses (design 4, R12.4): this instance shows the heads of its log to those that its configuration
 * names, with a proof that each continues the one before; and it keeps the heads that others show it. Whoever
 * restores yesterday's database, or writes the log anew, finds that somebody knows better. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "evidence/log_tree.h"
#include "http/client.h"
#include "instance/frame.h"
#include "instance/heads.h"

#include <time.h>

#define WITNESSES 4
#define FIRST_MS 100     /* until a first witness has answered */
#define SILENT_MS 600000 /* then an alarm */
#define DEADLINE_MS 2000
#define STEP_MS 100
#define ALARM_SILENT "witness-unreachable"

enum checked { CHECK_UNKNOWN, CHECK_GOOD, CHECK_ROLLBACK, CHECK_FORK };

struct one {
	char name[INSTANCE_NAME_MAX + 1], url[256];
	struct http_client *client;
	uint64_t heard; /* clock_mono_ms() of its last answer, or of the start */
	bool told;      /* the alarm of its silence */
};

struct witness {
	struct instance *in;
	pthread_t thread;
	bool running;
	_Atomic int checked;
	size_t count;
	struct one one[WITNESSES];
};

/* ---- showing ---- */

/* What the witness kept last of this log; *found false: nothing. */
static RC ask(struct witness *w, struct one *o, struct head_row *ret, bool *found)
{
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);
	AUTO_BUF(der, STATEMENT_MAX);
	json_t *list;

	buf_text(&path, "/v1/witness/heads?limit=1&log=");
	http_escape(&path, slice_text(w->in->name));
	TRY(buf_done(&path));
	TRY(http_call_json(o->client,
	                   &(struct http_call){.path = buf_cstr(&path), .deadline_ms = DEADLINE_MS}, NULL,
	                   &answer));
	TRY(json_get_array(answer, "heads", 1, &list));
	*found = json_array_size(list) > 0;
	if (!*found)
		return OK;
	TRY(json_get_base64(json_array_get(list, 0), "statement", STATEMENT_MAX, &der));
	return heads_read(w->in, w->in->name, buf_slice(&der), ret, true);
}

/* Is what the witness saw the beginning of what is here? */
static RC compare(struct witness *w, const struct head_row *seen)
{
	AUTO(db_lease, lease, NULL);
	AUTO(log_tree, t, NULL);
	struct tree_reader r;
	tree_hash root;
	uint64_t size = log_size(w->in->log);

	REQUIRE(seen->head.size <= size, LOG_ROLLBACK, "this log has %llu entries, a witness saw %llu",
	        (unsigned long long)size, (unsigned long long)seen->head.size);
	TRY(db_pool_lease(w->in->readers, &lease));
	TRY(log_tree_open(lease->db, &t));
	r = log_tree_reader(t);
	TRY(tree_read_root(&r, seen->head.size, root));
	REQUIRE(memcmp(root, seen->head.root, TREE_HASH) == 0, LOG_FORK,
	        "the first %llu entries are not those a witness saw", (unsigned long long)seen->head.size);
	return OK;
}

static RC proof_since(struct witness *w, uint64_t from, uint64_t to, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO(log_tree, t, NULL);
	struct tree_reader r;
	struct tree_proof p = {.count = 0};

	if (from > 0 && from < to) {
		TRY(db_pool_lease(w->in->readers, &lease));
		TRY(log_tree_open(lease->db, &t));
		r = log_tree_reader(t);
		TRY(tree_consistency(&r, from, to, &p));
	}
	return heads_proof_json(&p, ret);
}

static RC hand_over(struct witness *w, struct one *o, uint64_t from)
{
	AUTO_HEAD(now);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	json_t *proof;
	bool found;

	TRY(heads_fresh(w->in, &now, &found));
	if (!found)
		return OK;
	TRY(proof_since(w, from, now.head.size, &proof));
	json_put_base64(body, "statement", buf_slice(&now.statement));
	json_put_take(body, "proof", proof);
	TRY(json_put_result());
	return http_call_json(o->client,
	                      &(struct http_call){.method = "POST",
	                                          .path = "/v1/witness/heads",
	                                          .deadline_ms = DEADLINE_MS},
	                      body, &answer);
}

static RC show(struct witness *w, struct one *o)
{
	AUTO_HEAD(seen);
	bool found;

	TRY(ask(w, o, &seen, &found));
	if (found)
		TRY(compare(w, &seen));
	if (atomic_load(&w->checked) == CHECK_UNKNOWN)
		atomic_store(&w->checked, CHECK_GOOD);
	return hand_over(w, o, found ? seen.head.size : 0);
}

/* A witness that knows better ends issuing until people have looked; one that is away does not. */
static void judge(struct witness *w, struct one *o, struct rc rc)
{
	enum err err = rc_last()->err;

	if (rc_ok(rc)) {
		o->heard = clock_mono_ms();
		o->told = false;
		return;
	}
	if (err == ERR_LOG_ROLLBACK || err == ERR_LOG_FORK) {
		int bad = err == ERR_LOG_ROLLBACK ? CHECK_ROLLBACK : CHECK_FORK;

		if (atomic_exchange(&w->checked, bad) != bad) {
			log_failure("witness", NULL);
			instance_alarm(w->in, err == ERR_LOG_ROLLBACK ? "log-rollback" : "log-fork",
			               slice_text(o->name), rc_last()->text);
		}
		return;
	}
	if (!o->told && clock_mono_ms() - o->heard > SILENT_MS) {
		o->told = true;
		instance_alarm(w->in, ALARM_SILENT, slice_text(o->name), rc_last()->text);
	}
}

static void nap(struct witness *w, unsigned ms)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};

	for (unsigned past = 0; past < ms && !instance_ending(w->in); past += STEP_MS)
		nanosleep(&step, NULL);
}

static void *run(void *arg)
{
	struct witness *w = arg;

	while (!instance_ending(w->in)) {
		for (size_t i = 0; i < w->count && !instance_ending(w->in); i++)
			judge(w, &w->one[i], show(w, &w->one[i]));
		nap(w, atomic_load(&w->checked) == CHECK_UNKNOWN
		               ? FIRST_MS
		               : 1000 * w->in->config.value.head_period_seconds);
	}
	return NULL;
}

/* ---- configuration ---- */

/* "NAME=URL NAME=URL" */
static RC add(struct witness *w, struct slice word)
{
	const uint8_t *mark = memchr(word.p, '=', word.len);
	struct one *o = &w->one[w->count];
	size_t name = mark != NULL ? (size_t)(mark - word.p) : 0, url = word.len - name - 1;

	REQUIRE(name > 0 && name < sizeof(o->name) && url > 0 && url < sizeof(o->url), CONFIG,
	        "log_witnesses: NAME=URL is expected");
	REQUIRE(w->count < WITNESSES, CONFIG, "log_witnesses: more than %d", WITNESSES);
	memcpy(o->name, word.p, name);
	memcpy(o->url, mark + 1, url);
	o->heard = clock_mono_ms();
	TRY(instance_client(w->in, o->url, o->name, &o->client));
	w->count++;
	return OK;
}

RC frame_witness_start(struct instance *in)
{
	const char *at = in->config.value.log_witnesses;
	struct witness *w;

	if (at == NULL || in->witness != NULL)
		return OK;
	w = in->witness = mem_new(1, sizeof(*w));
	NEED(w != NULL, RC_NOMEM, "no memory");
	w->in = in;
	for (; *(at += strspn(at, " ")) != 0; at += strcspn(at, " "))
		TRY(add(w, slice_of(at, strcspn(at, " "))));
	if (w->count == 0)
		atomic_store(&w->checked, CHECK_GOOD);
	NEED(pthread_create(&w->thread, NULL, run, w) == 0, RC_NOMEM, "no thread for the witnesses");
	w->running = true;
	return OK;
}

void frame_witness_stop(struct instance *in)
{
	struct witness *w = in->witness;

	if (w != NULL && w->running)
		pthread_join(w->thread, NULL);
	mem_free(w);
	in->witness = NULL;
}

RC instance_log_checked(struct instance *in)
{
	enum checked c = in->witness != NULL ? (enum checked)atomic_load(&in->witness->checked) : CHECK_GOOD;

	REQUIRE(c != CHECK_UNKNOWN, LOG_UNWITNESSED, "%s", in->name);
	REQUIRE(c != CHECK_ROLLBACK, LOG_ROLLBACK, "%s", in->name);
	REQUIRE(c != CHECK_FORK, LOG_FORK, "%s", in->name);
	return OK;
}

/* ---- keeping: the doors ---- */

struct keeping {
	const char *log;
	struct head_row *row;
	const struct tree_proof *proof;
};

static struct rc keep(struct db_tx *tx, void *arg)
{
	struct keeping *k = arg;
	AUTO_HEAD(before);
	bool found;

	TRY(heads_last(tx->db, k->log, &before, &found));
	if (found)
		TRY(tree_continues(&before.head, &k->row->head, k->proof));
	return heads_put(tx->db, k->log, k->row);
}

static RC take(struct instance *in, const struct request *q, struct head_row *row)
{
	AUTO_JSON(o, NULL);
	AUTO_BUF(der, STATEMENT_MAX);
	struct tree_proof proof;
	struct keeping k = {q->peer->instance, row, &proof};

	TRY(json_read(q->body, WITNESS_BODY_MAX, &o));
	TRY(json_only(o, "statement", "proof", NULL));
	TRY(json_get_base64(o, "statement", STATEMENT_MAX, &der));
	TRY(heads_proof_read(o, &proof));
	TRY(heads_read(in, q->peer->instance, buf_slice(&der), row, false));
	return writer_run(in->writer, keep, &k);
}

/* POST /v1/witness/heads {"statement","proof"}: of the caller's own log, continuing what was kept of it. */
struct rc frame_witness_take(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO_HEAD(row);
	json_t *o;
	struct rc rc = take(in, q, &row);

	if (!rc_ok(rc)) {
		if (rc.code == RC_CRYPTO)
			instance_alarm(in, "witness-refused", slice_text(q->peer->instance), rc_last()->text);
		return instance_refused(in, rc, "tree-head", slice_text(q->peer->instance), q->peer);
	}
	o = json_object();
	json_put_cstr(o, "log", q->peer->instance);
	json_put_int(o, "size", (int64_t)row.head.size);
	return response_json(r, o);
}

/* GET /v1/witness/heads?log=&below=&limit=: what was kept, largest first. */
struct rc frame_witness_show(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(list, NULL);
	int64_t below = 0, limit = 100;
	struct slice log = SLICE_NONE;
	char name[INSTANCE_NAME_MAX + 1] = "";
	json_t *o;

	TRY(request_query_only(q, "log", "below", "limit", NULL));
	TRY(request_query_int(q, "below", 1, INT64_MAX, &below));
	TRY(request_query_int(q, "limit", 1, HEAD_LIST_MAX, &limit));
	NEED(request_query(q, "log", &log) && log.len > 0 && log.len <= INSTANCE_NAME_MAX, RC_INPUT,
	     "log must name an instance");
	memcpy(name, log.p, log.len);
	TRY(db_pool_lease(in->readers, &lease));
	TRY(heads_list(lease->db, name, (uint64_t)below, (size_t)limit, &list));
	o = json_object();
	json_put_cstr(o, "log", name);
	json_put_take(o, "heads", MOVE(list));
	return response_json(r, o);
}
