#ifndef YD_DIRECTORY_LINK_H
#define YD_DIRECTORY_LINK_H
/* A connection to an LDAP server (RFC 4511), always over TLS, and whole entries written over it. */
#include "base/auto.h"
#include "base/buf.h"
#include "base/rc.h"

#define DIRECTORY_VALUES 64          /* certificates under one entry */
#define DIRECTORY_NAME_MAX 80        /* value of uid, "ca/ID" */
#define DIRECTORY_BASE_MAX 255
#define DIRECTORY_SECONDS 10         /* for one answer of the server */

struct link_setup {
	const char *url;      /* ldaps://HOST:PORT; ldap:// is raised by StartTLS before anything else */
	const char *base;     /* "o=示范省" */
	const char *ca;       /* PEM file: who may have certified the server */
	const char *bind;     /* simple bind; NULL: SASL EXTERNAL with certificate and key */
	const char *secret;   /* file, with bind */
	const char *certificate, *key;
};
struct link;
/* RC_BUSY: no server there, not the right one, or it does not take us. */
RC   link_open(const struct link_setup *s, struct link **ret);
void link_close(struct link *l);
DROP(link, link_close);

struct link_attribute {
	const char *type;
	const struct slice *values;
	size_t count;
};
/* An entry as it shall be.  classes: NULL-closed.  written: attributes of ours; others stay. */
struct link_entry {
	const char *dn;
	const char *const *classes;
	const struct link_attribute *at;
	size_t count;
};
/* Makes it, with the base above it, or replaces these attributes.  RC_BUSY: connection; RC_DENIED: refused.
 */
RC link_put(struct link *l, const struct link_entry *e);
/* No entry is as good. */
RC link_delete(struct link *l, const char *dn);
/* Values of one attribute, read back; none where there is no such entry. */
struct link_values {
	size_t count;
	struct buf at[DIRECTORY_VALUES];
};
void link_values_free(struct link_values *v);
RC link_values(struct link *l, const char *dn, const char *type, struct link_values *ret);
/* Every uid under the base, in pages. */
RC link_each(struct link *l, struct rc (*each)(void *arg, const char *uid), void *arg);

#endif
