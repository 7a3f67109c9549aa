/* Places of keys, and the first entries of the logs. */
#include "ceremony/act.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "signer/seal.h"

static RC make_folders(const struct ceremony *c, const struct plan_instance *at)
{
	TRY(act_folder(c, 0755, "%s", at->org->id));
	TRY(act_folder(c, 0711, "%s", at->name));
	TRY(act_folder(c, 0755, "%s/trust", at->name));
	TRY(act_folder(c, 0700, "%s/tls", at->name));
	TRY(act_folder(c, 0700, "%s/records", at->name));
	TRY(act_folder(c, 0700, "%s/signer", at->name));
	return act_folder(c, 0700, "%s/signer/keys", at->name);
}

static RC open_station(struct ceremony *c, struct station *s, bool fresh)
{
	char path[ACT_PATH];
	struct slice secret = secrets_find(c->secrets, s->at->org->id);
	REQUIRE(secret.len > 0, KEY_SECRET, "no secret of %s", s->at->org->id);
	if (fresh)
		TRY(make_folders(c, s->at));
	s->notes = json_array();
	TRY(act_path(c, path, "%s/signer/keys", s->at->name));
	TRY(key_device_open("soft", path, &s->device));
	TRY(key_session_open(s->device, &s->keys));
	return key_access(s->keys, secret);
}

RC act_open_stations(struct ceremony *c, bool fresh)
{
	for (size_t i = 0; i < c->plan->instances; i++) {
		c->station[i].at = &c->plan->instance[i];
		TRY(open_station(c, &c->station[i], fresh));
	}
	return OK;
}

RC act_seal_trust(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->instances; i++) {
		const struct plan_instance *at = &c->plan->instance[i];
		TRY(rc_note(signer_seal(c->plat.dir, at->name, secrets_find(c->secrets, at->org->id)), "%s",
		            at->name));
	}
	return OK;
}

/* ---- log ---- */
struct entries {
	struct log *log;
	const json_t *notes;
};

static RC append_all(struct db_tx *tx, void *arg)
{
	const struct entries *e = arg;
	const json_t *note;
	size_t i;
	json_array_foreach(e->notes, i, note)
	        TRY(log_append(e->log, tx, json_string_value(json_object_get(note, "kind")),
	                       json_object_get(note, "data"), NULL, NULL));
	return OK;
}

static RC write_notes(struct writer *w, struct db *reader, const json_t *notes)
{
	struct entries e = {.notes = notes};
	TRY(log_open(w, reader, &e.log));
	struct rc rc = writer_run(w, append_all, &e);
	writer_close(w);
	log_close(e.log);
	return rc;
}

/* The common tables only: the role adds its own when it starts. */
static RC save_station(struct ceremony *c, struct station *s)
{
	char path[ACT_PATH];
	struct db *db = NULL;
	struct writer *w = NULL;
	AUTO(db, reader, NULL);
	if (json_array_size(s->notes) == 0)
		return OK;
	TRY(act_database(c, s->at, path));
	TRY(db_open(path, false, &db));
	struct rc rc = db_migrate(db, NULL);
	if (!rc_ok(rc)) {
		db_close(db);
		return rc;
	}
	TRY(writer_open(db, &w));
	rc = db_open(path, true, &reader);
	if (!rc_ok(rc)) {
		writer_close(w);
		return rc;
	}
	TRY(write_notes(w, reader, s->notes));
	json_array_clear(s->notes);
	return OK;
}

RC act_save_notes(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->instances; i++)
		TRY(rc_note(save_station(c, &c->station[i]), "%s", c->station[i].at->name));
	return OK;
}
