/* GET /v1/disposed: what was destroyed, for CA and RA, which keep parts of it too (R24.10). */
#include "base/text.h"
#include "evidence/log.h"
#include "instance/disposed.h"
#include "vault/vault.h"

struct telling {
	struct db *db;
	json_t *list;
	json_t *originals;
};

static struct rc original(void *arg, const struct vault_kept *k)
{
	struct telling *t = arg;
	struct vault_item item;
	AUTO_BUF(hex, 65);

	if (!slice_is(k->kinds, "evidence"))
		return OK;
	TRY(vault_store_item_id(t->db, k->item, &item));
	if (item.destroyed_at == 0)
		return OK; /* another record needs it */
	buf_hex(&hex, SLICE_ARR(item.sm3));
	NEED(json_array_append_new(t->originals, json_string(buf_cstr(&hex))) == 0, RC_NOMEM, "no memory");
	return OK;
}

static struct rc tell(const struct log_entry *e, void *arg)
{
	struct telling *t = arg;
	AUTO_JSON(entry, NULL);
	AUTO_JSON(o, json_object());
	struct vault_record r;
	json_t *data;
	uint8_t key[32];
	struct rc rc;

	TRY(json_read(e->entry, LOG_ENTRY_MAX, &entry));
	TRY(json_get(entry, "data", &data));
	TRY(json_get_hex(data, "record", key, sizeof(key)));
	json_put_int(o, "position", (int64_t)e->index);
	json_put_hex(o, "record", SLICE_ARR(key));
	t->originals = json_array();
	json_put_take(o, "originals", t->originals);
	rc = vault_store_record(t->db, key, &r);
	if (rc_ok(rc)) {
		if (r.announced)
			json_put_hex(o, "application", SLICE_ARR(r.application));
		TRY(vault_store_kept_each(t->db, r.id, original, t));
	} else if (rc.code != RC_NOTFOUND) {
		return rc;
	}
	NEED(json_array_append(t->list, o) == 0, RC_NOMEM, "no memory");
	return json_put_result();
}

RC vault_disposed(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct telling t = {.list = json_array()};
	int64_t from = 0, limit = DISPOSED_PAGE;

	json_put_take(o, "records", t.list);
	TRY(request_query_only(q, "from", "limit", NULL));
	TRY(request_query_int(q, "from", 0, INT64_MAX, &from));
	TRY(request_query_int(q, "limit", 1, DISPOSED_PAGE, &limit));
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	t.db = lease->db;
	TRY(log_each_of(lease->db, "record-disposed", (uint64_t)from, (size_t)limit, tell, &t));
	*ret = MOVE(o);
	return OK;
}
