#include "authority/list_private.h"

#include "base/mem.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "sm/sm3.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void list_delta_id(const char *ca, char ret[LIST_ID_MAX + 1])
{
	(void)snprintf(ret, LIST_ID_MAX + 1, "%s" LIST_DELTA, ca);
}

RC list_path(const struct instance *in, const char *id, int64_t number, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s/crl/%s-%lld.crl", instance_dir(in), id, (long long)number);

	NEED(n > 0 && (size_t)n < size, RC_INPUT, "the name of the data folder is too long");
	return OK;
}

bool list_present(const struct instance *in, const char *id, const struct crl_row *row)
{
	char path[LIST_PATH_MAX];
	uint8_t hash[32];
	struct rc rc;
	int fd;

	if (!rc_ok(list_path(in, id, row->number, path, sizeof(path))))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	rc = list_hash(fd, hash);
	close(fd);
	return rc_ok(rc) && memcmp(hash, row->sm3, sizeof(hash)) == 0;
}

/* The rows of one instant, whatever is written meanwhile. */
static RC stream(struct making *m, int64_t validity)
{
	AUTO(db_lease, lease, NULL);
	struct rc rc;

	TRY(db_pool_lease(instance_readers(m->in), &lease));
	m->db = lease->db;
	TRY(db_verb(m->db, DB_BEGIN));
	rc = list_write(m, validity);
	if (rc_ok(rc))
		rc = list_finish(m);
	db_rows_free(m->rows);
	m->rows = NULL;
	if (rc_ok(rc))
		return db_verb(m->db, DB_COMMIT);
	struct rc_text why = *rc_last();
	(void)rc_ok(db_verb(m->db, DB_ROLLBACK));
	return rc_restore(&why);
}

/* ---- publication ---- */

static struct rc commit(struct db_tx *tx, void *arg)
{
	struct making *m = arg;
	AUTO_JSON(o, json_object());

	TRY(authority_store_crl_put(tx->db, m->id, &m->row));
	json_put_cstr(o, "ca", m->a->id);
	if (m->delta)
		json_put_cstr(o, "list", m->id);
	json_put_int(o, "number", m->row.number);
	json_put_hex(o, "sm3", SLICE_ARR(m->row.sm3));
	json_put_time(o, "this_update", m->row.this_update);
	json_put_time(o, "next_update", m->row.next_update);
	json_put_int(o, "entries", m->row.entries);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(m->in), tx, "crl", o, NULL, NULL);
}

/* The file is durable before the row that tells of it; a file without a row is written over.  A reader may
 * still have the one before: that stays, what was before it goes. */
static RC publish(struct making *m)
{
	char path[LIST_PATH_MAX];
	struct crl_row last, before;
	AUTO(db_lease, lease, NULL);

	TRY(list_path(m->in, m->id, m->row.number, path, sizeof(path)));
	TRY(file_rename(m->part, path));
	TRY(db_pool_lease(instance_readers(m->in), &lease));
	if (!rc_ok(authority_store_crl_pair(lease->db, m->id, &last, &before)))
		before.number = 0;
	TRY(writer_run_first(instance_writer(m->in), commit, m));
	if (before.number != 0 && rc_ok(list_path(m->in, m->id, before.number, path, sizeof(path))))
		(void)unlink(path);
	return OK;
}

/* "http://…/sm2.crl" → "http://…/sm2-delta.crl" */
static void name_freshest(struct making *m)
{
	struct slice url = m->a->issue.crl_url;

	if (url.len < 4 || memcmp(url.p + url.len - 4, ".crl", 4) != 0 ||
	    url.len + sizeof(LIST_DELTA) > sizeof(m->freshest))
		return;
	(void)snprintf(m->freshest, sizeof(m->freshest), "%.*s" LIST_DELTA ".crl", (int)(url.len - 4),
	               (const char *)url.p);
}

static RC open_part(struct making *m)
{
	char folder[LIST_PATH_MAX];
	int n = snprintf(folder, sizeof(folder), "%s/crl", instance_dir(m->in));

	NEED(n > 0 && (size_t)n < sizeof(folder), RC_INPUT, "the name of the data folder is too long");
	TRY(dir_make(folder, 0750));
	n = snprintf(m->part, sizeof(m->part), "%s/%s.part", folder, m->id);
	NEED(n > 0 && (size_t)n < sizeof(m->part), RC_INPUT, "the name of the data folder is too long");
	m->fd = open(m->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	NEED(m->fd >= 0, RC_BUSY, "no file for the revocation list");
	return OK;
}

static void making_free(struct making *m)
{
	if (m == NULL)
		return;
	if (m->fd >= 0)
		close(m->fd);
	if (m->old_fd >= 0)
		close(m->old_fd);
	crl_scan_close(&m->old);
	mem_free(m->gone);
	mem_free(m);
}
DROP(making, making_free);

static RC make_once(struct instance *in, const struct list_order *o, struct crl_row *ret)
{
	AUTO(making, m, mem_new(1, sizeof(*m)));
	struct rc rc;

	NEED(m != NULL, RC_NOMEM, "no memory");
	*m = (struct making){.in = in,
	                     .a = o->a,
	                     .delta = o->delta,
	                     .grows = o->grows && !o->delta,
	                     .fd = -1,
	                     .old_fd = -1};
	if (o->delta)
		list_delta_id(o->a->id, m->id);
	else
		memcpy(m->id, o->a->id, strlen(o->a->id) + 1);
	if (o->freshest)
		name_freshest(m);
	TRY(open_part(m));
	rc = stream(m, o->validity);
	if (rc_ok(rc))
		rc = publish(m);
	*ret = m->row;
	return rc;
}

RC list_make(struct instance *in, const struct list_order *o, struct crl_row *ret)
{
	struct list_order rows = *o;
	struct rc rc = make_once(in, o, ret);

	if (rc_ok(rc) || !o->grows || o->delta || rc.code == RC_BUSY || rc.code == RC_NOMEM)
		return rc;
	/* without the last list, or when it is not what it was: rows are what counts */
	if (rc.code != RC_NOTFOUND)
		instance_alarm(in, "crl-rebuilt", slice_text(o->a->id), rc_last()->text);
	rows.grows = false;
	return make_once(in, &rows, ret);
}
