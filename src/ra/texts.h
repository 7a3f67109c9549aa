#ifndef YD_RA_TEXTS_H
#define YD_RA_TEXTS_H
/* Texts that people accept, docs/texts/NAME.txt: the subscriber agreement, the notice on safe keeping (R21.1,
 * R31.6).  An edition is never changed, a new one gets the next number. */
#include "base/slice.h"

/* Empty when there is none. */
struct slice texts_find(struct slice name);

#endif
