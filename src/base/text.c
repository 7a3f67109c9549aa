#include "base/text.h"

bool text_next(struct slice s, size_t *at, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	uint8_t c = s.p[*at];
	size_t more = c < 0x80             ? 0
	              : (c & 0xe0) == 0xc0 ? 1
	              : (c & 0xf0) == 0xe0 ? 2
	              : (c & 0xf8) == 0xf0 ? 3
	                                   : 4;
	uint32_t v;
	size_t i;

	if (more > 3 || s.len - *at <= more)
		return false;
	v = more == 0 ? c : c & (0x3fu >> more);
	for (i = 1; i <= more; i++) {
		c = s.p[*at + i];
		if ((c & 0xc0) != 0x80)
			return false;
		v = v << 6 | (c & 0x3f);
	}
	*at += more + 1;
	*ret = v;
	return v >= least[more] && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff);
}

/* Characters that change how the text around them is shown, or are none at all. */
static bool forbidden(uint32_t v)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
	        {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200e, 0x200f},
	        {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff},
	};
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (v >= ranges[i].from && v <= ranges[i].to)
			return true;
	return (v & 0xfffe) == 0xfffe;
}

bool text_clean(struct slice s)
{
	size_t at = 0;
	uint32_t v;

	while (at < s.len)
		if (!text_next(s, &at, &v) || forbidden(v))
			return false;
	return true;
}

bool text_utf8(struct slice s)
{
	uint64_t eight;
	size_t at = 0;
	uint32_t v;

	while (at < s.len) {
		/* nearly all is ASCII */
		for (; s.len - at >= sizeof(eight); at += sizeof(eight)) {
			memcpy(&eight, s.p + at, sizeof(eight));
			if ((eight & 0x8080808080808080ull) != 0)
				break;
		}
		if (at == s.len)
			break;
		if (!text_next(s, &at, &v))
			return false;
	}
	return true;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

RC text_hex(struct slice s, uint8_t *ret, size_t len)
{
	size_t i;

	NEED(s.len == 2 * len, RC_INPUT, "hex: %zu digits instead of %zu", s.len, 2 * len);
	for (i = 0; i < s.len; i++)
		NEED(hex_digit(s.p[i]) >= 0, RC_INPUT, "hex: not a digit at offset %zu", i);
	for (i = 0; i < len; i++)
		ret[i] = (uint8_t)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
	return OK;
}

RC text_hex_any(struct slice s, struct buf *ret)
{
	uint8_t *p;

	NEED(s.len % 2 == 0, RC_INPUT, "hex: odd number of digits");
	p = buf_room(ret, s.len / 2);
	if (p != NULL) {
		TRY(text_hex(s, p, s.len / 2));
		ret->len += s.len / 2;
	}
	return buf_done(ret);
}

/* The last two digits are not the same in both alphabets. */
static int base64_digit(uint8_t c, const char *last_two)
{
	static const uint8_t digits[128] = {
	        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	        255, 255, 255, 255, 255, 62,  255, 62,  255, 63,  52,  53,  54,  55,  56,  57,  58,  59,  60,
	        61,  255, 255, 255, 255, 255, 255, 255, 0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,
	        11,  12,  13,  14,  15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25,  255, 255, 255, 255,
	        63,  255, 26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,  41,  42,
	        43,  44,  45,  46,  47,  48,  49,  50,  51,  255, 255, 255, 255, 255,
	};
	int d = c < 128 ? digits[c] : 255;

	if (d < 62)
		return d;
	return d < 64 && c == (uint8_t)last_two[d - 62] ? d : -1;
}

/* s has no padding left.  Bits after the last octet must be zero (RFC 4648, 3.5). */
static RC decode64(struct slice s, const char *last_two, struct buf *ret)
{
	uint8_t *p = buf_room(ret, s.len / 4 * 3 + 3);
	uint32_t v = 0;
	unsigned bits = 0;
	size_t i;

	NEED(s.len % 4 != 1, RC_INPUT, "base64: impossible length (RFC 4648, 4)");
	for (i = 0; i < s.len; i++) {
		int d = base64_digit(s.p[i], last_two);

		NEED(d >= 0, RC_INPUT, "base64: forbidden character at offset %zu (RFC 4648, 3.3)", i);
		if (p == NULL)
			continue;
		v = (v << 6 | (uint32_t)d) & 0xffff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		*p++ = (uint8_t)(v >> bits);
		ret->len++;
	}
	NEED((v & ((1u << bits) - 1)) == 0, RC_INPUT, "base64: padding bits are not zero (RFC 4648, 3.5)");
	return buf_done(ret);
}

RC text_base64(struct slice s, struct buf *ret)
{
	NEED(s.len % 4 == 0, RC_INPUT, "base64: length is not a multiple of 4 (RFC 4648, 4)");
	if (s.len > 0 && s.p[s.len - 1] == '=')
		s.len -= s.p[s.len - 2] == '=' ? 2 : 1;
	return decode64(s, "+/", ret);
}

RC text_base64url(struct slice s, struct buf *ret)
{
	size_t pad = 0;

	while (pad < 2 && s.len > pad && s.p[s.len - 1 - pad] == '=')
		pad++;
	NEED(pad == 0 || s.len % 4 == 0, RC_INPUT, "base64url: wrong padding (RFC 4648, 5)");
	s.len -= pad;
	return decode64(s, "-_", ret);
}

RC text_u64(struct slice s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	NEED(s.len > 0, RC_INPUT, "number: empty");
	for (i = 0; i < s.len; i++) {
		NEED(s.p[i] >= '0' && s.p[i] <= '9', RC_INPUT, "number: not a digit at offset %zu", i);
		NEED(!__builtin_mul_overflow(v, (uint64_t)10, &v) &&
		             !__builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v) && v <= max,
		     RC_INPUT, "number: larger than %llu", (unsigned long long)max);
	}
	*ret = v;
	return OK;
}
