/* RFC 4514: names as text, most specific attribute first. */
#include "base/text.h"
#include "pki/form.h"
#include "pki/name.h"
#include "pki/name_types.h"

static const char special[] = "\"+,;<>\\=";

/* ---- out ---- */

static void put_value(struct buf *b, struct slice v)
{
	static const char hex[] = "0123456789ABCDEF";
	bool clean = text_clean(v);

	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.p[i];
		if (!clean && (c < 0x20 || c >= 0x7f)) {
			/* RFC 4514 2.4: a backslash and two digits; keeps what would deceive the eye off
			 * the screen */
			buf_u8(b, '\\');
			buf_u8(b, (uint8_t)hex[c >> 4]);
			buf_u8(b, (uint8_t)hex[c & 15]);
			continue;
		}
		bool edge = (c == ' ' && (i == 0 || i + 1 == v.len)) || (c == '#' && i == 0);
		if (edge || (c != '=' && c != 0 && strchr(special, c) != NULL))
			buf_u8(b, '\\');
		buf_u8(b, c);
	}
}

static RC put_attribute(struct buf *b, const struct name_attribute *a)
{
	bool text = a->tag == DER_UTF8 || a->tag == DER_PRINTABLE || a->tag == DER_IA5;

	if (name_type(a->type) != NULL)
		buf_text(b, oid_name(a->type));
	else
		TRY(oid_to_dotted(a->type_raw, b));
	buf_u8(b, '=');
	if (text && name_type(a->type) != NULL) {
		put_value(b, a->value);
	} else {
		buf_u8(b, '#');
		buf_hex(b, a->der);
	}
	return OK;
}

RC name_to_text(struct slice der, struct buf *ret)
{
	struct name n;
	size_t end, from;

	TRY(name_parse(der, &n));
	for (end = n.count; end > 0; end = from) {
		from = end - 1;
		while (from > 0 && n.at[from].joined)
			from--;
		if (end < n.count)
			buf_u8(ret, ',');
		for (size_t i = from; i < end; i++) {
			if (i > from)
				buf_u8(ret, '+');
			TRY(put_attribute(ret, &n.at[i]));
		}
	}
	return buf_done(ret);
}

/* ---- in ---- */

struct scan {
	struct slice text;
	size_t at;
	struct buf *values; /* unescaped bytes of all values */
};

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void skip_spaces(struct scan *s)
{
	while (s->at < s->text.len && s->text.p[s->at] == ' ')
		s->at++;
}

/* Behind a backslash: a special character, a space, '#', or two hex digits. */
static RC take_escape(struct scan *s)
{
	const uint8_t *p = s->text.p + s->at;
	size_t left = s->text.len - s->at;

	REQUIRE(left > 0, NAME, "name: ends in a backslash (RFC 4514 3)");
	if (*p == ' ' || *p == '#' || (*p != 0 && strchr(special, *p) != NULL)) {
		buf_u8(s->values, *p);
		s->at++;
		return OK;
	}
	REQUIRE(left > 1 && digit(p[0]) >= 0 && digit(p[1]) >= 0, NAME,
	        "name: a backslash before \"%c\" (RFC 4514 3)", *p >= 0x20 && *p < 0x7f ? *p : '?');
	buf_u8(s->values, (uint8_t)(digit(p[0]) << 4 | digit(p[1])));
	s->at += 2;
	return OK;
}

static RC take_value(struct scan *s)
{
	size_t keep = s->values->len; /* up to here nothing is a bare space at the end */

	skip_spaces(s);
	REQUIRE(s->at == s->text.len || s->text.p[s->at] != '#', NAME,
	        "name: values in # form are not taken");
	while (s->at < s->text.len) {
		uint8_t c = s->text.p[s->at];
		if (c == ',' || c == '+')
			break;
		s->at++;
		if (c == '\\') {
			TRY(take_escape(s));
			keep = s->values->len;
			continue;
		}
		REQUIRE(c != 0 && (c == '=' || strchr(special, c) == NULL), NAME,
		        "name: \"%c\" needs a backslash (RFC 4514 2.4)", c != 0 ? c : '0');
		buf_u8(s->values, c);
		if (c != ' ')
			keep = s->values->len;
	}
	TRY(buf_done(s->values));
	s->values->len = keep;
	return OK;
}

static RC take_type(struct scan *s, enum oid *ret)
{
	size_t from, end;

	skip_spaces(s);
	from = s->at;
	while (s->at < s->text.len && s->text.p[s->at] != '=')
		s->at++;
	REQUIRE(s->at < s->text.len, NAME, "name: \"=\" is missing (RFC 4514 3)");
	for (end = s->at; end > from && s->text.p[end - 1] == ' '; end--)
		;
	s->at++;
	return name_type_find(slice_of(s->text.p + from, end - from), ret);
}

/* One attribute of the text: its type, where its value stands, whether '+' stood before it. */
struct piece {
	enum oid type;
	size_t from, len;
	bool joined;
};

static RC split(struct scan *s, struct piece *ret, size_t *count)
{
	bool joined = false;

	for (*count = 0; s->at < s->text.len;) {
		struct piece *p = &ret[*count];
		REQUIRE(*count < NAME_ATTRIBUTES, NAME, "name: more than %d attributes", NAME_ATTRIBUTES);
		p->joined = joined;
		TRY(take_type(s, &p->type));
		p->from = s->values->len;
		TRY(take_value(s));
		p->len = s->values->len - p->from;
		++*count;
		if (s->at == s->text.len)
			return OK;
		joined = s->text.p[s->at++] == '+';
		REQUIRE(s->at < s->text.len, NAME, "name: ends in a separator");
	}
	return OK;
}

/* The buffer has no memory yet when every value is empty. */
static struct slice part(const struct buf *b, size_t from, size_t len)
{
	return len > 0 ? slice_of(b->p + from, len) : SLICE_NONE;
}

RC name_from_text(struct slice text, struct buf *ret)
{
	AUTO_BUF(values, NAME_TEXT_MAX);
	struct scan s = {.text = text, .values = &values};
	struct piece pieces[NAME_ATTRIBUTES];
	struct name_attribute a[NAME_ATTRIBUTES];
	size_t n, k = 0;

	REQUIRE(text.len <= NAME_TEXT_MAX, NAME, "name: more than %d bytes", NAME_TEXT_MAX);
	TRY(split(&s, pieces, &n));
	/* on the wire the last RDN of the text comes first */
	for (size_t end = n, from; end > 0; end = from) {
		from = end - 1;
		while (from > 0 && pieces[from].joined)
			from--;
		for (size_t i = from; i < end; i++) {
			a[k++] = (struct name_attribute){
			        .type = pieces[i].type,
			        .value = part(&values, pieces[i].from, pieces[i].len),
			        .joined = i > from,
			};
		}
	}
	return name_build(a, n, ret);
}
