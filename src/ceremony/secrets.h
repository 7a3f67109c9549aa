#ifndef YD_CEREMONY_SECRETS_H
#define YD_CEREMONY_SECRETS_H
/* The organisations' secrets, which open their signers' keys: {"schema":"yuandian/unlock/v1",
 * "secrets":{"ORG":"64 hex",…}}.  In locked memory; the texts are wiped. */
#include "base/mem.h"
#include "key/key.h"

#define SECRETS_MAX 32
#define SECRETS_FILE_MAX 16384

struct secrets {
	size_t count;
	struct {
		char org[64];
		struct secret *value;
	} item[SECRETS_MAX];
};
struct secrets *secrets_new(void);
void secrets_free(struct secrets *s);
DROP(secrets, secrets_free);
RC secrets_make(struct secrets *s, const char *org); /* a fresh one */
/* SLICE_NONE when there is none for that organisation. */
struct slice secrets_find(const struct secrets *s, const char *org);
RC secrets_parse(struct slice text, struct secrets **ret);
RC secrets_read(const char *path, struct secrets **ret);
RC secrets_read_fd(int fd, struct secrets **ret);            /* to its end; fd stays open */
RC secrets_write(const struct secrets *s, const char *path); /* 0600 */

#endif
