/* A disk that is full, read-only or broken: told at once by the program's log, /readyz and /metrics, none of
 * which needs the disk.  The alarm is durable with the first write that works again, and ends it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "evidence/alarm.h"
#include "instance/frame.h"

#include <stdio.h>
#include <sys/statvfs.h>

static struct rc write_alarm(struct db_tx *tx, void *arg)
{
	struct instance *in = arg;
	char since[21], text[128];
	const struct alarm a = {
	        .kind = "storage", .subject = in->name, .level = ALARM_CRITICAL, .text = text};

	time_text(atomic_load(&in->storage.since), since);
	snprintf(text, sizeof(text), "nothing could be written since %s: %s", since,
	         err_info((enum err)atomic_load(&in->storage.err))->name);
	return alarm_raise(in->log, tx, &a, NULL);
}

static void written(struct rc rc, void *arg)
{
	struct instance *in = arg;

	if (rc_ok(rc)) {
		atomic_store(&in->storage.err, ERR_GENERIC_OK);
		log_line(LOG_INFO, "storage.back", "writes succeed again", NULL);
	}
	atomic_store(&in->storage.trying, false);
}

static void try_again(struct instance *in)
{
	if (atomic_exchange(&in->storage.trying, true))
		return;
	if (!rc_ok(writer_submit(in->writer, write_alarm, written, in)))
		atomic_store(&in->storage.trying, false);
}

/* What a failed write means for the instance; ERR_GENERIC_OK: nothing. */
static enum err meaning(const struct rc_text *why)
{
	if (why->err == ERR_STORAGE_FULL || why->err == ERR_STORAGE_FAILED ||
	    why->err == ERR_DATABASE_DAMAGED)
		return why->err;
	return why->code == RC_UNCERTAIN ? ERR_STORAGE_FAILED : ERR_GENERIC_OK;
}

static void batch_ended(void *arg, bool committed)
{
	struct instance *in = arg;
	const struct rc_text why = *rc_last();
	enum err err = committed ? ERR_GENERIC_OK : meaning(&why);
	int none = ERR_GENERIC_OK;

	if (committed && atomic_load(&in->storage.err) != ERR_GENERIC_OK)
		try_again(in);
	if (err == ERR_GENERIC_OK || !atomic_compare_exchange_strong(&in->storage.err, &none, (int)err))
		return;
	atomic_store(&in->storage.since, clock_now());
	log_line(LOG_ERROR, "storage.failed", why.text, "code", err_info(err)->name, NULL);
}

void frame_storage_watch(struct instance *in)
{
	in->storage.watch = (struct writer_watch){.end = batch_ended, .arg = in};
	writer_watch(in->writer, &in->storage.watch);
}

struct rc frame_storage_check(struct instance *in)
{
	enum err err = (enum err)atomic_load(&in->storage.err);
	struct statvfs s;

	REQUIRE(statvfs(in->dir, &s) != 0 || (s.f_flag & ST_RDONLY) == 0, STORAGE_FAILED, "%s: read-only",
	        in->dir);
	if (err == ERR_GENERIC_OK)
		return OK;
	try_again(in);
	return rc_refuse(err, "nothing could be written for %lld seconds",
	                 (long long)(clock_now() - atomic_load(&in->storage.since)));
}
