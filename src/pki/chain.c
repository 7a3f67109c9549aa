/* Paths, link by link. */
#include "pki/chain.h"

#include "pki/name.h"

static RC check_time(const struct cert *c, int64_t at)
{
	REQUIRE(at == CHAIN_ANY_TIME || (at >= c->not_before && at <= c->not_after), CHAIN_VALIDITY,
	        "chain: the certificate is not valid at that time");
	return OK;
}

/* RFC 5280 6.1.4 (k), (n): an issuer is a CA that may sign certificates. */
static RC check_issuer(const struct cert *issuer)
{
	REQUIRE(issuer->has_basic && issuer->ca, CHAIN_NOT_CA, "chain: the issuer is not a CA");
	REQUIRE(!issuer->has_usage || (issuer->usage & USAGE_CERT_SIGN), CHAIN_NOT_CA,
	        "chain: the issuer's key usage has no keyCertSign");
	return OK;
}

RC chain_link(const struct cert *c, const struct cert *issuer, int64_t at)
{
	REQUIRE(name_equal(c->issuer, issuer->subject), CHAIN_ISSUER, "chain: issued under another name");
	REQUIRE(c->aki.len == 0 || issuer->ski.len == 0 || slice_equal(c->aki, issuer->ski), CHAIN_ISSUER,
	        "chain: issued with another key (RFC 5280 4.2.1.1)");
	TRY(check_issuer(issuer));
	TRY(check_time(c, at));
	TRY(check_time(issuer, at));
	REQUIRE(!c->unknown_critical && !issuer->unknown_critical, CHAIN_CRITICAL,
	        "chain: a critical extension is not understood");
	return cert_verify(c, &issuer->key);
}

RC chain_self_signed(const struct cert *c)
{
	REQUIRE(name_equal(c->issuer, c->subject), CHAIN_ISSUER, "chain: not issued by itself");
	return cert_verify(c, &c->key);
}

RC chain_may_sign(const struct cert *c, int64_t at)
{
	TRY(check_time(c, at));
	REQUIRE(!c->unknown_critical, CHAIN_CRITICAL, "chain: a critical extension is not understood");
	REQUIRE(!c->has_usage || (c->usage & (USAGE_SIGN | USAGE_NON_REPUDIATION)), CHAIN_USAGE,
	        "chain: the key is not for signing");
	return OK;
}

/* ---- whole paths ---- */

struct pool {
	const struct cert *certs;
	size_t n;
	const struct cert *anchors;
	size_t m;
	int64_t at;
	struct rc_text why; /* of the last link that failed for another reason than its name */
};

static bool is_same(const struct cert *a, const struct cert *b)
{
	return slice_equal(a->der, b->der);
}

static bool try_link(struct pool *p, const struct cert *c, const struct cert *issuer)
{
	struct rc rc;

	if (!name_equal(c->issuer, issuer->subject))
		return false;
	rc = chain_link(c, issuer, p->at);
	if (!rc_ok(rc))
		p->why = *rc_last();
	return rc_ok(rc);
}

static bool in_path(const struct chain *path, const struct cert *c)
{
	for (size_t i = 0; i < path->count; i++) {
		if (is_same(path->at[i], c))
			return true;
	}
	return false;
}

/* The next issuer: an anchor when one fits, else a certificate of the pool. */
static const struct cert *find_issuer(struct pool *p, const struct chain *path, bool *anchor)
{
	const struct cert *c = path->at[path->count - 1];

	for (size_t i = 0; i < p->m; i++) {
		*anchor = true;
		if (try_link(p, c, &p->anchors[i]))
			return &p->anchors[i];
	}
	for (size_t i = 1; i < p->n; i++) {
		*anchor = false;
		if (!in_path(path, &p->certs[i]) && try_link(p, c, &p->certs[i]))
			return &p->certs[i];
	}
	return NULL;
}

/* RFC 5280 6.1.4 (l), (m): CAs between an issuer and the end, self-issued ones not counted. */
static RC check_lengths(const struct chain *path)
{
	int between = 0;

	for (size_t i = 1; i < path->count; i++) {
		const struct cert *c = path->at[i];
		REQUIRE(c->path_length < 0 || between <= c->path_length, CHAIN_PATH_LENGTH,
		        "chain: %d certification authorities below one that allows %d", between,
		        c->path_length);
		if (!name_equal(c->issuer, c->subject))
			between++;
	}
	return OK;
}

static bool is_anchor(const struct pool *p, const struct cert *c)
{
	for (size_t i = 0; i < p->m; i++) {
		if (is_same(c, &p->anchors[i]))
			return true;
	}
	return false;
}

RC chain_verify(const struct cert *certs, size_t n, const struct cert *anchors, size_t m, int64_t at,
                struct chain *ret)
{
	struct pool p = {certs, n, anchors, m, at, {.code = RC_OK}};
	bool anchor = false;

	NEED(n > 0, RC_BUG, "chain: no certificate");
	ret->at[0] = &certs[0];
	ret->count = 1;
	if (is_anchor(&p, &certs[0]))
		return check_time(&certs[0], at);
	while (!anchor) {
		const struct cert *next = find_issuer(&p, ret, &anchor);
		if (next == NULL && p.why.code != RC_OK)
			return rc_restore(&p.why);
		REQUIRE(next != NULL, CHAIN_ANCHOR, "chain: the issuer's certificate is not there");
		REQUIRE(ret->count < CHAIN_MAX, CHAIN_PATH_LENGTH, "chain: longer than %d", CHAIN_MAX);
		ret->at[ret->count++] = next;
	}
	return check_lengths(ret);
}
