/* GeneralName and the extensions made of it: subjectAltName, distribution points, access; policies. */
#include "pki/ext.h"

#include "base/text.h"
#include "pki/name.h"

#include <arpa/inet.h>

#define HOST_MAX 253 /* RFC 1035 2.3.4, without the dots' lengths */
#define LABEL_MAX 63

/* ---- GeneralName ---- */

void general_put(struct der_writer *w, const struct general_name *g)
{
	if (g->kind == GENERAL_DIRECTORY) {
		der_begin(w, DER_CTXC(GENERAL_DIRECTORY));
		der_raw(w, g->value);
		der_end(w);
		return;
	}
	der_put(w, DER_CTX(g->kind), g->value);
}

/* Printable ASCII: nothing in a host name, mail address or URI is anything else. */
static bool visible(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
			return false;
	}
	return s.len > 0;
}

static void take_simple(struct der_reader *r, struct general_name *g)
{
	g->value = der_value(r, DER_CTX(g->kind));
	if (r->why != NULL)
		return;
	if (g->kind == GENERAL_IP && g->value.len != 4 && g->value.len != 16)
		der_fail(r, "an IP address is 4 or 16 bytes");
	if ((g->kind == GENERAL_EMAIL || g->kind == GENERAL_DNS || g->kind == GENERAL_URI) &&
	    !visible(g->value))
		der_fail(r, "IA5String name with blanks or other characters");
}

void general_take(struct der_reader *r, struct general_name *ret)
{
	uint8_t tag = der_tag(r);

	ret->kind = (enum general_kind)(tag & 0x1f);
	if (tag == DER_CTX(GENERAL_EMAIL) || tag == DER_CTX(GENERAL_DNS) || tag == DER_CTX(GENERAL_URI) ||
	    tag == DER_CTX(GENERAL_IP) || tag == DER_CTX(GENERAL_RID)) {
		take_simple(r, ret);
	} else if (tag == DER_CTXC(GENERAL_DIRECTORY)) {
		der_enter(r, tag);
		ret->value = der_element_of(r, DER_SEQUENCE);
		der_leave(r);
	} else if (tag == DER_CTXC(GENERAL_OTHER) || tag == DER_CTXC(GENERAL_X400) ||
	           tag == DER_CTXC(GENERAL_EDI)) {
		ret->value = der_value(r, tag);
	} else {
		der_fail(r, "not a GeneralName");
	}
}

static bool alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Labels of letters, digits and hyphens (RFC 1034 3.5); Chinese names come as xn-- labels. */
static bool host_sound(struct slice s)
{
	size_t label = 0;

	if (s.len == 0 || s.len > HOST_MAX)
		return false;
	for (size_t i = 0; i <= s.len; i++) {
		if (i < s.len && s.p[i] != '.') {
			if (!alnum(s.p[i]) && (s.p[i] != '-' || label == 0))
				return false;
			label++;
			continue;
		}
		if (label == 0 || label > LABEL_MAX || s.p[i - 1] == '-')
			return false;
		label = 0;
	}
	return true;
}

static bool dns_sound(struct slice s)
{
	if (s.len > 2 && s.p[0] == '*' && s.p[1] == '.')
		s = slice_of(s.p + 2, s.len - 2);
	return host_sound(s);
}

static bool mail_sound(struct slice s)
{
	const uint8_t *at = s.len > 0 ? memchr(s.p, '@', s.len) : NULL;
	size_t local;

	if (at == NULL || !visible(s) || s.len > 254)
		return false;
	local = (size_t)(at - s.p);
	return local > 0 && local <= 64 && host_sound(slice_of(at + 1, s.len - local - 1));
}

static bool uri_sound(struct slice s)
{
	const uint8_t *colon = s.len > 0 ? memchr(s.p, ':', s.len) : NULL;

	if (colon == NULL || !visible(s) || s.len > EXT_URL_MAX || colon == s.p || colon + 1 == s.p + s.len)
		return false;
	for (const uint8_t *p = s.p; p < colon; p++) {
		if (!alnum(*p) && *p != '+' && *p != '-' && *p != '.')
			return false;
	}
	return true;
}

static bool ip_sound(struct slice s, uint8_t ip[16], struct slice *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (s.len == 0 || s.len >= sizeof(text))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = 0;
	if (inet_pton(AF_INET, text, ip) == 1)
		*ret = slice_of(ip, 4);
	else if (inet_pton(AF_INET6, text, ip) == 1)
		*ret = slice_of(ip, 16);
	else
		return false;
	return true;
}

RC general_from_text(enum general_kind kind, struct slice text, uint8_t ip[16], struct general_name *ret)
{
	int shown = (int)(text.len > 64 ? 64 : text.len);

	*ret = (struct general_name){kind, text};
	if (kind == GENERAL_DNS)
		REQUIRE(dns_sound(text), GENERAL_NAME, "\"%.*s\" is not a host name", shown,
		        (const char *)text.p);
	else if (kind == GENERAL_EMAIL)
		REQUIRE(mail_sound(text), GENERAL_NAME, "\"%.*s\" is not a mail address", shown,
		        (const char *)text.p);
	else if (kind == GENERAL_URI)
		REQUIRE(uri_sound(text), GENERAL_NAME, "\"%.*s\" is not a URI", shown, (const char *)text.p);
	else if (kind == GENERAL_IP)
		REQUIRE(ip_sound(text, ip, &ret->value), GENERAL_NAME, "\"%.*s\" is not an IP address", shown,
		        (const char *)text.p);
	else
		FAIL(RC_BUG, "general name of kind %d from text", kind);
	return OK;
}

static void directory_to_text(struct slice der, struct buf *ret)
{
	AUTO_BUF(name, NAME_TEXT_MAX * 3);

	if (rc_ok(name_to_text(der, &name)))
		buf_add(ret, buf_slice(&name));
	else
		buf_hex(ret, der);
}

void general_to_text(const struct general_name *g, struct buf *ret)
{
	static const char *const labels[] = {"other", "email", "DNS", "x400", "directory",
	                                     "edi",   "URI",   "IP",  "RID"};
	char text[INET6_ADDRSTRLEN];

	buf_text(ret, labels[g->kind]);
	buf_u8(ret, ':');
	if (g->kind == GENERAL_IP &&
	    inet_ntop(g->value.len == 4 ? AF_INET : AF_INET6, g->value.p, text, sizeof(text)))
		buf_text(ret, text);
	else if (g->kind == GENERAL_DIRECTORY)
		directory_to_text(g->value, ret);
	else if (g->kind == GENERAL_DNS || g->kind == GENERAL_EMAIL || g->kind == GENERAL_URI)
		buf_add(ret, g->value);
	else
		buf_hex(ret, g->value);
}

/* ---- subjectAltName ---- */

void ext_put_san(struct der_writer *w, const struct general_name *g, size_t n, bool critical)
{
	ext_begin(w, OID_SAN, critical);
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++)
		general_put(w, &g[i]);
	der_end(w);
	ext_end(w);
}

void ext_take_san(struct der_reader *r, struct general_names *ret)
{
	ret->count = 0;
	der_enter(r, DER_SEQUENCE);
	if (!der_more(r))
		der_fail(r, "no name in the list");
	while (der_more(r)) {
		if (ret->count == EXT_NAMES)
			der_fail(r, "too many names");
		else
			general_take(r, &ret->at[ret->count++]);
	}
	der_leave(r);
}

/* ---- certificatePolicies ---- */

void ext_put_policies(struct der_writer *w, const struct ext_policies *p)
{
	ext_begin(w, OID_POLICIES, false);
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < p->count; i++) {
		der_begin(w, DER_SEQUENCE);
		der_put_oid_raw(w, p->at[i]);
		der_end(w);
	}
	der_end(w);
	ext_end(w);
}

static void take_policy(struct der_reader *r, struct ext_policies *ret)
{
	struct slice oid;

	der_enter(r, DER_SEQUENCE);
	oid = der_oid_raw(r);
	if (der_more(r))
		der_element_of(r, DER_SEQUENCE); /* policyQualifiers */
	der_leave(r);
	for (size_t i = 0; i < ret->count; i++) {
		if (slice_equal(ret->at[i], oid))
			der_fail(r, "a policy stands twice (RFC 5280 4.2.1.4)");
	}
	if (ret->count == EXT_POLICIES)
		der_fail(r, "too many policies");
	else
		ret->at[ret->count++] = oid;
}

void ext_take_policies(struct der_reader *r, struct ext_policies *ret)
{
	ret->count = 0;
	der_enter(r, DER_SEQUENCE);
	if (!der_more(r))
		der_fail(r, "no policy in the list");
	while (der_more(r))
		take_policy(r, ret);
	der_leave(r);
}

/* ---- addresses ---- */

static void add_url(struct der_reader *r, const struct general_name *g, struct ext_urls *ret)
{
	if (r->why != NULL || g->kind != GENERAL_URI || ret->count == EXT_URLS)
		return; /* more than EXT_URLS are read over */
	ret->at[ret->count++] = g->value;
}

static void put_points(struct der_writer *w, enum oid oid, struct slice url)
{
	ext_begin(w, oid, false);
	der_begin(w, DER_SEQUENCE);
	der_begin(w, DER_SEQUENCE);
	der_begin(w, DER_CTXC(0));
	der_begin(w, DER_CTXC(0));
	der_put(w, DER_CTX(GENERAL_URI), url);
	der_end(w);
	der_end(w);
	der_end(w);
	der_end(w);
	ext_end(w);
}

void ext_put_crldp(struct der_writer *w, struct slice url)
{
	put_points(w, OID_CRLDP, url);
}

void ext_put_freshest(struct der_writer *w, struct slice url)
{
	put_points(w, OID_FRESHEST_CRL, url);
}

static void take_point(struct der_reader *r, struct ext_urls *ret)
{
	struct general_name g;

	der_enter(r, DER_SEQUENCE);
	if (der_at(r, DER_CTXC(0))) {
		der_enter(r, DER_CTXC(0));
		if (der_at(r, DER_CTXC(1))) {
			der_element(r); /* nameRelativeToCRLIssuer */
		} else {
			der_enter(r, DER_CTXC(0));
			while (der_more(r)) {
				general_take(r, &g);
				add_url(r, &g, ret);
			}
			der_leave(r);
		}
		der_leave(r);
	}
	if (der_at(r, DER_CTX(1)))
		der_element(r); /* reasons */
	if (der_at(r, DER_CTXC(2)))
		der_element(r); /* cRLIssuer */
	der_leave(r);
}

void ext_take_crldp(struct der_reader *r, struct ext_urls *ret)
{
	ret->count = 0;
	der_enter(r, DER_SEQUENCE);
	if (!der_more(r))
		der_fail(r, "no distribution point in the list");
	while (der_more(r))
		take_point(r, ret);
	der_leave(r);
}

static void put_access(struct der_writer *w, enum oid method, struct slice url)
{
	if (url.len == 0)
		return;
	der_begin(w, DER_SEQUENCE);
	der_put_oid(w, method);
	der_put(w, DER_CTX(GENERAL_URI), url);
	der_end(w);
}

void ext_put_aia(struct der_writer *w, struct slice ocsp, struct slice issuer)
{
	if (ocsp.len == 0 && issuer.len == 0)
		return;
	ext_begin(w, OID_AIA, false);
	der_begin(w, DER_SEQUENCE);
	put_access(w, OID_AD_OCSP, ocsp);
	put_access(w, OID_AD_CA_ISSUERS, issuer);
	der_end(w);
	ext_end(w);
}

void ext_take_aia(struct der_reader *r, struct ext_urls *ocsp, struct ext_urls *issuer)
{
	struct general_name g;

	ocsp->count = 0;
	issuer->count = 0;
	der_enter(r, DER_SEQUENCE);
	if (!der_more(r))
		der_fail(r, "no access description in the list");
	while (der_more(r)) {
		der_enter(r, DER_SEQUENCE);
		enum oid method = der_oid(r);
		general_take(r, &g);
		der_leave(r);
		if (method == OID_AD_OCSP)
			add_url(r, &g, ocsp);
		else if (method == OID_AD_CA_ISSUERS)
			add_url(r, &g, issuer);
	}
	der_leave(r);
}
