#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Test state of this process: allocations left until one fails (0 = never), and the count.  Kept
 * per thread, so that a test's torture does not reach into library threads. */
static _Thread_local size_t fail_in, made;

static bool unlucky(void)
{
	made++;
	return fail_in > 0 && --fail_in == 0;
}

size_t mem_fail_after(size_t n)
{
	size_t r = made;

	fail_in = n;
	made = 0;
	return r;
}

void *mem_new(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX || unlucky())
		return NULL;
	return calloc(count > 0 ? count : 1, size > 0 ? size : 1);
}

void *mem_grow(void *p, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX || unlucky())
		return NULL;
	return realloc(p, bytes > 0 ? bytes : 1);
}

void *mem_copy(struct slice s)
{
	char *p;

	if (s.len >= PTRDIFF_MAX)
		return NULL;
	p = mem_new(s.len + 1, 1);
	if (p != NULL && s.len > 0)
		memcpy(p, s.p, s.len);
	return p;
}

char *mem_text(const char *s)
{
	return mem_copy(slice_text(s));
}

/* Takes const pointers, since freeing a private copy of a constant text is not a change of it. */
void mem_free(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = {p};

	free(u.out);
}

void mem_drop(void *pp)
{
	void *p;

	memcpy(&p, pp, sizeof(p));
	free(p);
	p = NULL;
	memcpy(pp, &p, sizeof(p));
}

/* Whole pages: locks and fork marks work on pages, and a neighbour must not be unlocked with us. */
static size_t secret_span(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sizeof(struct secret) + len + page - 1) / page * page;
}

struct secret *secret_new(size_t len)
{
	struct secret *s;
	size_t span;

	if (len > (1u << 20) || unlucky())
		return NULL;
	span = secret_span(len);
	s = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return NULL;
	if (mlock(s, span) != 0 || madvise(s, span, MADV_DONTDUMP) != 0 ||
	    madvise(s, span, MADV_WIPEONFORK) != 0) {
		(void)munmap(s, span);
		return NULL;
	}
	s->len = len;
	return s;
}

/* In a forked child the page reads as zeros, so the length is lost: nothing is left to free but
 * one page, and the pages of a longer secret stay mapped and empty. */
void secret_free(struct secret *s)
{
	size_t span;

	if (s == NULL)
		return;
	span = secret_span(s->len);
	wipe(s, span);
	(void)munmap(s, span);
}
