/* JSON: what is accepted has one canonical form, and that form reads back as itself. */
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON(first, NULL);
	AUTO_JSON(second, NULL);
	AUTO_BUF(one, 6 * JSON_MAX);
	AUTO_BUF(two, 6 * JSON_MAX);

	if (!rc_ok(json_read(slice_of(data, size), JSON_MAX, &first)) || !rc_ok(json_canonical(first, &one)))
		return 0;
	if (!rc_ok(json_read(buf_slice(&one), JSON_MAX, &second)) || !rc_ok(json_canonical(second, &two)))
		abort();
	if (!slice_equal(buf_slice(&one), buf_slice(&two)))
		abort();
	(void)rc_ok(json_check(first, second));
	return 0;
}
