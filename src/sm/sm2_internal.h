#ifndef YD_SM_SM2_INTERNAL_H
#define YD_SM_SM2_INTERNAL_H
/* What the files of SM2 share beside the arithmetic. */
#include "sm/sm2.h"
#include "sm/sm2_point.h"

/* In [1, n-1], from base/rand. */
RC random_scalar(struct sc *ret);

#endif
