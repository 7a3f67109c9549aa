/* Statements: any bytes open or are refused; what opens is exactly what we would write. */
#include "statement/statement.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	AUTO(statement, s, NULL);
	AUTO(statement_trust, t, NULL);
	AUTO_BUF(again, STATEMENT_MAX);

	if (!rc_ok(statement_open(slice_of(p, len), &s)))
		return 0;
	if (!rc_ok(statement_assemble(s->content, s->signature, s->certificate, &again)) ||
	    !slice_equal(buf_slice(&again), slice_of(p, len)))
		abort();
	/* Nobody is trusted, so nothing may verify. */
	if (rc_ok(statement_trust_new(&t)) && rc_ok(statement_verify(s, t, INT64_MAX)))
		abort();
	return 0;
}
