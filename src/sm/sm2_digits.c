#include "sm/sm2_point.h"

#include <string.h>

/* With w bits in a window, bits wi-1 ... wi+w-1 of k as b(w) ... b0 mean -2^(w-1) b(w) + 2^(w-2) b(w-1) +
 * ... + b1 + b0: the window borrows from the one above when its highest bit is set. */
unsigned window_digit(const struct sc *k, unsigned bits, unsigned i, uint64_t *negative)
{
	unsigned bit = bits * i, word, shift;
	uint64_t raw, size, all = (2u << bits) - 1;

	if (i == 0) {
		raw = k->v[0] << 1;
	} else {
		word = (bit - 1) / 64;
		shift = (bit - 1) % 64;
		raw = k->v[word] >> shift;
		if (shift > 64 - bits - 1 && word + 1 < LIMBS)
			raw |= k->v[word + 1] << (64 - shift);
	}
	raw &= all;
	*negative = ct_hide(0 - (raw >> bits));
	size = raw ^ (*negative & all);
	return (unsigned)((size >> 1) + (size & 1));
}

void sparse_digits(int16_t digit[DIGITS], const struct sc *k, unsigned bits)
{
	uint64_t v[LIMBS + 1] = {k->v[0], k->v[1], k->v[2], k->v[3], 0};
	unsigned i, j, carry = 0;

	memset(digit, 0, DIGITS * sizeof(digit[0]));
	for (i = 0; i < DIGITS; i++) {
		unsigned word = i / 64, shift = i % 64, low;
		uint64_t window = v[word] >> shift;

		if (shift + bits > 64 && word < LIMBS)
			window |= v[word + 1] << (64 - shift);
		if (((window + carry) & 1) == 0)
			continue;
		low = ((unsigned)window & ((1u << bits) - 1)) + carry;
		carry = low >> (bits - 1) & 1;
		digit[i] = (int16_t)((int)low - (int)(carry << bits));
		for (j = 1; j < bits && i + 1 < DIGITS; j++)
			i++;
	}
}
