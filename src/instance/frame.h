#ifndef YD_INSTANCE_FRAME_H
#define YD_INSTANCE_FRAME_H
/* What the files of the frame share.  Roles see instance.h only. */
#include "db/writer.h"
#include "evidence/jobs.h"
#include "evidence/log.h"
#include "evidence/record.h"
#include "http/management.h"
#include "http/metrics.h"
#include "http/server.h"
#include "instance/config.h"
#include "instance/instance.h"
#include "net/tls.h"
#include "signer/client.h"

#include <pthread.h>
#include <stdatomic.h>

#define FRAME_PATH_MAX 1024
#define FRAME_READERS 48 /* reader connections */
#define FRAME_CLIENTS 8  /* peers an instance talks to */
#define WITNESS_BODY_MAX (512u << 10)
#define FRAME_NOTES 4096 /* refusals and alarms waiting for the writer */

struct frame_client {
	struct instance *in;
	struct http_client *client;
	char peer[INSTANCE_NAME_MAX + 1];
};

/* Filled by the main thread before others start; afterwards only what says so changes. */
struct instance {
	const struct role *role;
	char name[INSTANCE_NAME_MAX + 1], org[TRUST_ID_MAX + 1];
	char data[FRAME_PATH_MAX], dir[FRAME_PATH_MAX + INSTANCE_NAME_MAX + 2];
	struct config_file config;
	int signer_fd, supervisor_fd;

	pthread_mutex_t trust_lock;
	struct trust *trust; /* under trust_lock: a reload exchanges it */
	struct db_reach database;
	struct lease lease;  /* of a shared database; the writer's own */
	struct db *first;    /* before the writer takes it over */
	struct writer *writer;
	struct writer_watch watch;
	struct db_pool *readers;
	struct log *log;
	struct record_store *records;
	struct secret *column_key; /* with the signer's unlocking */
	struct db_seal seal;
	struct signer_client *signer;
	struct tls_server *tls;
	struct metrics *metrics;
	struct http_server *server, *management;
	struct management management_ctx;
	struct route *routes; /* role's and common ones */
	size_t route_count;
	struct jobs *jobs;
	void *state;
	pthread_mutex_t clients_lock;
	struct frame_client clients[FRAME_CLIENTS];
	size_t client_count; /* under clients_lock */
	bool role_started;   /* the main thread's own */
	atomic_bool ending, started;
	atomic_uint notes; /* waiting */
	atomic_ulong notes_lost;
	struct metric *refusals;
	struct {
		struct writer_watch watch;
		atomic_int err; /* enum err: why writes fail; ERR_GENERIC_OK while they do not */
		_Atomic int64_t since;
		atomic_bool trying;
	} storage; /* storage.c */
	int64_t restored;          /* restored.c: since when; 0: never */
	pthread_mutex_t head_lock; /* one head is made at a time */
	struct witness *witness;   /* NULL: none is configured */
};

/* instance.c */
RC frame_path(const struct instance *in, const char *tail, char ret[FRAME_PATH_MAX + 128]);
/* open.c: everything up to the role's start, in order; what is open is closed by frame_close. */
RC frame_open(struct instance *in);
RC frame_begin(struct instance *in); /* the signer is unlocked: records, role, jobs, listeners */
void frame_close(struct instance *in);
RC frame_reload(struct instance *in); /* trust and TLS files again (SIGHUP) */
/* peer.c */
struct rc frame_identify(void *ctx, struct peer *p);
struct rc frame_check_peer(void *ctx, struct slice certificate);
/* routes.c */
extern const struct route frame_routes[];
extern const size_t frame_route_count;
uint64_t frame_log_key(void);
/* heads.c, witness.c: their doors */
struct rc frame_log_head(void *ctx, const struct request *q, struct response *r);
struct rc frame_log_heads(void *ctx, const struct request *q, struct response *r);
struct rc frame_log_inclusion(void *ctx, const struct request *q, struct response *r);
struct rc frame_log_consistency(void *ctx, const struct request *q, struct response *r);
struct rc frame_timestamp(void *ctx, const struct request *q, struct response *r);
struct rc frame_witness_take(void *ctx, const struct request *q, struct response *r);
struct rc frame_witness_show(void *ctx, const struct request *q, struct response *r);
/* witness.c: the thread that shows this log to its witnesses. */
RC frame_witness_start(struct instance *in);
void frame_witness_stop(struct instance *in);
/* rule.c: of the key that signs the heads of that log; RC_NOTFOUND when it is not known here. */
RC frame_log_certificate(struct instance *in, const char *log, struct buf *ret);
/* restored.c */
RC   frame_restored_open(struct instance *in);
void frame_restored_tell(struct instance *in);
/* storage.c */
void frame_storage_watch(struct instance *in);
RC   frame_storage_check(struct instance *in);
/* ready.c */
struct rc frame_ready(void *ctx, size_t i, const char **name);
void frame_metrics(void *ctx, struct buf *out);

#endif
