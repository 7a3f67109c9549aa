/* Archives: any bytes are read or refused, and nobody's trust makes them prove anything. */
#include "archive/verify.h"
#include "base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	AUTO(archive, a, NULL);
	AUTO(archive_trust, t, mem_new(1, sizeof(*t)));
	struct archive_report r;

	if (t == NULL || !rc_ok(statement_trust_new(&t->statements)) ||
	    !rc_ok(archive_read(slice_of(p, len), &a)))
		return 0;
	if (rc_ok(archive_verify(a, t, 1800000000, &r)))
		abort();
	return 0;
}
