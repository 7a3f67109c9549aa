/* DIR/restored, which a restoration leaves (src/backup): since when this is a past that was put back, and
 * whether people have said that what happened in between was replayed (R12.5). */
#include "base/log.h"
#include "base/text.h"
#include "instance/frame.h"

#define MARK_MAX 4096

static RC read_mark(const struct instance *in, int64_t *at, bool *accepted)
{
	char path[FRAME_PATH_MAX + 128];
	AUTO_BUF(text, MARK_MAX);
	AUTO_JSON(o, NULL);
	struct rc rc;

	(void)snprintf(path, sizeof(path), "%s/restored", in->data);
	*at = 0;
	*accepted = true;
	rc = file_read(path, MARK_MAX, &text);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	TRY(json_read(buf_slice(&text), MARK_MAX, &o));
	TRY(json_get_time(o, "at", at));
	return json_get_bool(o, "accepted", accepted);
}

RC frame_restored_open(struct instance *in)
{
	bool accepted;

	TRY(rc_note(read_mark(in, &in->restored, &accepted), "the file `restored` of the data folder"));
	atomic_store(&in->restored_open, !accepted);
	return OK;
}

void frame_restored_tell(struct instance *in)
{
	if (atomic_load(&in->restored_open))
		instance_alarm(
		        in, "restored", slice_text(in->name),
		        "restored from a backup: replay what happened since, then `yuandian restore accept`");
}

int64_t instance_restored(const struct instance *in)
{
	return in->restored;
}

RC instance_restore_settled(struct instance *in)
{
	bool accepted = false;
	int64_t at;

	if (!atomic_load(&in->restored_open))
		return OK;
	TRY(read_mark(in, &at, &accepted));
	REQUIRE(accepted, RESTORED, "replay the revocations made since the backup, then accept");
	atomic_store(&in->restored_open, false);
	return OK;
}
