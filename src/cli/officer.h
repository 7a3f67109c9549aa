#ifndef YD_CLI_OFFICER_H
#define YD_CLI_OFFICER_H
/* The holder of a credential folder (--as DIR: tls.pem, tls.key, sign.pem, sign.key, pin) talking to an RA:
 * statements are built here and signed in this process; only they leave it (design 9.3). */
#include "base/mem.h"
#include "cli/cli.h"
#include "http/client.h"
#include "statement/statement.h"

#define OFFICER_PATH_MAX 4096
#define OFFICER_ANSWER_MAX (4u << 20)
#define OFFICER_DEADLINE_MS 45000

struct officer {
	struct http_client *ra;
	struct secret *key;     /* struct sm2_key, in locked memory */
	struct buf certificate; /* DER of the sign certificate */
	const char *role;       /* of the instance talked to; NULL: where the officer is at home */
	char person[37];        /* urn:uuid of the sign certificate; "" when it has none */
	char instance[65];      /* "shifan/ra" */
	char organisation[65];  /* "shifan": whose statements these are */
};
/* Opens both credentials, finds the RA in endpoints.json, follows the platform's clock. */
RC officer_open(const struct cli *c, struct officer *ret);
/* The signing credential alone, for --organisation: nothing is asked of anybody. */
RC officer_open_offline(const struct cli *c, struct officer *ret);
/* The same, but talking to the instance of that role in the own organisation. */
RC officer_open_at(const struct cli *c, const char *role, struct officer *ret);
void officer_close(struct officer *o);
#define AUTO_OFFICER(name) __attribute__((cleanup(officer_close))) struct officer name = {0}

/* The first of these roles ("entry", …, closed by NULL) that the RA says the caller has; a caller without any
 * officer role is "subscriber". */
RC officer_role(struct officer *o, const char *const *wanted, const char **ret);
RC officer_sign(struct officer *o, enum statement_kind kind, const char *role, const json_t *body,
                struct buf *ret);
/* Signs the body and posts it; *ret is the answer. */
RC officer_state(struct officer *o, enum statement_kind kind, const char *role, const json_t *body,
                 const char *path, json_t **ret);
RC officer_get(struct officer *o, const char *path, json_t **ret);
/* A path with an identifier from the command line in it: before + escaped id + after. */
RC officer_path(struct buf *b, const char *before, const char *id, const char *after);

/* ---- without a folder: a holder with certificate and key (holder.c) ---- */
/* --certificate, --key and --pin-file instead of --as; the connection carries no client certificate. */
RC officer_open_holder(const struct cli *c, struct officer *ret);
/* --key alone: the RA gives the certificate of that name to whoever signs with its key. */
RC officer_open_key(const struct cli *c, const char *ca, const char *serial, struct officer *ret);
/* --key alone, for an application: what can be asked is its outcome. */
RC officer_open_applicant(const struct cli *c, struct officer *ret);
/* A question signed with the key; *asked is changed. */
RC officer_ask(struct officer *o, const char *ask, const char *path, json_t *asked, json_t **ret);
/* State and certificates of the application of that key; with the certificate it can sign from then on. */
RC officer_outcome(struct officer *o, const char *id, const char *form, json_t **ret);
/* The connection alone: nothing can be signed. */
RC officer_open_nobody(const struct cli *c, struct officer *ret);
/* The private key of a file, which must belong to that public key. */
RC officer_load_key(const char *path, struct slice pin, const struct sm2_pub *want, struct secret **ret);
/* The private key of a file alone: struct sm2_key. */
RC holder_key(const char *path, struct slice pin, struct secret **ret);
/* Is the server the instance that was meant?  ctx: struct officer. */
struct rc officer_check_instance(void *ctx, struct slice certificate);

/* A PIN file: the first line. */
RC officer_pin(const char *path, struct buf *ret);

#endif
