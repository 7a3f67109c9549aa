/* JSON: what is accepted is what the JSON library reads, has one canonical form, and that reads back as
 * itself. */
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ours may refuse more, by depth and length of a number, never less. */
static void as_the_library(const uint8_t *data, size_t size, const json_t *have)
{
	json_t *want = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	if (!json_equal(have, want))
		abort();
	json_decref(want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON(first, NULL);
	AUTO_JSON(second, NULL);
	AUTO_BUF(one, 6 * JSON_MAX);
	AUTO_BUF(two, 6 * JSON_MAX);

	if (!rc_ok(json_read(slice_of(data, size), JSON_MAX, &first)))
		return 0;
	as_the_library(data, size, first);
	if (!rc_ok(json_canonical(first, &one)))
		return 0;
	if (!rc_ok(json_read(buf_slice(&one), JSON_MAX, &second)) || !rc_ok(json_canonical(second, &two)))
		abort();
	if (!slice_equal(buf_slice(&one), buf_slice(&two)))
		abort();
	(void)rc_ok(json_check(first, second));
	return 0;
}
