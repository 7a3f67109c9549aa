#ifndef YD_BASE_EMBED_H
#define YD_BASE_EMBED_H
/* Files built into the program.  `embed(TARGET NAME GLOB...)` in CMakeLists.txt gives
 * "embed_NAME.h" with `extern const struct embedded embed_NAME[]`, closed by a NULL name; names are
 * paths in the source tree ("profiles/person.json"), sorted; a NUL follows the bytes. */
#include "base/slice.h"

struct embedded { const char *name; struct slice content; };

/* NULL when no file has that name. */
const struct embedded *embedded_find(const struct embedded *table, const char *name);

#endif
