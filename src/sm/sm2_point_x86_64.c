#ifdef __x86_64__
#include "sm/sm2_names_x86_64.h"

#include "sm/sm2_point.c"
#endif
