/* Names on the wire: the table of attribute types, reading, building, comparing. */
#include "pki/name.h"

#include "base/text.h"
#include "pki/form.h"
#include "pki/name_types.h"

/* Upper bounds: RFC 5280 appendix A.1 ("ub-"), in characters. */
static const struct name_type types[] = {
        {OID_CN, DER_UTF8, 64, "commonName"},
        {OID_SURNAME, DER_UTF8, 64, "surname"},
        {OID_SERIAL_NUMBER, DER_PRINTABLE, 64, "serialNumber"},
        {OID_C, DER_PRINTABLE, 2, "countryName"},
        {OID_L, DER_UTF8, 128, "localityName"},
        {OID_ST, DER_UTF8, 128, "stateOrProvinceName"},
        {OID_STREET, DER_UTF8, 128, "streetAddress"},
        {OID_O, DER_UTF8, 64, "organizationName"},
        {OID_OU, DER_UTF8, 64, "organizationalUnitName"},
        {OID_TITLE, DER_UTF8, 64, "title"},
        {OID_GIVEN_NAME, DER_UTF8, 64, "givenName"},
        {OID_ORG_ID, DER_UTF8, 64, "organizationIdentifier"},
        {OID_UID, DER_UTF8, 128, "userId"},
        {OID_DC, DER_IA5, 63, "domainComponent"},
        {OID_EMAIL, DER_IA5, 255, "emailAddress"},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

const struct name_type *name_type(enum oid oid)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].oid == oid)
			return &types[i];
	}
	return NULL;
}

static bool same_word(struct slice a, const char *b)
{
	if (a.len != strlen(b))
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if ((a.p[i] | 0x20) != ((uint8_t)b[i] | 0x20))
			return false;
	}
	return true;
}

RC name_type_find(struct slice text, enum oid *ret)
{
	AUTO_BUF(contents, 64);
	enum oid dotted = OID_UNKNOWN;

	if (text.len > 0 && text.p[0] >= '0' && text.p[0] <= '9' && rc_ok(oid_from_dotted(text, &contents)))
		dotted = oid_find(buf_slice(&contents));
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].oid == dotted || same_word(text, oid_name(types[i].oid)) ||
		    same_word(text, types[i].full)) {
			*ret = types[i].oid;
			return OK;
		}
	}
	REFUSE(NAME, "name: unknown attribute type \"%.*s\"", (int)(text.len > 40 ? 40 : text.len),
	       (const char *)text.p);
}

/* ---- values ---- */

static bool printable(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && (c == 0 || strchr(" '()+,-./:=?", c) == NULL))
			return false;
	}
	return true;
}

static bool ascii(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] >= 0x80)
			return false;
	}
	return true;
}

static size_t characters(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

RC name_value_check(enum oid type, struct slice v)
{
	const struct name_type *t = name_type(type);

	REQUIRE(t != NULL, NAME, "name: attribute type not supported");
	REQUIRE(v.len > 0, NAME, "name: %s is empty", oid_name(type));
	REQUIRE(text_clean(v), NAME, "name: %s has bytes that are not UTF-8, or control characters",
	        oid_name(type));
	REQUIRE(characters(v) <= t->max && v.len <= NAME_VALUE_MAX, NAME,
	        "name: %s is longer than %u characters (RFC 5280 A.1)", oid_name(type), t->max);
	REQUIRE(v.p[0] != ' ' && v.p[v.len - 1] != ' ', NAME, "name: %s begins or ends with a space",
	        oid_name(type));
	REQUIRE(t->tag != DER_PRINTABLE || printable(v), NAME,
	        "name: %s takes the characters of PrintableString only", oid_name(type));
	REQUIRE(t->tag != DER_IA5 || ascii(v), NAME, "name: %s takes ASCII only", oid_name(type));
	REQUIRE(type != OID_C ||
	                (v.len == 2 && v.p[0] >= 'A' && v.p[0] <= 'Z' && v.p[1] >= 'A' && v.p[1] <= 'Z'),
	        NAME, "name: C takes two capital letters (ISO 3166)");
	return OK;
}

/* ---- in ---- */

static bool is_text(uint8_t tag)
{
	return tag == DER_UTF8 || tag == DER_PRINTABLE || tag == DER_IA5;
}

static void take_attribute(struct der_reader *r, struct name_attribute *a)
{
	struct der_reader value;

	der_enter(r, DER_SEQUENCE);
	a->type_raw = der_oid_raw(r);
	a->type = oid_find(a->type_raw);
	a->tag = der_tag(r);
	a->der = der_element(r);
	der_leave(r);
	value = der_read(a->der);
	a->value = der_value(&value, a->tag);
	if (r->why == NULL && a->tag == DER_UTF8 && !text_utf8(a->value))
		der_fail(r, "UTF8String is not UTF-8");
	if (r->why == NULL && (a->tag == DER_PRINTABLE || a->tag == DER_IA5) && !ascii(a->value))
		der_fail(r, "string with characters outside its alphabet");
}

static void take_rdn(struct der_reader *r, struct name *ret)
{
	struct slice last = SLICE_NONE;
	bool joined = false;

	der_enter(r, DER_SET);
	if (!der_more(r))
		der_fail(r, "empty RDN");
	while (der_more(r)) {
		const uint8_t *from = r->p;
		if (ret->count == NAME_ATTRIBUTES) {
			der_fail(r, "too many attributes");
			break;
		}
		struct name_attribute *a = &ret->at[ret->count++];
		*a = (struct name_attribute){.joined = joined};
		take_attribute(r, a);
		der_ordered(r, from, &last);
		joined = true;
	}
	der_leave(r);
}

RC name_parse(struct slice der, struct name *ret)
{
	struct der_reader r = der_read(der);

	ret->der = der;
	ret->count = 0;
	REQUIRE(der.len <= NAME_DER_MAX, NAME, "name: more than %d bytes", NAME_DER_MAX);
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r))
		take_rdn(&r, ret);
	der_leave(&r);
	return form_done(&r, ERR_NAME, "name");
}

RC name_check(struct slice der)
{
	struct name n;

	TRY(name_parse(der, &n));
	for (size_t i = 0; i < n.count; i++) {
		const struct name_type *t = name_type(n.at[i].type);
		REQUIRE(t != NULL, NAME, "name: attribute type not supported");
		REQUIRE(t->tag == n.at[i].tag, NAME, "name: %s is not in its string type", oid_name(t->oid));
		TRY(name_value_check(t->oid, n.at[i].value));
	}
	return OK;
}

RC name_value(struct slice der, enum oid type, struct slice *ret)
{
	struct name n;

	TRY(name_parse(der, &n));
	for (size_t i = 0; i < n.count; i++) {
		if (n.at[i].type == type && is_text(n.at[i].tag)) {
			*ret = n.at[i].value;
			return OK;
		}
	}
	FAIL(RC_NOTFOUND, "name: no %s", oid_name(type));
}

bool name_is_empty(struct slice der)
{
	return slice_equal(der, SLICE_LIT("\x30\0"));
}

/* ---- comparing: RFC 5280 7.1 with case folding and spaces for ASCII; other characters count as
 * they are ---- */

/* The next byte of the folded text; -1 at the end.  Runs of spaces are one, none at the edges. */
static int folded(struct slice s, size_t *at)
{
	size_t from = *at;

	while (*at < s.len && s.p[*at] == ' ')
		++*at;
	if (*at == s.len)
		return -1;
	if (*at > from && from > 0)
		return ' ';
	uint8_t c = s.p[(*at)++];
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool equal_text(struct slice a, struct slice b)
{
	size_t i = 0, j = 0;

	for (;;) {
		int x = folded(a, &i), y = folded(b, &j);
		if (x != y)
			return false;
		if (x < 0)
			return true;
	}
}

static bool equal_attribute(const struct name_attribute *a, const struct name_attribute *b)
{
	if (a->joined != b->joined || !slice_equal(a->type_raw, b->type_raw))
		return false;
	if (slice_equal(a->der, b->der))
		return true;
	return is_text(a->tag) && is_text(b->tag) && equal_text(a->value, b->value);
}

bool name_equal(struct slice a, struct slice b)
{
	struct name x, y;

	if (slice_equal(a, b))
		return true;
	if (!rc_ok(name_parse(a, &x)) || !rc_ok(name_parse(b, &y)) || x.count != y.count)
		return false;
	for (size_t i = 0; i < x.count; i++) {
		if (!equal_attribute(&x.at[i], &y.at[i]))
			return false;
	}
	return true;
}

/* ---- out ---- */

RC name_build(const struct name_attribute *a, size_t n, struct buf *ret)
{
	AUTO_DER(w, NAME_DER_MAX);

	REQUIRE(n <= NAME_ATTRIBUTES, NAME, "name: more than %d attributes", NAME_ATTRIBUTES);
	der_begin(&w, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++) {
		TRY(name_value_check(a[i].type, a[i].value));
		if (i == 0 || !a[i].joined)
			der_begin(&w, DER_SET);
		der_begin(&w, DER_SEQUENCE);
		der_put_oid(&w, a[i].type);
		der_put_text(&w, name_type(a[i].type)->tag, a[i].value);
		der_end(&w);
		if (i + 1 < n && a[i + 1].joined)
			continue;
		if (i > 0 && a[i].joined)
			der_end_set(&w);
		else
			der_end(&w);
	}
	der_end(&w);
	NEED(!w.out.nomem, RC_NOMEM, "name: out of memory");
	REQUIRE(!w.out.failed, NAME, "name: more than %d bytes", NAME_DER_MAX);
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}
