#ifndef YD_INSTANCE_INSTANCE_H
#define YD_INSTANCE_INSTANCE_H
/* The frame every role runs in: configuration, clock, database, log, trust, signer, listeners,
 * scheduler, sandbox, clean end.  `yuandian instance NAME --data DIR` is instance_main(). */
#include "base/buf.h"
#include "base/mem.h"
#include "instance/role.h"
#include "instance/trust.h"

#include <stdint.h>

#define INSTANCE_NAME_MAX 64 /* "organisation/role-N" */
#define INSTANCE_ORG_MAX 48
#define INSTANCE_ALARMS_MAX 1000 /* answered by one GET /v1/alarms */
#define INSTANCE_FD_SIGNER 3     /* inherited ends of socketpairs */
#define INSTANCE_FD_SUPERVISOR 4 /* -1 inside tests */

struct db_pool;
struct jobs;
struct log;
struct record_store;
struct signer_client;
struct writer;
struct http_client;
struct route;
struct request;
struct response;
struct peer;

/* DIR/ORG/ROLE/config.yaml; written by the ceremony, completed by `up`.  Absent keys keep these
 * defaults.  Addresses of peers are base URLs ("https://127.0.0.1:7446"). */
struct instance_config {
	unsigned api_port; /* 0: no listener */
	unsigned public_port;
	unsigned management_port;
	char *api_address;    /* "127.0.0.1" */
	char *public_address; /* "127.0.0.1" */
	char *ca_url;         /* at ra and status */
	char *ca_name;        /* "shifan/ca": who must answer there; at kmc: whose requests are
	                       * taken (absent: every CA that trust/ca-comm/ORG.cer registers) */
	char *kmc_url;        /* at ca */
	char *kmc_name;
	char *vault_url;      /* at ca and ra; absent: records are kept by their own databases alone */
	char *vault_name;
	char *ra_url;         /* at vault, beside ca_url: whose logs it follows */
	char *ra_name;
	char *place_first;    /* vault: folders of the two copies; absent: DIR/ORG/ROLE/first, second */
	char *place_second;
	char *public_base;             /* base URL written into certificates */
	unsigned workers;              /* handler threads; default 12 */
	unsigned loops;                /* event loops; default: processors, at most 4 */
	unsigned crl_delay_ms;         /* ca: emergency CRLs at most this often; default 250 */
	unsigned crl_period_seconds;   /* source: validity of its lists; default 30 days (ca: by CPS) */
	unsigned standby_keep;         /* kmc: refill below; default 512 */
	unsigned standby_fill;         /* kmc: refill up to; default 2048 */
	unsigned session_idle_seconds; /* reserved for roles with sessions */
	char *database;         /* "pgsql:CONNINFO"; absent: DIR/ORG/ROLE/data.db */
	char *mail_url;         /* ra: "smtp://127.0.0.1:25"; absent: notices are only kept */
	char *mail_from;        /* sender; required with mail_url */
	char *mail_office;      /* takes what is for officers, departments and holders without address */
	char *source_url;       /* ra: authoritative source of identities; absent: none is asked */
	char *source_profiles;  /* "person organisation": whose identities are checked there; "*": all */
	unsigned refused_days;  /* ra: refused applications are kept so long; default 1825 */
	unsigned ocsp_cache_mib;           /* status: most memory for signed answers; default 256 */
	unsigned ocsp_cache_seconds;       /* status: an answer is given again so long; default 60 */
	unsigned ocsp_preproduced_seconds; /* status: answers without nonce hold so long; absent: 600 */
	unsigned ocsp_archive_days;        /* status: archive cutoff so long ago; absent: none */
	char *ocsp_extended_revoked;       /* status: "sm2 ecdsa": never issued there is revoked */
	char *ocsp_signed_requests;        /* status: "ignored" (default), "checked", "required" */
	char *directory_url;    /* status: "ldaps://127.0.0.1:636"; absent: nothing is published there */
	char *directory_base;   /* entry above all others: "o=shifan" */
	char *directory_bind;   /* DN of a simple bind (directory.secret); absent: SASL EXTERNAL */
	unsigned head_period_seconds; /* between two tree heads; default 60 */
	char *log_witnesses;    /* "NAME=URL NAME=URL": who keeps the heads of this log; absent: nobody */
};

/* Runs until SIGTERM; 0 for a clean end.  Never returns a failure without a line on stderr. */
int instance_main(const char *name, const char *data_dir, const struct role *role);

/* ---- what a role asks its instance for; all thread-safe, borrowed for the instance's life ---- */
const char *instance_name(const struct instance *in); /* "shifan/ca" */
const char *instance_org(const struct instance *in);  /* "shifan" */
const char *instance_role(const struct instance *in); /* "ca" */
const char *instance_dir(const struct instance *in);  /* DIR/ORG/ROLE */
const char *instance_data(const struct instance *in); /* DIR */
const struct instance_config *instance_config(const struct instance *in);
struct db_pool *instance_readers(struct instance *in); /* db_pool_lease() to read */
struct writer *instance_writer(struct instance *in);
struct log *instance_log(struct instance *in); /* for log_append in closures */
struct signer_client *instance_signer(struct instance *in);
struct record_store *instance_records(struct instance *in);
struct jobs *instance_jobs(struct instance *in);
/* 16 bytes from the signer's keyed function under the label, kept in locked memory: "records",
 * "kmc-store" … the same value at each start. */
RC instance_secret(struct instance *in, const char *label, struct secret **ret);
/* A statement of the instance's own (role "service"; of a tree head "log"): what follows from a rule,
 * without a person. */
RC instance_statement(struct instance *in, enum statement_kind kind, const json_t *body, struct buf *ret);
/* Whether the own log is what its witnesses saw of it (design 3.4, R12.4).  RC_BUSY (log-unwitnessed) until
 * one of them has answered since the start; RC_CRYPTO (log-rollback, log-fork) for good once one of them knew
 * better.  RC_OK when no witness is configured. */
RC instance_log_checked(struct instance *in);
/* When this data folder was restored from a backup; 0: never.  What was made before and was not yet in use
 * may be in use elsewhere: nobody may make it again (R12.5). */
int64_t instance_restored(const struct instance *in);
/* The trust snapshot of now; a reload (SIGHUP) never changes one that is held. */
struct trust *instance_trust(struct instance *in); /* AUTO(trust, t, instance_trust(in)) */
bool instance_ending(const struct instance *in);   /* own threads leave their loops */
void *instance_state(struct instance *in);
void instance_set_state(struct instance *in, void *state);

/* Client for a peer instance: mTLS with this instance's TLS certificate; the server must be exactly
 * the instance named (SAN URI), under the peers' and own TLS operator CAs.  Borrowed: the frame frees it. */
RC instance_client(struct instance *in, const char *base_url, const char *peer_name,
                   struct http_client **ret);

/* Wakes handlers that wait with response_wait() under this key. */
void instance_wake(struct instance *in, uint64_t key);

/* ---- who calls: bits of route tables beside OFFICER(...), trust.h ---- */
#define WHO_OWN_RA (1u << 24) /* instances of the own organisation by role */
#define WHO_OWN_STATUS (1u << 25)
#define WHO_OWN (1u << 26) /* any of them */
#define WHO_OWN_VAULT (1u << 28)
#define WHO_CA (1u << 27)  /* an instance with role ca, whatever its organisation */

/* ---- refusals and alarms ---- */
/* A decision route calls this with its failure (the text of rc_last()): a log entry of kind
 * "refused" {what, subject, code, clause, text, by} is queued and the same result comes back.  Does
 * not wait; when the queue is full the entry is counted and one alarm told of it (design.md 4). */
struct rc instance_refused(struct instance *in, struct rc rc, const char *what, struct slice subject,
                           const struct peer *by);
/* Queues an alarm (design.md 9.13); does not wait.  Equal open alarms (kind, subject) are raised once
 * and counted. */
void instance_alarm(struct instance *in, const char *kind, struct slice subject, const char *text);

/* ---- platform.json, for `up`, tests and roles that need a neighbour's address ---- */
struct platform_instance {
	char name[INSTANCE_NAME_MAX + 1], role[16];
	unsigned uid, signer_uid, api_port, public_port, management_port;
};
#define PLATFORM_INSTANCES_MAX 64
struct platform {
	unsigned base_port;
	bool test_clock, test_keys;
	size_t count;
	struct platform_instance instances[PLATFORM_INSTANCES_MAX];
};
RC platform_load(const char *data_dir, struct platform *ret);
const struct platform_instance *platform_find(const struct platform *p, const char *name);

#endif
