#ifndef YD_BASE_SLICE_H
#define YD_BASE_SLICE_H
/* Borrowed bytes: whoever made the slice keeps the memory alive. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice { const uint8_t *p; size_t len; };

#define SLICE_NONE ((struct slice){0})
/* A string literal, or an array whose whole size counts. */
#define SLICE_LIT(s) ((struct slice){(const uint8_t *)("" s), sizeof(s) - 1})
#define SLICE_ARR(a) ((struct slice){(const uint8_t *)(a), sizeof(a)})

static inline struct slice slice_of(const void *p, size_t len)
{
	return (struct slice){p, len};
}
static inline struct slice slice_text(const char *s)
{
	return (struct slice){(const uint8_t *)s, strlen(s)};
}
static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
static inline bool slice_is(struct slice a, const char *s)
{
	return slice_equal(a, slice_text(s));
}
/* For secrets: time depends on the lengths only. */
bool ct_equal(const void *a, const void *b, size_t len);
/* Not optimised away. */
void wipe(void *p, size_t len);

#endif
