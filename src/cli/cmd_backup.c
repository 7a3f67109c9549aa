/* yuandian backup create, backup verify, restore, restore replay, restore accept (R12.5; docs/backup.md). */
#include "backup/backup.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/apply.h"
#include "cli/objects.h"
#include "db/db.h"
#include "pki/cert.h"
#include "pki/ext.h"
#include "pki/pkcs8.h"
#include "sm/sm2.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LEN 4096

/* ---- custodians: a certificate, or a folder with sign.pem, sign.key, pin ---- */

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static RC load_certificate(const char *given, struct backup_custodian *ret)
{
	char path[PATH_LEN];
	AUTO_BUF(file, CLI_FILE_MAX);

	(void)snprintf(path, sizeof(path), is_folder(given) ? "%s/sign.pem" : "%s", given);
	(void)snprintf(ret->name, sizeof(ret->name), "%.120s", given);
	ret->certificate = BUF(CERT_DER_MAX);
	TRY(rc_note(file_read(path, CLI_FILE_MAX, &file), "%s", path));
	return rc_note(text_pem(buf_slice(&file), "CERTIFICATE", &ret->certificate), "%s", path);
}

static void custodians_free(struct backup_custodian *k)
{
	for (size_t i = 0; i < SHAMIR_MAX; i++)
		buf_free(&k[i].certificate);
}

static RC create(struct cli *c, struct backup_custodian *k, json_t **summary)
{
	struct backup_options o = {.data = cli_get(c, "data"), .out = cli_get(c, "out"), .custodians = k};
	int64_t threshold = 2;

	for (const char *one; (one = cli_get_at(c, "custodian", o.count)) != NULL; o.count++) {
		REQUIRE(o.count < SHAMIR_MAX, USAGE, "at most %d custodians", SHAMIR_MAX);
		TRY(load_certificate(one, &k[o.count]));
	}
	TRY(cli_get_int(c, "threshold", 2, SHAMIR_MAX, &threshold));
	REQUIRE(threshold <= o.count, USAGE, "%lld of %u custodians", (long long)threshold, o.count);
	o.threshold = (uint8_t)threshold;
	return backup_create(&o, summary);
}

static RC tell(struct cli *c, const char *what, const json_t *summary)
{
	if (c->json)
		return cli_json(c, what, json_incref((json_t *)(uintptr_t)summary));
	tree_print(c, summary, 0);
	return OK;
}

struct rc cmd_backup_create(struct cli *c)
{
	struct backup_custodian k[SHAMIR_MAX] = {0};
	AUTO_JSON(summary, NULL);
	struct rc rc = create(c, k, &summary);

	custodians_free(k);
	TRY(rc);
	return tell(c, "backup", summary);
}

/* ---- keys of custodians ---- */

struct keys {
	struct secret *secret[SHAMIR_MAX];
	struct sm2_key at[SHAMIR_MAX];
	size_t count;
};

static RC load_keys(const struct cli *c, struct keys *k)
{
	for (const char *one; (one = cli_get_at(c, "custodian", k->count)) != NULL; k->count++) {
		char path[PATH_LEN];
		__attribute__((cleanup(buf_free))) struct buf pin = BUF_SECRET(PKCS8_PIN_MAX + 2);

		REQUIRE(k->count < SHAMIR_MAX, USAGE, "at most %d custodians", SHAMIR_MAX);
		(void)snprintf(path, sizeof(path), "%s/pin", one);
		TRY(officer_pin(path, &pin));
		(void)snprintf(path, sizeof(path), "%s/sign.key", one);
		TRY(rc_note(holder_key(path, buf_slice(&pin), &k->secret[k->count]), "%s", path));
		memcpy(&k->at[k->count], k->secret[k->count]->p, sizeof(k->at[0]));
	}
	return OK;
}

static void keys_free(struct keys *k)
{
	for (size_t i = 0; i < SHAMIR_MAX; i++)
		secret_free(k->secret[i]);
	wipe(k, sizeof(*k));
}

static RC open_backup(struct cli *c, const char *data, json_t **summary)
{
	struct keys k = {0};
	struct rc rc = load_keys(c, &k);

	if (rc_ok(rc)) {
		struct backup_keys keys = {k.at, k.count};

		rc = data != NULL ? backup_restore(c->operands[0], &keys, data, summary)
		                  : backup_verify(c->operands[0], &keys, summary);
	}
	keys_free(&k);
	return rc;
}

/* Without custodians only the head can be read. */
struct rc cmd_backup_verify(struct cli *c)
{
	AUTO_JSON(summary, NULL);

	c->verifying = true;
	if (cli_get_at(c, "custodian", 0) != NULL) {
		TRY(open_backup(c, NULL, &summary));
		return tell(c, "backup", summary);
	}
	TRY(backup_head(c->operands[0], &summary));
	c->exit = CLI_UNVERIFIED;
	return tell(c, "backup", summary);
}

struct rc cmd_restore(struct cli *c)
{
	AUTO_JSON(summary, NULL);

	TRY(open_backup(c, cli_get(c, "data"), &summary));
	if (!c->json)
		cli_line(c, c->english ? "restored; replay the revocations made since, then `yuandian "
		                         "restore accept`"
		                       : "已恢复；请补录备份之后的撤销，再执行 yuandian restore accept");
	return tell(c, "restore", summary);
}

/* ---- what happened since ---- */

struct replaying {
	const struct cli *c;
	struct officer *o;
	size_t sent, known;
};

/* A revocation with its first date as `reported`; what the CA knows already is no error. */
static struct rc replay(void *arg, const char *ca, struct slice serial, int64_t at, int reason)
{
	struct replaying *r = arg;
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	char text[CERT_SERIAL_TEXT];
	struct rc rc;

	cert_serial_text(serial, text);
	json_put_cstr(body, "ca", ca);
	json_put_cstr(body, "serial", text);
	json_put_cstr(body, "reason", crl_reason_name((enum crl_reason)reason));
	json_put_time(body, "reported", at);
	json_put_cstr(body, "case", "replayed after a restoration");
	rc = officer_state(r->o, STATEMENT_REVOCATION, "ca-operator", body, "/v1/revocations", &answer);
	if (rc.code == RC_CONFLICT || rc.code == RC_NOTFOUND) {
		r->known++; /* in force already, or of a certificate that this past never issued */
		return OK;
	}
	r->sent += rc_ok(rc);
	return rc;
}

struct rc cmd_restore_replay(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO(db, db, NULL);
	AUTO_JSON(answer, json_object());
	struct replaying r = {.c = c, .o = &o};
	char path[PATH_LEN];

	TRY(cli_database(cli_get(c, "from"), path, sizeof(path)));
	TRY(rc_note(db_open(path, true, &db), "%s", path));
	TRY(officer_open_at(c, "ca", &o));
	TRY(backup_store_revoked(db, replay, &r));
	json_put_int(answer, "replayed", (int64_t)r.sent);
	json_put_int(answer, "known", (int64_t)r.known);
	return tell(c, "replay", answer);
}

struct rc cmd_restore_accept(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(now, NULL);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	int64_t restored;

	TRY(officer_open_at(c, "ca", &o));
	TRY(officer_get(&o, "/v1/restoration", &now));
	TRY(json_get_time(now, "restored", &restored));
	json_put_time(body, "restored", restored);
	json_put_cstr(body, "reason", cli_get(c, "reason"));
	TRY(officer_state(&o, STATEMENT_RESTORATION, "institution", body, "/v1/restoration", &answer));
	return tell(c, "restored", answer);
}
