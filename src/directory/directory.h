#ifndef YD_DIRECTORY_DIRECTORY_H
#define YD_DIRECTORY_DIRECTORY_H
/* Publication into an LDAP directory (R05.4, R21.8).  A thread of the status role follows the CA's log as far
 * as status has, keeps the certificates that may be shown, and writes entries as a whole:
 *
 *	uid=ENTITY,BASE   inetOrgPerson        userCertificate;binary: both certificates of a subject
 *	cn=CA,BASE        applicationProcess   cACertificate;binary, certificateRevocationList;binary
 *
 * There is what is good now: what has ended, was revoked or is on hold is taken out, a released certificate
 * comes back, an entry without certificates goes.  A certificate of an internal profile, or with an extension
 * that discloses a number, never gets there; of the subject name only name, organisation and place are
 * attributes.  What waits is in the database: a server that is down loses nothing. */
#include "directory/link.h"
#include "base/json.h"

#include <stdatomic.h>

/* A longer list stays out: servers take no more in one message.  Certificates lead to it by HTTP. */
#define DIRECTORY_LIST_MAX (3u << 20)

struct instance;
struct http_client;
struct directory;
/* ret stays NULL without directory_url.  ca: door of the CA; taken: entries of its log that status has. */
RC   directory_start(struct instance *in, struct http_client *ca, const atomic_ullong *taken,
                     struct directory **ret);
void directory_stop(struct directory *d);
/* Asks for a comparison of everything; directory_show() tells of it. */
void directory_repair(struct directory *d);
/* {"url", "waiting", "since", "written", "repair": {"asked", "done", "compared", "mended", "strangers"}} */
RC   directory_show(struct directory *d, json_t **ret);

#endif
