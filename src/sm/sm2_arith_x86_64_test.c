/* The cases of sm2_arith_test.c over mulx and adx. */
#ifdef __x86_64__
#include "sm/sm2_names_x86_64.h"
#endif
#include "sm/sm2_arith_test.c"
