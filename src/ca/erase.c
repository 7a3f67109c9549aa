/* What the vault destroyed after its term is erased here too (R24.10): both statements.  The request's row,
 * what was signed and the log stay. */
#include "ca/erase.h"

static struct rc rows(void *arg, struct db_tx *tx, const struct disposed *d)
{
	(void)arg;
	return ca_store_erase(tx->db, d->record);
}

struct disposed_eraser ca_eraser(void)
{
	return (struct disposed_eraser){.rows = rows};
}

struct rc ca_erase_run(void *in, int64_t due)
{
	struct ca *c = instance_state(in);
	struct disposed_eraser e = ca_eraser();

	(void)due;
	return instance_erase_disposed(in, c->vault, &e);
}
