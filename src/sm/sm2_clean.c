#include "sm/sm2_internal.h"

/* tests/sm_wipe.c looks at what stays. */
#define CLEANER(name, depth)                                                                                 \
	SM2_APART struct rc name(struct rc rc)                                                               \
	{                                                                                                    \
		uint8_t below[depth];                                                                        \
                                                                                                             \
		wipe(below, sizeof(below));                                                                  \
		return rc;                                                                                   \
	}

CLEANER(sm2_clean_scalars, 2 << 10)
CLEANER(sm2_clean_base, 24 << 10)
CLEANER(sm2_clean_multiply, 40 << 10)
