#include "ra/texts.h"

#include "embed_texts.h"

#include <stdio.h>

struct slice texts_find(struct slice name)
{
	const struct embedded *e;
	char path[128];

	(void)snprintf(path, sizeof(path), "docs/texts/%.*s.txt", (int)(name.len < 64 ? name.len : 64),
	               (const char *)name.p);
	e = embedded_find(embed_texts, path);
	return e != NULL ? e->content : SLICE_NONE;
}
