#include "instance/heads.h"
#include "base/clock.h"
#include "base/text.h"
#include "evidence/log_tree.h"
#include "instance/frame.h"
#include "pki/cert.h"

#define HASH_TEXT (2 * TREE_HASH)

/* ---- making ---- */

static RC root_of(struct instance *in, uint64_t size, tree_hash ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO(log_tree, t, NULL);
	struct tree_reader r;

	TRY(db_pool_lease(in->readers, &lease));
	TRY(log_tree_open(lease->db, &t));
	r = log_tree_reader(t);
	return tree_read_root(&r, size, ret);
}

static RC sign(struct instance *in, struct head_row *h)
{
	AUTO_JSON(body, json_object());

	json_put_cstr(body, "log", in->name);
	json_put_int(body, "size", (int64_t)h->head.size);
	json_put_hex(body, "root", SLICE_ARR(h->head.root));
	json_put_time(body, "validUntil", h->at + HEAD_VALID);
	TRY(json_put_result());
	buf_clear(&h->statement);
	return instance_statement(in, STATEMENT_TREE_HEAD, body, &h->statement);
}

static struct rc put(struct db_tx *tx, void *arg)
{
	return heads_put(tx->db, NULL, arg);
}

static RC last(struct instance *in, struct head_row *ret, bool *found)
{
	AUTO(db_lease, lease, NULL);

	TRY(db_pool_lease(in->readers, &lease));
	return heads_last(lease->db, NULL, ret, found);
}

static RC make(struct instance *in, struct head_row *ret, bool *found)
{
	uint64_t size = log_size(in->log);
	int64_t now = clock_now();

	TRY(last(in, ret, found));
	if (*found && ret->head.size == size && now >= ret->at && now < ret->at + HEAD_VALID / 2)
		return OK;
	ret->head.size = size;
	ret->at = now;
	TRY(root_of(in, size, ret->head.root));
	TRY(sign(in, ret));
	*found = true;
	return writer_run(in->writer, put, ret);
}

RC heads_fresh(struct instance *in, struct head_row *ret, bool *found)
{
	AUTO_BUF(certificate, CERT_DER_MAX);
	struct rc rc = frame_log_certificate(in, in->name, &certificate);

	*found = false;
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	pthread_mutex_lock(&in->head_lock);
	rc = make(in, ret, found);
	pthread_mutex_unlock(&in->head_lock);
	return rc;
}

/* ---- reading ---- */

RC heads_read(struct instance *in, const char *log, struct slice statement, struct head_row *ret, bool own)
{
	AUTO(statement, s, NULL);
	AUTO(trust, t, instance_trust(in));
	AUTO_BUF(certificate, CERT_DER_MAX);
	struct slice name;
	int64_t size;

	TRY(statement_open(statement, &s));
	REQUIRE(s->kind == STATEMENT_TREE_HEAD, LOG_HEAD, "a statement of another kind");
	TRY(frame_log_certificate(in, log, &certificate));
	REQUIRE(slice_equal(s->certificate, buf_slice(&certificate)), LOG_HEAD,
	        "signed with another certificate than that of %s", log);
	TRY(json_get_text(s->body, "log", INSTANCE_NAME_MAX, &name));
	REQUIRE(slice_is(name, log), LOG_HEAD, "the head of another log than %s", log);
	TRY(statement_verify(s, trust_statements(t), own ? INT64_MAX : clock_now()));
	TRY(json_get_int(s->body, "size", 0, INT64_MAX, &size));
	TRY(json_get_hex(s->body, "root", ret->head.root, TREE_HASH));
	ret->head.size = (uint64_t)size;
	ret->at = s->issued;
	buf_clear(&ret->statement);
	buf_add(&ret->statement, statement);
	return buf_done(&ret->statement);
}

/* ---- proofs as JSON ---- */

RC heads_proof_json(const struct tree_proof *p, json_t **ret)
{
	AUTO_JSON(list, json_array());

	NEED(list != NULL, RC_NOMEM, "proof: out of memory");
	for (size_t i = 0; i < p->count; i++) {
		AUTO_BUF(b, HASH_TEXT);

		buf_hex(&b, SLICE_ARR(p->hash[i]));
		TRY(buf_done(&b));
		NEED(json_array_append_new(list, json_stringn((const char *)b.p, b.len)) == 0, RC_NOMEM,
		     "proof: out of memory");
	}
	*ret = MOVE(list);
	return OK;
}

RC heads_proof_read(const json_t *o, struct tree_proof *ret)
{
	json_t *list;

	TRY(json_get_array(o, "proof", TREE_PROOF_MAX, &list));
	ret->count = json_array_size(list);
	for (size_t i = 0; i < ret->count; i++) {
		const json_t *v = json_array_get(list, i);

		NEED(json_is_string(v), RC_INPUT, "proof: hashes are texts");
		TRY(text_hex(slice_of(json_string_value(v), json_string_length(v)), ret->hash[i], TREE_HASH));
	}
	return OK;
}

/* ---- doors (routes.c) ---- */

/* GET /v1/log/head?fresh=true */
struct rc frame_log_head(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO_HEAD(h);
	struct slice fresh = SLICE_LIT("false");
	bool found = false;
	json_t *o;

	TRY(request_query_only(q, "fresh", NULL));
	(void)request_query(q, "fresh", &fresh);
	NEED(slice_is(fresh, "true") || slice_is(fresh, "false"), RC_INPUT, "fresh must be true or false");
	if (slice_is(fresh, "true"))
		TRY(heads_fresh(in, &h, &found));
	else
		TRY(last(in, &h, &found));
	o = json_object();
	json_put_cstr(o, "log", in->name);
	json_put_int(o, "size", (int64_t)log_size(in->log));
	if (found) {
		AUTO_JSON(head, json_object());

		json_put_int(head, "size", (int64_t)h.head.size);
		json_put_time(head, "at", h.at);
		json_put_hex(head, "root", SLICE_ARR(h.head.root));
		json_put_base64(head, "statement", buf_slice(&h.statement));
		json_put_take(o, "head", MOVE(head));
	}
	return response_json(r, o);
}

/* GET /v1/log/heads?below=&limit=: those made so far, largest first. */
struct rc frame_log_heads(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(list, NULL);
	int64_t below = 0, limit = 100;
	json_t *o;

	TRY(request_query_only(q, "below", "limit", NULL));
	TRY(request_query_int(q, "below", 1, INT64_MAX, &below));
	TRY(request_query_int(q, "limit", 1, HEAD_LIST_MAX, &limit));
	TRY(db_pool_lease(in->readers, &lease));
	TRY(heads_list(lease->db, NULL, (uint64_t)below, (size_t)limit, &list));
	o = json_object();
	json_put_cstr(o, "log", in->name);
	json_put_take(o, "heads", MOVE(list));
	return response_json(r, o);
}

struct proof_wanted {
	bool inclusion;
	int64_t first, second; /* index and size, or from and to */
};

static RC prove(struct instance *in, const struct proof_wanted *w, struct response *r)
{
	AUTO(db_lease, lease, NULL);
	AUTO(log_tree, t, NULL);
	AUTO_JSON(list, NULL);
	struct tree_reader reader;
	struct tree_proof p;
	json_t *o;

	NEED((uint64_t)w->second <= log_size(in->log), RC_NOTFOUND, "the log has %llu entries",
	     (unsigned long long)log_size(in->log));
	TRY(db_pool_lease(in->readers, &lease));
	TRY(log_tree_open(lease->db, &t));
	reader = log_tree_reader(t);
	if (w->inclusion)
		TRY(tree_inclusion(&reader, (uint64_t)w->first, (uint64_t)w->second, &p));
	else
		TRY(tree_consistency(&reader, (uint64_t)w->first, (uint64_t)w->second, &p));
	TRY(heads_proof_json(&p, &list));
	o = json_object();
	json_put_cstr(o, "log", in->name);
	json_put_int(o, w->inclusion ? "index" : "from", w->first);
	json_put_int(o, w->inclusion ? "size" : "to", w->second);
	json_put_take(o, "proof", MOVE(list));
	return response_json(r, o);
}

/* GET /v1/log/proof/inclusion?index=&size= */
struct rc frame_log_inclusion(void *ctx, const struct request *q, struct response *r)
{
	struct proof_wanted w = {.inclusion = true, .first = -1, .second = -1};

	TRY(request_query_only(q, "index", "size", NULL));
	TRY(request_query_int(q, "index", 0, INT64_MAX, &w.first));
	TRY(request_query_int(q, "size", 1, INT64_MAX, &w.second));
	NEED(w.first >= 0 && w.second > 0, RC_INPUT, "index and size are needed");
	return prove(ctx, &w, r);
}

/* GET /v1/log/proof/consistency?from=&to= */
struct rc frame_log_consistency(void *ctx, const struct request *q, struct response *r)
{
	struct proof_wanted w = {.first = -1, .second = -1};

	TRY(request_query_only(q, "from", "to", NULL));
	TRY(request_query_int(q, "from", 1, INT64_MAX, &w.first));
	TRY(request_query_int(q, "to", 1, INT64_MAX, &w.second));
	NEED(w.first > 0 && w.second > 0, RC_INPUT, "from and to are needed");
	return prove(ctx, &w, r);
}
