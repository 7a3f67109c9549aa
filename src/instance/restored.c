/* DIR/restored, which a restoration leaves (src/backup): since when this is a past that was put back (R12.5).
 */
#include "base/text.h"
#include "evidence/alarm.h"
#include "instance/frame.h"

#define MARK_MAX 4096

static RC read_mark(const struct instance *in, int64_t *at)
{
	char path[FRAME_PATH_MAX + 128];
	AUTO_BUF(text, MARK_MAX);
	AUTO_JSON(o, NULL);
	struct rc rc;

	(void)snprintf(path, sizeof(path), "%s/restored", in->data);
	*at = 0;
	rc = file_read(path, MARK_MAX, &text);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	TRY(json_read(buf_slice(&text), MARK_MAX, &o));
	return json_get_time(o, "at", at);
}

RC frame_restored_open(struct instance *in)
{
	return rc_note(read_mark(in, &in->restored), "the file `restored` of the data folder");
}

/* Once for each restoration: who has acknowledged it is not told again at the next start. */
void frame_restored_tell(struct instance *in)
{
	AUTO(db_lease, lease, NULL);
	bool told = false;

	if (in->restored == 0)
		return;
	if (!rc_ok(db_pool_lease(in->readers, &lease)) ||
	    !rc_ok(alarm_since(lease->db, "restored", in->name, in->restored, &told)) || !told)
		instance_alarm(
		        in, "restored", slice_text(in->name),
		        "restored from a backup: replay what happened since, then `yuandian restore accept`");
}

int64_t instance_restored(const struct instance *in)
{
	return in->restored;
}
