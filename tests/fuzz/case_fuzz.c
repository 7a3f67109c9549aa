/* Cases: any bytes are clocks or are refused; no clock is overdue before its due instant. */
#include "deadline/clock.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	AUTO_JSON(file, NULL);
	AUTO(calendar, c, NULL);
	AUTO(deadline_rules, rules, NULL);
	AUTO(deadline_case, k, NULL);

	if (!rc_ok(calendar_new(&c)) || !rc_ok(deadline_rules_load("2009", &rules)) ||
	    !rc_ok(json_read(slice_of(p, len), CASE_FILE_MAX, &file)) ||
	    !rc_ok(deadline_case_read(file, rules, c, &k)))
		return 0;
	for (size_t i = 0; i < k->count; i++)
		if (deadline_state_at(&k->clock[i], k->clock[i].due_at - 1) == DEADLINE_OVERDUE)
			abort();
	return 0;
}
