#ifndef YD_CLI_CLI_H
#define YD_CLI_CLI_H
/* The command line: one table of commands (commands.c) from which come parser, help and manual page.
 * stdout holds the result and nothing else; progress and errors go to stderr; with --json the
 * result, or the RFC 9457 problem of a failure, is one JSON object on stdout (ui.md 4). */
#include "base/json.h"
#include "base/rc.h"

#include <stdio.h>

#define CLI_OPTIONS_MAX 32 /* of one command, the common ones included */
#define CLI_VALUES_MAX 64  /* options given */
#define CLI_OPERANDS_MAX 256
#define CLI_FILE_MAX (64u << 20) /* a file read for showing or verifying */

enum cli_exit {
	CLI_OK,
	CLI_FAILURE,
	CLI_USAGE,
	CLI_DENIED,
	CLI_NOTFOUND,
	CLI_CONFLICT,
	CLI_INCOMPLETE, /* accepted, not complete yet (approval, KMC) */
	CLI_UNREACHABLE,
	CLI_UNVERIFIED, /* a signature, chain or status did not verify */
};

enum cli_flag { CLI_REQUIRED = 1, CLI_REPEAT = 2 };
struct cli_option {
	const char *name;  /* without dashes */
	const char *value; /* placeholder of its argument; NULL: a switch */
	const char *zh, *en;
	unsigned flags;
};

struct cli;
struct cli_command {
	const char *name;                 /* "apply", "cert show" */
	const char *operands;             /* "ID", "FILE…"; NULL: none */
	size_t least, most;               /* operands */
	const struct cli_option *options; /* closed by a NULL name */
	struct rc (*run)(struct cli *c);
	const char *zh, *en;
	bool inner; /* started by the program itself; not in the help */
};
/* Closed by a NULL name. */
extern const struct cli_command cli_commands[];
extern const struct cli_option cli_common[]; /* --lang, --json, --help, --version */

struct cli_value {
	const struct cli_option *option;
	const char *text;
};
struct cli {
	const struct cli_command *command;
	bool json, english, help, version;
	bool verifying; /* what fails now has not verified: CLI_UNVERIFIED */
	size_t value_count, operand_count;
	struct cli_value values[CLI_VALUES_MAX];
	const char *operands[CLI_OPERANDS_MAX];
	enum cli_exit exit; /* an outcome other than CLI_OK although run() succeeded */
	FILE *out, *err;
	char **arguments; /* copies that values and operands point into; owned */
	int argument_count;
};

/* The whole program; returns the exit status. */
int cli_main(int argc, char *const *argv, FILE *out, FILE *err);

/* ---- for commands ---- */
/* The value of an option; NULL when it was not given.  A switch that was given is "". */
const char *cli_get(const struct cli *c, const char *option);
/* The n-th of a repeated option; NULL after the last. */
const char *cli_get_at(const struct cli *c, const char *option, size_t n);
static inline bool cli_has(const struct cli *c, const char *option)
{
	return cli_get(c, option) != NULL;
}
/* The database of an instance: its folder's file, or the URL that was given instead of a folder. */
bool cli_is_database(const char *what);
RC cli_database(const char *what, char *ret, size_t size);
/* Absent: *ret keeps its value; not a number in the range: usage. */
RC cli_get_int(const struct cli *c, const char *option, int64_t min, int64_t max, int64_t *ret);
/* RFC 3339, or seconds since 1970 with a leading @; absent: *ret keeps its value. */
RC cli_get_time(const struct cli *c, const char *option, int64_t *ret);

/* One line of a text result. */
void cli_line(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The JSON result; schema "apply" becomes "yuandian/cli/apply/v1". */
RC cli_json(struct cli *c, const char *schema, json_t *take);
/* Progress on stderr, not with --json. */
void cli_note(struct cli *c, const char *zh, const char *en);

/* parse.c */
RC cli_parse(struct cli *c, int argc, char *const *argv);
/* help.c */
void cli_help(const struct cli *c, FILE *to);
const char *cli_version(void);
/* exit.c: the one map from results to exit statuses. */
enum cli_exit cli_exit_of(const struct rc_text *t);

/* ---- commands ---- */
struct rc cmd_up(struct cli *c);
struct rc cmd_serve(struct cli *c);
struct rc cmd_ceremony(struct cli *c);
struct rc cmd_unlock(struct cli *c);
struct rc cmd_clock(struct cli *c);
struct rc cmd_instance(struct cli *c);
struct rc cmd_signer(struct cli *c);
struct rc cmd_apply(struct cli *c);
struct rc cmd_update(struct cli *c);
struct rc cmd_extend(struct cli *c);
struct rc cmd_replace(struct cli *c);
struct rc cmd_recover(struct cli *c);
struct rc cmd_review(struct cli *c);
struct rc cmd_batch_submit(struct cli *c);
struct rc cmd_notice_list(struct cli *c);
struct rc cmd_directory_show(struct cli *c);
struct rc cmd_directory_repair(struct cli *c);
struct rc cmd_blacklist_add(struct cli *c);
struct rc cmd_blacklist_remove(struct cli *c);
struct rc cmd_blacklist_list(struct cli *c);
struct rc cmd_batch_show(struct cli *c);
struct rc cmd_batch_cancel(struct cli *c);
struct rc cmd_audit_verify(struct cli *c);
struct rc cmd_audit_export(struct cli *c);
struct rc cmd_audit_heads(struct cli *c);
struct rc cmd_backup_create(struct cli *c);
struct rc cmd_backup_verify(struct cli *c);
struct rc cmd_status_rebuild(struct cli *c);
struct rc cmd_crl_build(struct cli *c);
struct rc cmd_restore(struct cli *c);
struct rc cmd_restore_replay(struct cli *c);
struct rc cmd_restore_accept(struct cli *c);
struct rc cmd_record_show(struct cli *c);
struct rc cmd_record_hold(struct cli *c);
struct rc cmd_record_release(struct cli *c);
struct rc cmd_record_dispose(struct cli *c);
struct rc cmd_record_attest(struct cli *c);
struct rc cmd_record_exceptions(struct cli *c);
struct rc cmd_record_scrub(struct cli *c);
struct rc cmd_fetch(struct cli *c);
struct rc cmd_accept(struct cli *c);
struct rc cmd_revoke(struct cli *c);
struct rc cmd_suspend(struct cli *c);
struct rc cmd_release(struct cli *c);
struct rc cmd_revocation_code(struct cli *c);
struct rc cmd_loss_list(struct cli *c);
struct rc cmd_loss_show(struct cli *c);
struct rc cmd_alarms(struct cli *c);
struct rc cmd_mass_revoke(struct cli *c);
struct rc cmd_mass_suspend(struct cli *c);
struct rc cmd_mass_release(struct cli *c);
struct rc cmd_application(struct cli *c);
struct rc cmd_cert_show(struct cli *c);
struct rc cmd_csr_show(struct cli *c);
struct rc cmd_crl_show(struct cli *c);
struct rc cmd_ocsp_show(struct cli *c);
struct rc cmd_cert_verify(struct cli *c);
struct rc cmd_csr_verify(struct cli *c);
struct rc cmd_crl_verify(struct cli *c);
struct rc cmd_ocsp_verify(struct cli *c);
struct rc cmd_archive_make(struct cli *c);
struct rc cmd_archive_renew(struct cli *c);
struct rc cmd_archive_verify(struct cli *c);
struct rc cmd_statement_show(struct cli *c);
struct rc cmd_statement_verify(struct cli *c);
struct rc cmd_profile_list(struct cli *c);
struct rc cmd_profile_show(struct cli *c);
struct rc cmd_profile_try(struct cli *c);
struct rc cmd_calendar_check(struct cli *c);
struct rc cmd_calendar_count(struct cli *c);
struct rc cmd_calendar_explain(struct cli *c);
struct rc cmd_calendar_enter(struct cli *c);
struct rc cmd_calendar_confirm(struct cli *c);
struct rc cmd_deadline_list(struct cli *c);
struct rc cmd_deadline_show(struct cli *c);
struct rc cmd_deadline_explain(struct cli *c);
struct rc cmd_rules_list(struct cli *c);
struct rc cmd_bench(struct cli *c);
struct rc cmd_help(struct cli *c);

#endif
