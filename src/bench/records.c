/* What the vault costs, and the backup: issue.evidence_overhead (with log and vault against a platform of its
 * own without a vault, side by side in turns), vault.bytes_per_pair (each copy, without the evidence files),
 * backup.mib_per_second (sealing included, beside nothing else). */
#include "backup/backup.h"
#include "base/text.h"
#include "bench/applicant.h"
#include "bench/issue.h"
#include "bench/measure.h"
#include "bench/platform.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIENTS 64
#define ROUNDS 3
#define WINDOW 6.0
#define FRAME 172 /* around an item: frame and key slot (media/frame.h) */
#define CONFIG_MAX (64u << 10)
#define CUSTODIANS 2

static RC strip_vault(const struct platform *p, const char *instance)
{
	char name[128], path[PLATFORM_PATH_MAX];
	AUTO_BUF(in, CONFIG_MAX);
	AUTO_BUF(out, CONFIG_MAX);
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s/config.yaml", instance);
	TRY(platform_path(p, name, path));
	TRY(file_read(path, CONFIG_MAX, &in));
	for (const char *line = buf_cstr(&in); *line != '\0';) {
		size_t n = strcspn(line, "\n") + 1;

		if (strncmp(line, "vault_", 6) != 0)
			buf_add(&out, slice_of(line, n));
		line += n;
	}
	NEED(stat(path, &st) == 0, RC_BUSY, "bench: cannot look at %s", path);
	TRY(file_write(path, buf_slice(&out), st.st_mode & 0777));
	NEED(chown(path, st.st_uid, st.st_gid) == 0 || geteuid() != 0, RC_BUSY, "bench: cannot give %s away",
	     path);
	return OK;
}

/* A platform whose CA and RA know no vault. */
static RC start_plain(struct bench *b, struct platform **ret)
{
	char dir[PLATFORM_PATH_MAX];
	struct platform *p;
	double seconds;
	struct rc rc;

	(void)snprintf(dir, sizeof(dir), "%s-plain", b->options->data);
	TRY(platform_start(dir, &p, &seconds));
	rc = strip_vault(p, "shifan/ca");
	if (rc_ok(rc))
		rc = strip_vault(p, "shifan/ra");
	platform_stop(p);
	TRY(rc);
	return platform_start(dir, ret, &seconds);
}

/* Bytes of one place. */
static RC place_bytes(const struct platform *p, double *ret)
{
	char path[PLATFORM_PATH_MAX], file[PLATFORM_PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *d;

	*ret = 0;
	TRY(platform_path(p, "shifan/vault/first", path));
	d = opendir(path);
	NEED(d != NULL, RC_BUSY, "bench: no place of the vault at %s", path);
	while ((e = readdir(d)) != NULL) {
		(void)snprintf(file, sizeof(file), "%.3000s/%s", path, e->d_name);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
			*ret += (double)st.st_size;
	}
	(void)closedir(d);
	return OK;
}

static RC add(struct bench *b, const char *name, double value, const char *unit)
{
	struct bench_row row = {.value = value, .unit = unit};

	(void)snprintf(row.name, sizeof(row.name), "%s", name);
	return rows_add(&b->rows, &row);
}

static RC overhead(struct bench *b, struct platform *with, struct platform *plain)
{
	double rate[2][ROUNDS], before, after, pairs = 0;

	TRY(place_bytes(with, &before));
	for (size_t i = 0; i < ROUNDS; i++) {
		size_t done;

		TRY(issue_rate(with, CLIENTS, WINDOW, &rate[0][i], &done));
		pairs += (double)done;
		TRY(issue_rate(plain, CLIENTS, WINDOW, &rate[1][i], &done));
	}
	TRY(place_bytes(with, &after));
	TRY(add(b, "issue.evidence_overhead", median(rate[0], ROUNDS) / median(rate[1], ROUNDS),
	        "of without"));
	return add(b, "vault.bytes_per_pair", (after - before) / pairs - (APPLICANT_EVIDENCE + FRAME),
	           "bytes");
}

static RC custodian(const struct platform *p, const char *name, struct backup_custodian *ret)
{
	char path[PLATFORM_PATH_MAX], file[128];
	AUTO_BUF(pem, 64u << 10);

	(void)snprintf(file, sizeof(file), "demo/%s/sign.pem", name);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->certificate = BUF(16u << 10);
	TRY(platform_path(p, file, path));
	TRY(file_read(path, 64u << 10, &pem));
	return text_pem(buf_slice(&pem), "CERTIFICATE", &ret->certificate);
}

static RC backup(struct bench *b, const struct platform *p)
{
	struct backup_custodian k[CUSTODIANS] = {0};
	char out[PLATFORM_PATH_MAX];
	AUTO_JSON(summary, NULL);
	double from;
	struct rc rc;

	(void)snprintf(out, sizeof(out), "%s.backup", b->options->data);
	rc = custodian(p, "institution", &k[0]);
	if (rc_ok(rc))
		rc = custodian(p, "institution-2", &k[1]);
	from = seconds_now();
	if (rc_ok(rc))
		rc = backup_create(&(struct backup_options){p->dir, out, k, CUSTODIANS, CUSTODIANS},
		                   &summary);
	if (rc_ok(rc))
		rc = add(b, "backup.mib_per_second",
		         (double)json_integer_value(json_object_get(summary, "bytes")) / (1 << 20) /
		                 (seconds_now() - from),
		         "MiB/s");
	(void)unlink(out);
	for (size_t i = 0; i < CUSTODIANS; i++)
		buf_free(&k[i].certificate);
	return rc;
}

RC bench_records(struct bench *b)
{
	struct platform *with, *plain;
	struct rc rc;

	TRY(platform_get(b, &with));
	TRY(start_plain(b, &plain));
	rc = overhead(b, with, plain);
	platform_stop(plain);
	TRY(rc);
	return backup(b, with);
}
