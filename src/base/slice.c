#include "base/slice.h"

bool ct_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;
	size_t i;

	for (i = 0; i < len; i++)
		diff = (uint8_t)(diff | (x[i] ^ y[i]));
	return diff == 0;
}

void wipe(void *p, size_t len)
{
	if (len > 0)
		explicit_bzero(p, len);
}
