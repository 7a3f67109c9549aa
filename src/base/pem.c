#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>

#define PEM_LINE 64 /* RFC 7468, 2 */
#define PEM_LABEL_MAX 64

static struct slice rest_after(struct slice s, const uint8_t *p)
{
	return slice_of(p, s.len - (size_t)(p - s.p));
}

/* The rest of s from the first "-----BEGIN " that starts a line; len 0 when there is none. */
static struct slice find_begin(struct slice s)
{
	static const char begin[] = "-----BEGIN ";
	const uint8_t *p = s.p;

	while (s.len > 0 && (p = memmem(s.p, s.len, begin, sizeof(begin) - 1)) != NULL) {
		if (p == s.p || p[-1] == '\n' || p[-1] == '\r')
			return rest_after(s, p + sizeof(begin) - 1);
		s = rest_after(s, p + 1);
	}
	return SLICE_NONE;
}

/* The body of the block whose label is at the start of s, and what follows it. */
static RC take_block(struct slice *s, struct slice *label, struct slice *body)
{
	char end[PEM_LABEL_MAX + 16];
	const uint8_t *p = memmem(s->p, s->len, "-----", 5);

	NEED(p != NULL && p - s->p <= PEM_LABEL_MAX, RC_INPUT, "PEM: no end of the BEGIN line (RFC 7468, 3)");
	*label = slice_of(s->p, (size_t)(p - s->p));
	*s = rest_after(*s, p + 5);
	(void)snprintf(end, sizeof(end), "-----END %.*s-----", (int)label->len, (const char *)label->p);
	p = memmem(s->p, s->len, end, strlen(end));
	NEED(p != NULL, RC_INPUT, "PEM: no END line for the label (RFC 7468, 3)");
	*body = slice_of(s->p, (size_t)(p - s->p));
	*s = rest_after(*s, p + strlen(end));
	return OK;
}

static RC decode_body(struct slice body, struct buf *ret)
{
	AUTO_BUF(packed, body.len);
	size_t i;

	packed.secret = true; /* may be a private key */
	for (i = 0; i < body.len; i++)
		if (body.p[i] != ' ' && body.p[i] != '\t' && body.p[i] != '\r' && body.p[i] != '\n')
			buf_u8(&packed, body.p[i]);
	TRY(buf_done(&packed));
	NEED(packed.len > 0, RC_INPUT, "PEM: empty block");
	return rc_note(text_base64(buf_slice(&packed), ret), "PEM");
}

RC text_pem(struct slice s, const char *label, struct buf *ret)
{
	struct slice found, body;

	if (s.len > 0 && s.p[0] == 0x30) {
		buf_add(ret, s);
		return buf_done(ret);
	}
	for (s = find_begin(s); s.len > 0; s = find_begin(s)) {
		TRY(take_block(&s, &found, &body));
		if (label == NULL || slice_is(found, label))
			return decode_body(body, ret);
	}
	FAIL(RC_INPUT, "PEM: no block %s%s, and not DER either", label == NULL ? "" : "with the label ",
	     label == NULL ? "" : label);
}

void text_to_pem(struct buf *b, const char *label, struct slice der)
{
	const size_t line = PEM_LINE / 4 * 3;

	buf_printf(b, "-----BEGIN %s-----\n", label);
	while (der.len > 0) {
		size_t n = der.len < line ? der.len : line;

		buf_base64(b, slice_of(der.p, n));
		buf_u8(b, '\n');
		der = slice_of(der.p + n, der.len - n);
	}
	buf_printf(b, "-----END %s-----\n", label);
}
