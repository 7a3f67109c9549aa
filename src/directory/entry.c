/* What an entry looks like. */
#include "directory/inner.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pki/name.h"
#include "sm/sm3.h"

#include <stdio.h>

#define CA_PREFIX "ca/"
#define URN "urn:uuid:"

static bool shown(const struct trust *t, struct slice profile, const struct cert *c)
{
	const struct trust_profile *p;
	bool known = false;

	/* any profile's mark counts: an older edition may have had another extension of that kind */
	for (size_t i = 0; (p = trust_profile_at(t, i)) != NULL; i++) {
		if (profile_discloses(p->profile, &c->exts))
			return false;
		known = known || (slice_is(profile, p->id) && !profile_internal(p->profile));
	}
	return known;
}

RC entry_name(const struct trust *t, struct slice profile, struct slice der, char ret[DIRECTORY_NAME_MAX + 1])
{
	AUTO_MEM(struct cert, c, mem_new(1, sizeof(*c)));
	struct slice id = SLICE_NONE;
	uint8_t sm3[32];

	NEED(c != NULL, RC_NOMEM, "no memory");
	ret[0] = '\0';
	TRY(cert_parse(der, c));
	if (!shown(t, profile, c))
		return OK;
	if (rc_ok(cert_uri(c, URN, &id)) && id.len == 36) {
		(void)snprintf(ret, DIRECTORY_NAME_MAX + 1, "%.36s", (const char *)id.p);
		if (strspn(ret, "0123456789abcdef-") == 36)
			return OK;
	}
	sm3_hash(c->subject, sm3);
	for (size_t i = 0; i < sizeof(sm3); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", sm3[i]);
	return OK;
}

RC entry_dn(const struct directory *d, const char *name, struct buf *ret)
{
	bool authority = strncmp(name, CA_PREFIX, strlen(CA_PREFIX)) == 0;

	buf_printf(ret, "%s=%s,%s", authority ? "cn" : "uid", authority ? name + strlen(CA_PREFIX) : name,
	           d->setup.base);
	return buf_done(ret);
}

static RC write_authority(struct directory *d, struct db *db, const char *id, const char *dn, bool *current)
{
	static const char *const classes[] = {"applicationProcess", "pkiCA", NULL};
	AUTO(trust, t, instance_trust(d->in));
	AUTO_BUF(list, DB_MAX_VALUE);
	const struct trust_authority *a = trust_authority(t, id);
	struct slice name = slice_text(id), der;

	NEED(a != NULL, RC_NOTFOUND, "no authority %s", id);
	TRY(directory_store_list(db, id, &list, current));
	if (list.len > DIRECTORY_LIST_MAX) {
		instance_alarm(d->in, "directory-refused", slice_text(dn), "the revocation list is too long");
		buf_clear(&list);
	}
	der = buf_slice(&list);
	const struct link_attribute at[] = {
	        {"cn", &name, 1},
	        {"cACertificate;binary", &a->cert.der, 1},
	        {"certificateRevocationList;binary", &der, der.len > 0 ? 1 : 0},
	};
	return link_put(d->link, &(struct link_entry){dn, classes, at, sizeof(at) / sizeof(at[0])});
}

static RC write_subject(struct directory *d, const char *name, const char *dn, const struct link_values *good)
{
	static const char *const classes[] = {"inetOrgPerson", "pkiUser", NULL};
	static const enum oid types[] = {OID_CN, OID_O, OID_OU, OID_ST, OID_L};
	static const char *const names[] = {"cn", "o", "ou", "st", "l"};
	AUTO_MEM(struct cert, c, mem_new(1, sizeof(*c)));
	struct slice uid = slice_text(name), der[DIRECTORY_VALUES], value[5];
	struct link_attribute at[8] = {{"uid", &uid, 1}, {"userCertificate;binary", der, good->count}};
	size_t n = 2;

	NEED(c != NULL, RC_NOMEM, "no memory");
	for (size_t i = 0; i < good->count; i++)
		der[i] = buf_slice(&good->at[i]);
	/* the newest comes first: its name is the subject's name now */
	TRY(cert_parse(der[0], c));
	for (size_t i = 0; i < 5; i++) {
		bool there = rc_ok(name_value(c->subject, types[i], &value[i]));

		if (i == 0 && !there)
			value[0] = uid;
		at[n++] = (struct link_attribute){names[i], &value[i], there || i == 0 ? 1 : 0};
	}
	at[n++] = (struct link_attribute){"sn", &value[0], 1};
	return link_put(d->link, &(struct link_entry){dn, classes, at, n});
}

RC entry_write(struct directory *d, struct db *db, const char *name, bool *current)
{
	AUTO_BUF(dn, DIRECTORY_BASE_MAX + DIRECTORY_NAME_MAX + 8);
	AUTO_MEM(struct link_values, good, mem_new(1, sizeof(*good)));
	struct rc rc;

	NEED(good != NULL, RC_NOMEM, "no memory");
	*current = true;
	TRY(entry_dn(d, name, &dn));
	if (strncmp(name, CA_PREFIX, strlen(CA_PREFIX)) == 0)
		return write_authority(d, db, name + strlen(CA_PREFIX), buf_cstr(&dn), current);
	rc = directory_store_good(db, name, clock_now(), good);
	if (rc_ok(rc))
		rc = good->count > 0 ? write_subject(d, name, buf_cstr(&dn), good)
		                     : link_delete(d->link, buf_cstr(&dn));
	link_values_free(good);
	return rc;
}
