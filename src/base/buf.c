#include "base/buf.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

/* Makes room for n more bytes and a closing NUL. */
static bool reserve(struct buf *b, size_t n)
{
	size_t need, cap;
	uint8_t *p;

	if (b->failed || n > b->max || b->len > b->max - n) {
		b->failed = true;
		return false;
	}
	need = b->len + n + 1;
	if (need <= b->cap)
		return true;
	cap = b->cap < 64 ? 64 : b->cap;
	while (cap < need)
		cap *= 2;
	/* realloc() could leave a copy behind: a secret moves by hand. */
	p = b->secret ? mem_new(cap, 1) : mem_grow(b->p, cap, 1);
	if (p == NULL) {
		b->failed = b->nomem = true;
		return false;
	}
	if (b->secret && b->p != NULL) {
		memcpy(p, b->p, b->len);
		wipe(b->p, b->cap);
		mem_free(b->p);
	}
	b->p = p;
	b->cap = cap;
	return true;
}

uint8_t *buf_room(struct buf *b, size_t n)
{
	return reserve(b, n) ? b->p + b->len : NULL;
}

void buf_add(struct buf *b, struct slice s)
{
	uint8_t *p = buf_room(b, s.len);

	if (p == NULL || s.len == 0)
		return;
	memcpy(p, s.p, s.len);
	b->len += s.len;
}

void buf_text(struct buf *b, const char *s)
{
	buf_add(b, slice_text(s));
}

static void add_be(struct buf *b, uint64_t v, size_t n)
{
	uint8_t *p = buf_room(b, n);
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	b->len += n;
}

void buf_u8(struct buf *b, uint8_t v)
{
	/* nearly always there is room: texts are built by this */
	if (!b->failed && b->len < b->max && b->len + 2 <= b->cap)
		b->p[b->len++] = v;
	else
		add_be(b, v, 1);
}

void buf_u16be(struct buf *b, uint16_t v)
{
	add_be(b, v, 2);
}

void buf_u32be(struct buf *b, uint32_t v)
{
	add_be(b, v, 4);
}

void buf_u64be(struct buf *b, uint64_t v)
{
	add_be(b, v, 8);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	uint8_t *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : buf_room(b, (size_t)n);
	if (p == NULL) {
		b->failed = true;
	} else {
		(void)vsnprintf((char *)p, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_hex(struct buf *b, struct slice s)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *p = s.len > b->max / 2 ? NULL : buf_room(b, 2 * s.len);
	size_t i;

	if (p == NULL) {
		b->failed = true;
		return;
	}
	for (i = 0; i < s.len; i++) {
		p[2 * i] = (uint8_t)digits[s.p[i] >> 4];
		p[2 * i + 1] = (uint8_t)digits[s.p[i] & 15];
	}
	b->len += 2 * s.len;
}

void buf_base64(struct buf *b, struct slice s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *p = s.len > b->max / 4 * 3 + 3 ? NULL : buf_room(b, (s.len + 2) / 3 * 4);
	size_t i;

	if (p == NULL) {
		b->failed = true;
		return;
	}
	for (i = 0; i < s.len; i += 3, p += 4) {
		size_t left = s.len - i;
		uint32_t v = (uint32_t)s.p[i] << 16;

		if (left > 1)
			v |= (uint32_t)s.p[i + 1] << 8;
		if (left > 2)
			v |= s.p[i + 2];
		p[0] = (uint8_t)digits[v >> 18];
		p[1] = (uint8_t)digits[v >> 12 & 63];
		p[2] = (uint8_t)(left > 1 ? digits[v >> 6 & 63] : '=');
		p[3] = (uint8_t)(left > 2 ? digits[v & 63] : '=');
	}
	b->len += (s.len + 2) / 3 * 4;
}

void buf_clear(struct buf *b)
{
	if (b->secret && b->p != NULL)
		wipe(b->p, b->cap);
	b->len = 0;
	b->failed = b->nomem = false;
}

void buf_free(struct buf *b)
{
	if (b->secret && b->p != NULL)
		wipe(b->p, b->cap);
	mem_free(b->p);
	*b = (struct buf){.max = b->max, .secret = b->secret};
}

RC buf_done(const struct buf *b)
{
	if (!b->failed)
		return OK;
	NEED(!b->nomem, RC_NOMEM, "buffer: out of memory");
	REFUSE(TOO_LARGE, "more than %zu bytes", b->max);
}

const char *buf_cstr(struct buf *b)
{
	if (b->failed || !reserve(b, 0))
		return "";
	b->p[b->len] = '\0';
	return (const char *)b->p;
}
