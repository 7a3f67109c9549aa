/* The trust folder of an instance. */
#include "statement/statement.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>

#define GRANT_SUFFIX ".p7s"
#define SERVICE_SUFFIX ".cer"
#define PATH_LEN 1024
#define GRANT_FILES 4096
#define CERTIFICATE_MAX 65536

static void close_dir(struct __dirstream *d)
{
	if (d != NULL)
		(void)closedir(d);
}
DROP(__dirstream, close_dir);

static RC add_file(struct statement_trust *t, const char *dir, const char *name)
{
	char path[PATH_LEN];
	AUTO_BUF(der, STATEMENT_MAX);

	NEED(snprintf(path, sizeof(path), "%s/%s", dir, name) < PATH_LEN, RC_INPUT, "trust: path too long");
	TRY(file_read(path, STATEMENT_MAX, &der));
	return rc_note(statement_trust_grant(t, buf_slice(&der)), "%s", name);
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	return len > tail && name[0] != '.' && strcmp(name + len - tail, suffix) == 0;
}

RC statement_trust_grants(struct statement_trust *t, const char *dir)
{
	AUTO(__dirstream, d, opendir(dir));
	const struct dirent *e;
	unsigned n = 0;

	if (d == NULL && errno == ENOENT)
		return OK;
	NEED(d != NULL, RC_BUSY, "trust: cannot read %s", dir);
	while ((e = readdir(d)) != NULL) {
		if (!ends_with(e->d_name, GRANT_SUFFIX))
			continue;
		NEED(++n <= GRANT_FILES, RC_INPUT, "trust: more than %d grants", GRANT_FILES);
		TRY(add_file(t, dir, e->d_name));
	}
	return OK;
}

/* Reads DIR/NAME into ret; a missing file leaves it empty. */
static RC read_optional(const char *dir, const char *name, struct buf *ret)
{
	char path[PATH_LEN];
	AUTO_BUF(file, CERTIFICATE_MAX);
	struct rc rc;

	NEED(snprintf(path, sizeof(path), "%s/%s", dir, name) < PATH_LEN, RC_INPUT, "trust: path too long");
	rc = file_read(path, CERTIFICATE_MAX, &file);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	return rc_note(text_pem(buf_slice(&file), "CERTIFICATE", ret), "%s", name);
}

static RC load_anchors(struct statement_trust *t, const char *dir, const char *organisation)
{
	AUTO_BUF(operator, CERTIFICATE_MAX);
	AUTO_BUF(ceremony, CERTIFICATE_MAX);
	AUTO_BUF(authority, CERTIFICATE_MAX);

	TRY(read_optional(dir, "operator.cer", &operator));
	TRY(read_optional(dir, "ceremony.cer", &ceremony));
	TRY(read_optional(dir, "authority.cer", &authority));
	if (operator.len> 0)
		TRY(statement_trust_operator(t, organisation, buf_slice(&operator)));
	if (ceremony.len > 0)
		TRY(statement_trust_pin(t, "ceremony", organisation, buf_slice(&ceremony)));
	if (authority.len > 0)
		TRY(statement_trust_pin(t, "authority", NULL, buf_slice(&authority)));
	return OK;
}

/* Instances of the organisation that state what follows from a rule: each pinned with its own certificate. */
static RC load_services(struct statement_trust *t, const char *dir, const char *organisation)
{
	char path[PATH_LEN];
	AUTO(__dirstream, d, NULL);
	const struct dirent *e;

	NEED(snprintf(path, sizeof(path), "%s/services", dir) < PATH_LEN, RC_INPUT, "trust: path too long");
	d = opendir(path);
	if (d == NULL && errno == ENOENT)
		return OK;
	NEED(d != NULL, RC_BUSY, "trust: cannot read %s", path);
	while ((e = readdir(d)) != NULL) {
		AUTO_BUF(der, CERTIFICATE_MAX);

		if (!ends_with(e->d_name, SERVICE_SUFFIX))
			continue;
		TRY(read_optional(path, e->d_name, &der));
		TRY(rc_note(statement_trust_pin(t, "service", organisation, buf_slice(&der)), "%s",
		            e->d_name));
	}
	return OK;
}

/* Who signs the heads of which log: ORG.ROLE.cer, each pinned for its organisation (design 4). */
static RC load_logs(struct statement_trust *t, const char *dir)
{
	char path[PATH_LEN], organisation[STATEMENT_NAME_MAX + 1];
	AUTO(__dirstream, d, NULL);
	const struct dirent *e;

	NEED(snprintf(path, sizeof(path), "%s/logs", dir) < PATH_LEN, RC_INPUT, "trust: path too long");
	d = opendir(path);
	if (d == NULL && errno == ENOENT)
		return OK;
	NEED(d != NULL, RC_BUSY, "trust: cannot read %s", path);
	while ((e = readdir(d)) != NULL) {
		AUTO_BUF(der, CERTIFICATE_MAX);
		size_t len = strcspn(e->d_name, ".");

		if (!ends_with(e->d_name, SERVICE_SUFFIX))
			continue;
		NEED(len < sizeof(organisation), RC_INPUT, "trust: %s is named after no instance", e->d_name);
		memcpy(organisation, e->d_name, len);
		organisation[len] = 0;
		TRY(read_optional(path, e->d_name, &der));
		TRY(rc_note(statement_trust_pin(t, "log", organisation, buf_slice(&der)), "%s", e->d_name));
	}
	return OK;
}

/* An institution whose cases come here (a KMC's trust): its operator CA, its pinned key, grants, and the
 * authorities of its holders. */
static RC load_institution(struct statement_trust *t, const char *dir, const char *organisation)
{
	char path[PATH_LEN];
	AUTO(__dirstream, d, NULL);
	const struct dirent *e;

	TRY(load_anchors(t, dir, organisation));
	NEED(snprintf(path, sizeof(path), "%s/grants", dir) < PATH_LEN, RC_INPUT, "trust: path too long");
	TRY(statement_trust_grants(t, path));
	NEED(snprintf(path, sizeof(path), "%s/subscribers", dir) < PATH_LEN, RC_INPUT,
	     "trust: path too long");
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL) {
		AUTO_BUF(der, CERTIFICATE_MAX);

		if (!ends_with(e->d_name, SERVICE_SUFFIX))
			continue;
		TRY(read_optional(path, e->d_name, &der));
		TRY(rc_note(statement_trust_subscriber(t, organisation, buf_slice(&der)), "%s", e->d_name));
	}
	return OK;
}

static RC load_institutions(struct statement_trust *t, const char *dir)
{
	char path[PATH_LEN], one[PATH_LEN + 260];
	AUTO(__dirstream, d, NULL);
	const struct dirent *e;

	NEED(snprintf(path, sizeof(path), "%s/institutions", dir) < PATH_LEN, RC_INPUT,
	     "trust: path too long");
	d = opendir(path);
	if (d == NULL && errno == ENOENT)
		return OK;
	NEED(d != NULL, RC_BUSY, "trust: cannot read %s", path);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(one, sizeof(one), "%s/%s", path, e->d_name);
		TRY(rc_note(load_institution(t, one, e->d_name), "institution %s", e->d_name));
	}
	return OK;
}

RC statement_trust_load(const char *dir, const char *organisation, struct statement_trust **ret)
{
	AUTO(statement_trust, t, NULL);
	char grants[PATH_LEN];

	NEED(snprintf(grants, sizeof(grants), "%s/grants", dir) < PATH_LEN, RC_INPUT, "trust: path too long");
	TRY(statement_trust_new(&t));
	TRY(load_anchors(t, dir, organisation));
	TRY(load_services(t, dir, organisation));
	TRY(load_logs(t, dir));
	TRY(statement_trust_grants(t, grants));
	TRY(load_institutions(t, dir));
	*ret = MOVE(t);
	return OK;
}
