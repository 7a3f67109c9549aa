#ifndef YD_BASE_MEM_H
#define YD_BASE_MEM_H
/* The only place that allocates.  Running out of memory is an ordinary result: NULL. */
#include "base/slice.h"

#include <stddef.h>

void *mem_new(size_t count, size_t size);                    /* zeroed; NULL on overflow too */
void *mem_grow(void *p, size_t count, size_t size);          /* realloc with overflow check */
void *mem_copy(struct slice s);                              /* one NUL byte follows */
char *mem_text(const char *s);
void  mem_free(const void *p);                               /* NULL is fine */
void  mem_drop(void *pp);                                    /* for __attribute__((cleanup)) */
#define AUTO_MEM(type, name, init) __attribute__((cleanup(mem_drop))) type *name = (init)

/* Tests: the n-th allocation from now on fails (0 = never). Returns how many were made since the
 * last call. */
size_t mem_fail_after(size_t n);

/* Locked, non-dumpable, wiped on free and in a forked child; length fixed at creation. */
struct secret { size_t len; uint8_t p[]; };
struct secret *secret_new(size_t len);
void secret_free(struct secret *s);
#include "base/auto.h"
DROP(secret, secret_free);

#endif
