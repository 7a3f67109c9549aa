/* Refusals and alarms: written by the writer, waited for by nobody. */
#include "base/text.h"
#include "evidence/alarm.h"
#include "instance/frame.h"

struct note {
	struct instance *in;
	bool alarm;
	json_t *data; /* of a refusal */
	char kind[LOG_KIND_MAX + 1], subject[128];
	char text[ALARM_TEXT_MAX];
};

static RC note_lost(struct instance *in, struct db_tx *tx)
{
	unsigned long lost = atomic_exchange(&in->notes_lost, 0);
	char text[96];
	struct alarm a = {.kind = "notes-lost", .subject = in->name, .level = ALARM_CRITICAL, .text = text};

	if (lost == 0)
		return OK;
	snprintf(text, sizeof(text), "%lu refusals or alarms were not written: the queue was full", lost);
	return alarm_raise(in->log, tx, &a, NULL);
}

static struct rc note_write(struct db_tx *tx, void *arg)
{
	struct note *n = arg;
	struct alarm a = {.kind = n->kind, .subject = n->subject, .level = ALARM_WARNING, .text = n->text};

	TRY(note_lost(n->in, tx));
	if (n->alarm)
		return alarm_raise(n->in->log, tx, &a, NULL);
	return log_append(n->in->log, tx, "refused", n->data, NULL, NULL);
}

static void note_free(struct note *n)
{
	json_decref(n->data);
	mem_free(n);
}

static void note_done(struct rc rc, void *arg)
{
	struct note *n = arg;

	if (!rc_ok(rc))
		atomic_fetch_add(&n->in->notes_lost, 1);
	atomic_fetch_sub(&n->in->notes, 1);
	note_free(n);
}

/* Leaves rc_last() as it found it. */
static void note_send(struct instance *in, struct note *n)
{
	const struct rc_text why = *rc_last();

	if (n == NULL || atomic_fetch_add(&in->notes, 1) >= FRAME_NOTES) {
		if (n != NULL)
			atomic_fetch_sub(&in->notes, 1);
	} else if (rc_ok(writer_submit(in->writer, note_write, note_done, n))) {
		return;
	} else {
		atomic_fetch_sub(&in->notes, 1);
	}
	atomic_fetch_add(&in->notes_lost, 1);
	if (n != NULL)
		note_free(n);
	(void)rc_ok(rc_restore(&why));
}

static void note_text(char *ret, size_t size, struct slice s)
{
	size_t len = s.len < size ? s.len : size - 1;

	if (len > 0)
		memcpy(ret, s.p, len);
	ret[len] = 0;
}

/* Names and texts that are no clean UTF-8 are left out rather than the whole entry. */
static json_t *refusal(const struct rc_text *why, const char *what, struct slice subject,
                       const struct peer *by)
{
	struct slice text = slice_text(why->text);
	json_t *o = json_object();

	json_put_cstr(o, "what", what);
	json_put_text(o, "subject", text_clean(subject) ? subject : SLICE_NONE);
	json_put_cstr(o, "code", err_info(why->err)->name);
	json_put_cstr(o, "clause", err_info(why->err)->clause);
	json_put_text(o, "text", text_clean(text) ? text : SLICE_NONE);
	json_put_cstr(o, "by", by->kind == PEER_INSTANCE ? by->instance : by->person);
	if (rc_ok(json_put_result()))
		return o;
	json_decref(o);
	return NULL;
}

struct rc instance_refused(struct instance *in, struct rc rc, const char *what, struct slice subject,
                           const struct peer *by)
{
	const struct rc_text why = *rc_last();
	struct note *n;

	if (rc_ok(rc))
		return rc;
	n = mem_new(1, sizeof(*n));
	if (n != NULL) {
		n->in = in;
		n->data = refusal(&why, what, subject, by);
	}
	metric_count(in->refusals, 1, NULL);
	if (n != NULL && n->data == NULL) {
		mem_free(n);
		n = NULL;
	}
	note_send(in, n);
	/* here or in the signer (R06.11) */
	if (why.err == ERR_RANDOM_UNHEALTHY)
		instance_alarm(in, "random-unhealthy", slice_text(in->name), why.text);
	return rc_restore(&why);
}

void instance_alarm(struct instance *in, const char *kind, struct slice subject, const char *text)
{
	struct note *n = mem_new(1, sizeof(*n));

	if (n != NULL) {
		n->in = in;
		n->alarm = true;
		note_text(n->kind, sizeof(n->kind), slice_text(kind));
		note_text(n->subject, sizeof(n->subject), subject);
		note_text(n->text, sizeof(n->text), slice_text(text));
	}
	note_send(in, n);
}
