/* The trust folder of an instance, as far as archives ask. */
#include "archive/verify.h"

#include "base/mem.h"
#include "base/text.h"
#include "pki/chain.h"
#include "sm/sm3.h"

#include <dirent.h>
#include <stdio.h>

#define PATH_LEN 4096
#define SUFFIX ".cer"

static void close_dir(struct __dirstream *d)
{
	if (d != NULL)
		(void)closedir(d);
}
DROP(__dirstream, close_dir);

void archive_trust_free(struct archive_trust *t)
{
	if (t != NULL)
		statement_trust_free(t->statements);
	mem_free(t);
}

RC archive_trust_anchor(struct archive_trust *t, struct slice certificate)
{
	NEED(t->count < ARCHIVE_ANCHORS, RC_INPUT, "archive: more than %d anchors", ARCHIVE_ANCHORS);
	sm3_hash(certificate, t->anchor[t->count++]);
	return OK;
}

/* Only what vouches for itself is an anchor; what stands below one has to be proven. */
static RC add(struct archive_trust *t, const char *path)
{
	AUTO_BUF(file, CERT_DER_MAX * 2);
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert c;

	TRY(file_read(path, CERT_DER_MAX * 2, &file));
	TRY(cert_read(buf_slice(&file), &der, &c));
	return rc_ok(chain_self_signed(&c)) ? archive_trust_anchor(t, c.der) : OK;
}

RC archive_trust_load(const char *dir, const char *organisation, struct archive_trust **ret)
{
	AUTO(archive_trust, t, mem_new(1, sizeof(*t)));
	AUTO(__dirstream, d, NULL);
	char path[PATH_LEN];
	const struct dirent *e;

	NEED(t != NULL, RC_NOMEM, "archive: no memory");
	TRY(statement_trust_load(dir, organisation, &t->statements));
	NEED(snprintf(path, sizeof(path), "%s/authorities", dir) < PATH_LEN, RC_INPUT,
	     "the path is too long");
	d = opendir(path);
	NEED(d != NULL, RC_NOTFOUND, "%s cannot be read", path);
	while ((e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);

		if (len <= strlen(SUFFIX) || strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		NEED(snprintf(path, sizeof(path), "%s/authorities/%s", dir, e->d_name) < PATH_LEN, RC_INPUT,
		     "the path is too long");
		TRY(rc_note(add(t, path), "%s", path));
	}
	*ret = MOVE(t);
	return OK;
}
