/* libldap, told what it shall do by us alone: no ldap.conf, no referrals, no clear text. */
#include "directory/link.h"

#include "base/mem.h"
#include "base/text.h"

#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MAX 256
#define PAGE 400
/* GnuTLS's words: nothing before TLS 1.2 */
#define CIPHERS "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct link {
	LDAP *ld;
	char base[DIRECTORY_BASE_MAX + 1];
};

static bool lost(int code)
{
	return code == LDAP_SERVER_DOWN || code == LDAP_TIMEOUT || code == LDAP_CONNECT_ERROR ||
	       code == LDAP_BUSY || code == LDAP_UNAVAILABLE || code == LDAP_LOCAL_ERROR ||
	       code == LDAP_UNWILLING_TO_PERFORM || code == LDAP_OTHER;
}

static RC judge(struct link *l, int code, const char *what)
{
	char *more = NULL;

	if (code == LDAP_SUCCESS)
		return OK;
	(void)ldap_get_option(l->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	struct rc rc = rc_fail(code == LDAP_NO_MEMORY ? RC_NOMEM
	                       : lost(code)           ? RC_BUSY
	                                              : RC_DENIED,
	                       "directory: %s: %s%s%s (RFC 4511)", what, ldap_err2string(code),
	                       more != NULL && *more != 0 ? ": " : "", more != NULL ? more : "");
	ldap_memfree(more);
	return rc;
}

static RC option(struct link *l, int which, const void *value)
{
	NEED(ldap_set_option(l->ld, which, value) == LDAP_OPT_SUCCESS, RC_INPUT,
	     "directory: option %d of libldap", which);
	return OK;
}

static RC set_tls(struct link *l, const struct link_setup *s)
{
	static const int demand = LDAP_OPT_X_TLS_DEMAND, client = 0;

	TRY(option(l, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand));
	TRY(option(l, LDAP_OPT_X_TLS_CACERTFILE, s->ca));
	TRY(option(l, LDAP_OPT_X_TLS_CIPHER_SUITE, CIPHERS));
	if (s->bind == NULL) {
		TRY(option(l, LDAP_OPT_X_TLS_CERTFILE, s->certificate));
		TRY(option(l, LDAP_OPT_X_TLS_KEYFILE, s->key));
	}
	return option(l, LDAP_OPT_X_TLS_NEWCTX, &client);
}

static RC set_options(struct link *l, const struct link_setup *s)
{
	static const int version = LDAP_VERSION3;
	static const struct timeval limit = {.tv_sec = DIRECTORY_SECONDS};

	TRY(option(l, LDAP_OPT_PROTOCOL_VERSION, &version));
	TRY(option(l, LDAP_OPT_NETWORK_TIMEOUT, &limit));
	TRY(option(l, LDAP_OPT_TIMEOUT, &limit));
	TRY(option(l, LDAP_OPT_REFERRALS, LDAP_OPT_OFF));
	TRY(option(l, LDAP_OPT_RESTART, LDAP_OPT_ON));
	return set_tls(l, s);
}

static RC log_in(struct link *l, const struct link_setup *s)
{
	struct buf secret = BUF_SECRET(SECRET_MAX);
	/* empty, yet there: else the server asks for it (RFC 4513 5.2.3.1) */
	struct berval cred = {.bv_val = (char *)(uintptr_t) ""};
	struct rc rc = OK;
	size_t len;
	int code;

	if (s->bind == NULL)
		return judge(l, ldap_sasl_bind_s(l->ld, NULL, "EXTERNAL", &cred, NULL, NULL, NULL),
		             "SASL EXTERNAL");
	rc = file_read(s->secret, SECRET_MAX, &secret);
	if (rc_ok(rc)) {
		for (len = secret.len; len > 0 && strchr("\r\n", secret.p[len - 1]) != NULL; len--)
			;
		cred = (struct berval){.bv_len = len, .bv_val = (char *)secret.p};
		/* without a password it would be an anonymous bind, which succeeds (RFC 4513 5.1.2) */
		code = len == 0 ? LDAP_INVALID_CREDENTIALS
		                : ldap_sasl_bind_s(l->ld, s->bind, LDAP_SASL_SIMPLE, &cred, NULL, NULL, NULL);
		rc = judge(l, code, "bind");
	}
	buf_free(&secret);
	return rc;
}

RC link_open(const struct link_setup *s, struct link **ret)
{
	AUTO(link, l, mem_new(1, sizeof(*l)));
	bool tls = strncmp(s->url, "ldaps://", 8) == 0;

	NEED(l != NULL, RC_NOMEM, "no memory");
	REQUIRE(tls || strncmp(s->url, "ldap://", 7) == 0, CONFIG, "directory_url: ldaps:// or ldap://");
	REQUIRE(strlen(s->base) <= DIRECTORY_BASE_MAX, CONFIG, "directory_base is too long");
	memcpy(l->base, s->base, strlen(s->base) + 1);
	/* before libldap reads anything: what is set on the machine is not for us */
	(void)setenv("LDAPNOINIT", "1", 1);
	NEED(ldap_initialize(&l->ld, s->url) == LDAP_SUCCESS, RC_INPUT, "directory: URL %s", s->url);
	TRY(set_options(l, s));
	if (!tls)
		TRY(judge(l, ldap_start_tls_s(l->ld, NULL, NULL), "StartTLS"));
	TRY(log_in(l, s));
	*ret = MOVE(l);
	return OK;
}

void link_close(struct link *l)
{
	if (l == NULL)
		return;
	if (l->ld != NULL)
		(void)ldap_unbind_ext_s(l->ld, NULL, NULL);
	mem_free(l);
}

/* ---- writing ---- */

#define ATTRIBUTES 12

/* The arrays of pointers that libldap wants. */
struct mods {
	LDAPMod mod[ATTRIBUTES + 1], *list[ATTRIBUTES + 2];
	struct berval value[ATTRIBUTES][DIRECTORY_VALUES], *values[ATTRIBUTES][DIRECTORY_VALUES + 1];
	char *classes[9];
	size_t count;
};

static RC mods_add(struct mods *m, const struct link_attribute *a, bool replace)
{
	LDAPMod *mod = &m->mod[m->count];

	NEED(m->count < ATTRIBUTES && a->count <= DIRECTORY_VALUES, RC_BUG, "directory: room of an entry");
	if (a->count == 0 && !replace)
		return OK;
	for (size_t i = 0; i < a->count; i++) {
		/* libldap takes char *, and only reads */
		m->value[m->count][i] = (struct berval){.bv_len = a->values[i].len,
		                                        .bv_val = (char *)(uintptr_t)a->values[i].p};
		m->values[m->count][i] = &m->value[m->count][i];
	}
	mod->mod_op = LDAP_MOD_BVALUES | (replace ? LDAP_MOD_REPLACE : LDAP_MOD_ADD);
	mod->mod_type = (char *)(uintptr_t)a->type;
	mod->mod_bvalues = a->count > 0 ? m->values[m->count] : NULL;
	m->list[m->count++] = mod;
	m->list[m->count] = NULL;
	return OK;
}

static void mods_class(struct mods *m, const char *const *classes)
{
	LDAPMod *mod = &m->mod[m->count];
	size_t n = 0;

	for (; classes[n] != NULL && n < 8; n++)
		m->classes[n] = (char *)(uintptr_t)classes[n];
	mod->mod_op = LDAP_MOD_ADD;
	mod->mod_type = (char *)(uintptr_t) "objectClass";
	mod->mod_values = m->classes;
	m->list[m->count++] = mod;
	m->list[m->count] = NULL;
}

static RC add_base(struct link *l)
{
	static const char *const organisation[] = {"organization", NULL}, *const unit[] = {
	                                                                          "organizationalUnit", NULL};
	AUTO_MEM(struct mods, m, mem_new(1, sizeof(*m)));
	bool o = strncmp(l->base, "o=", 2) == 0;
	struct slice value = slice_of(strchr(l->base, '=') + 1, 0);
	int code;

	NEED(m != NULL, RC_NOMEM, "no memory");
	if (!o && strncmp(l->base, "ou=", 3) != 0)
		FAIL(RC_DENIED, "directory: %s is not there, and it is not ours to make", l->base);
	value.len = strcspn((const char *)value.p, ",");
	TRY(mods_add(m, &(struct link_attribute){o ? "o" : "ou", &value, 1}, false));
	mods_class(m, o ? organisation : unit);
	code = ldap_add_ext_s(l->ld, l->base, m->list, NULL, NULL);
	return code == LDAP_ALREADY_EXISTS ? OK : judge(l, code, l->base);
}

static RC add(struct link *l, const struct link_entry *e)
{
	AUTO_MEM(struct mods, m, mem_new(1, sizeof(*m)));
	int code;

	NEED(m != NULL, RC_NOMEM, "no memory");
	for (size_t i = 0; i < e->count; i++)
		TRY(mods_add(m, &e->at[i], false));
	mods_class(m, e->classes);
	code = ldap_add_ext_s(l->ld, e->dn, m->list, NULL, NULL);
	if (code == LDAP_NO_SUCH_OBJECT) {
		TRY(add_base(l));
		code = ldap_add_ext_s(l->ld, e->dn, m->list, NULL, NULL);
	}
	return judge(l, code, e->dn);
}

RC link_put(struct link *l, const struct link_entry *e)
{
	AUTO_MEM(struct mods, m, mem_new(1, sizeof(*m)));
	int code;

	NEED(m != NULL, RC_NOMEM, "no memory");
	/* the first is the name, which an entry keeps */
	for (size_t i = 1; i < e->count; i++)
		TRY(mods_add(m, &e->at[i], true));
	code = ldap_modify_ext_s(l->ld, e->dn, m->list, NULL, NULL);
	return code == LDAP_NO_SUCH_OBJECT ? add(l, e) : judge(l, code, e->dn);
}

RC link_delete(struct link *l, const char *dn)
{
	int code = ldap_delete_ext_s(l->ld, dn, NULL, NULL);

	return code == LDAP_NO_SUCH_OBJECT ? OK : judge(l, code, dn);
}

/* ---- reading ---- */

void link_values_free(struct link_values *v)
{
	for (size_t i = 0; i < v->count; i++)
		buf_free(&v->at[i]);
	v->count = 0;
}

static void free_message(LDAPMessage **m)
{
	(void)ldap_msgfree(*m);
}
#define AUTO_MESSAGE(name) __attribute__((cleanup(free_message))) LDAPMessage *name = NULL

static RC search_under(struct link *l, const char *dn, int scope, const char *filter, const char *type,
                       LDAPControl **page, LDAPMessage **ret)
{
	char *types[] = {(char *)(uintptr_t)type, NULL};
	int code =
	        ldap_search_ext_s(l->ld, dn, scope, filter, types, 0, page, NULL, NULL, LDAP_NO_LIMIT, ret);

	return code == LDAP_NO_SUCH_OBJECT ? OK : judge(l, code, dn);
}

RC link_values(struct link *l, const char *dn, const char *type, struct link_values *ret)
{
	AUTO_MESSAGE(m);
	LDAPMessage *e;
	struct berval **v;
	bool whole = true;

	ret->count = 0;
	TRY(search_under(l, dn, LDAP_SCOPE_BASE, "(objectClass=*)", type, NULL, &m));
	e = m != NULL ? ldap_first_entry(l->ld, m) : NULL;
	v = e != NULL ? ldap_get_values_len(l->ld, e, type) : NULL;
	for (size_t i = 0; v != NULL && v[i] != NULL && ret->count < DIRECTORY_VALUES; i++) {
		struct buf *b = &ret->at[ret->count++];

		*b = BUF(64u << 20);
		buf_add(b, slice_of(v[i]->bv_val, v[i]->bv_len));
		whole = whole && !b->failed;
	}
	ldap_value_free_len(v);
	if (!whole)
		link_values_free(ret);
	NEED(whole, RC_NOMEM, "no memory");
	return OK;
}

static RC each_of(struct link *l, LDAPMessage *m, struct rc (*each)(void *, const char *), void *arg)
{
	for (LDAPMessage *e = ldap_first_entry(l->ld, m); e != NULL; e = ldap_next_entry(l->ld, e)) {
		struct berval **v = ldap_get_values_len(l->ld, e, "uid");
		struct rc rc = OK;

		if (v != NULL && v[0] != NULL && v[0]->bv_len <= DIRECTORY_NAME_MAX)
			rc = each(arg, v[0]->bv_val);
		ldap_value_free_len(v);
		TRY(rc);
	}
	return OK;
}

/* One page; cookie is that of the next, empty at the end. */
static RC page_of(struct link *l, struct berval *cookie, struct rc (*each)(void *, const char *), void *arg)
{
	AUTO_MESSAGE(m);
	LDAPControl *page = NULL, *list[2] = {NULL, NULL}, **back = NULL;
	struct berval next = {0};
	ber_int_t guess;
	struct rc rc = OK;
	int code = ldap_create_page_control(l->ld, PAGE, cookie, 1, &page);

	NEED(code == LDAP_SUCCESS, RC_NOMEM, "directory: page");
	list[0] = page;
	rc = search_under(l, l->base, LDAP_SCOPE_ONELEVEL, "(uid=*)", "uid", list, &m);
	ldap_control_free(page);
	TRY(rc);
	if (m != NULL && ldap_parse_result(l->ld, m, &code, NULL, NULL, NULL, &back, 0) == LDAP_SUCCESS &&
	    back != NULL) {
		LDAPControl *c = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, back, NULL);

		if (c != NULL)
			(void)ldap_parse_pageresponse_control(l->ld, c, &guess, &next);
	}
	ldap_controls_free(back);
	ber_memfree(cookie->bv_val);
	*cookie = next;
	return m != NULL ? each_of(l, m, each, arg) : OK;
}

RC link_each(struct link *l, struct rc (*each)(void *arg, const char *uid), void *arg)
{
	struct berval cookie = {0};
	struct rc rc;

	do
		rc = page_of(l, &cookie, each, arg);
	while (rc_ok(rc) && cookie.bv_len > 0);
	ber_memfree(cookie.bv_val);
	return rc;
}
