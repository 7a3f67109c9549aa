/* What the vault destroyed after its term is erased here too (R24.10): statements, and originals that no
 * other record needs.  The application's row, its hashes and its history stay as a stub. */
#include "base/text.h"
#include "evidence/record.h"
#include "instance/disposed.h"
#include "ra/erase.h"

static struct rc files(void *arg, const struct disposed *d)
{
	struct ra *ra = arg;

	for (size_t i = 0; i < json_array_size(d->originals); i++) {
		const char *text = json_string_value(json_array_get(d->originals, i));
		uint8_t sm3[RECORD_ID];

		NEED(text != NULL, RC_INPUT, "the vault's answer holds no hash");
		TRY(text_hex(slice_text(text), sm3, sizeof(sm3)));
		TRY(record_remove(instance_records(ra->in), sm3));
	}
	return OK;
}

static struct rc rows(void *arg, struct db_tx *tx, const struct disposed *d)
{
	(void)arg;
	return ra_store_erase(tx->db, d->application);
}

struct disposed_eraser ra_eraser(struct ra *ra)
{
	return (struct disposed_eraser){.files = files, .rows = rows, .arg = ra};
}

struct rc ra_erase_run(void *in, int64_t due)
{
	struct ra *ra = instance_state(in);
	struct disposed_eraser e = ra_eraser(ra);

	(void)due;
	return instance_erase_disposed(in, ra->vault, &e);
}
