#ifndef YD_SM_SM3_LANES_H
#define YD_SM_SM3_LANES_H
/* SM3 on several messages at once, one word of each in a vector register (base/sm3_round.h). */
#include "base/sm3_core.h"

#define SM3_LANES_MAX 16

struct sm3_lanes {
	size_t lanes;
	/* blocks blocks at p[i] into state h[...][i] for each lane i. */
	void (*core)(uint32_t h[8][SM3_LANES_MAX], const uint8_t *const p[SM3_LANES_MAX], size_t blocks);
};
/* Eight, sixteen and eight lanes; NULL when this build has no such code. */
const struct sm3_lanes *sm3_lanes_x86_64(void);
const struct sm3_lanes *sm3_lanes_avx512(void);
const struct sm3_lanes *sm3_lanes8_avx512(void);

#endif
