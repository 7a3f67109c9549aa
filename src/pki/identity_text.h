#ifndef YD_PKI_IDENTITY_TEXT_H
#define YD_PKI_IDENTITY_TEXT_H
/* Which characters the name of a person, organisation or place may have.  All letters and ideographs of
 * Unicode, beyond the basic plane too (rare characters of names); not what cannot be seen, turns the
 * direction, looks like another character or means something on one machine only.  The rule is stricter
 * than that for distinguished names in general: what stands here was read by two officers. */
#include "base/slice.h"

/* NULL: it may stand in an identity; otherwise why not, in words. */
const char *identity_text_fault(struct slice s);

#endif
