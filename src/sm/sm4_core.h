#ifndef YD_SM_SM4_CORE_H
#define YD_SM_SM4_CORE_H
/* SM4 on 16 blocks at a time, bitsliced: no table, no branch, no address depends on key or data. */
#include "sm/sm4.h"

#define SM4_LANES 16 /* blocks per pass */

/* The eight bits of four bytes of 16 blocks: bit[p] holds bit p; in it, lane b (16 bits, b = 0 for the
 * least significant byte of the word) has one bit per block. */
struct planes {
	uint64_t bit[8];
};
/* Round keys in the order of use, spread over all blocks. */
struct sm4_schedule {
	struct planes round[32];
};

void sm4_spread(const struct sm4 *c, bool decrypt, struct sm4_schedule *ret);
/* Any number of blocks; in and out may be the same. */
void sm4_blocks(const struct sm4_schedule *s, const uint8_t *in, uint8_t *out, size_t blocks);

#endif
