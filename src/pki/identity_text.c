#include "pki/identity_text.h"

#include "base/text.h"

struct range {
	uint32_t from, to;
};

static const struct range invisible[] = {
        {0xad, 0xad},     {0x34f, 0x34f},   {0x115f, 0x1160}, {0x17b4, 0x17b5},
        {0x180b, 0x180e}, {0x200b, 0x200f}, {0x2060, 0x206f}, {0x3164, 0x3164},
        {0xfe00, 0xfe0f}, {0xffa0, 0xffa0}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
};
static const struct range spaces[] = {
        {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
        {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};
/* GBK fonts of old kept rare characters there; another machine shows another character or none. */
static const struct range private[] = {{0xe000, 0xf8ff}, {0xf0000, 0x10ffff}};
/* Radicals, compatibility ideographs (all but the twelve that are characters of their own), full-width
 * and mathematical letters and digits, ligatures, and marks that combine with the letter before. */
static const struct range alike[] = {
        {0x300, 0x36f},   {0x2e80, 0x2fdf}, {0xf900, 0xfa0d},   {0xfa10, 0xfa10},
        {0xfa12, 0xfa12}, {0xfa15, 0xfa1e}, {0xfa20, 0xfa20},   {0xfa22, 0xfa22},
        {0xfa25, 0xfa26}, {0xfa2a, 0xfaff}, {0xfb00, 0xfb06},   {0xff10, 0xff19},
        {0xff21, 0xff3a}, {0xff41, 0xff5a}, {0x1d400, 0x1d7ff}, {0x2f800, 0x2fa1f},
};
static const struct range latin[] = {{0x41, 0x5a}, {0x61, 0x7a}, {0xc0, 0x24f}};
static const struct range greek[] = {{0x370, 0x3ff}};
static const struct range cyrillic[] = {{0x400, 0x52f}};

#define IN(table, v) in((table), sizeof(table) / sizeof((table)[0]), (v))

static bool in(const struct range *r, size_t n, uint32_t v)
{
	for (size_t i = 0; i < n; i++) {
		if (v >= r[i].from && v <= r[i].to)
			return true;
	}
	return false;
}

static const char *character_fault(uint32_t v)
{
	if (IN(invisible, v))
		return "a character that cannot be seen";
	if (IN(spaces, v))
		return "a space other than the plain one";
	if (IN(private, v))
		return "a private character (U+E000 and so on)";
	if (IN(alike, v))
		return "a form that looks like another character";
	return NULL;
}

const char *identity_text_fault(struct slice s)
{
	unsigned scripts = 0;
	uint32_t v, last = ' ';
	size_t at = 0;

	if (!text_clean(s))
		return "control or bidirectional characters";
	while (at < s.len) {
		const char *fault;

		if (!text_next(s, &at, &v))
			return "bytes that are not UTF-8";
		fault = character_fault(v);
		if (fault != NULL)
			return fault;
		if (v == ' ' && last == ' ')
			return "a space at its beginning, or two in a row";
		scripts |= (IN(latin, v) ? 1u : 0) | (IN(greek, v) ? 2u : 0) | (IN(cyrillic, v) ? 4u : 0);
		last = v;
	}
	if (s.len > 0 && last == ' ')
		return "a space at its end";
	return (scripts & (scripts - 1)) == 0 ? NULL : "letters of several alphabets that look alike";
}
