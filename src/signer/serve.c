/* Threads of the signer: one reader for each channel, workers that answer. */
#include "signer/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "sandbox/sandbox.h"
#include "signer/anchors.h"
#include "signer/channel.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS_MAX 4
#define QUEUE_MAX 64
#define SECURE_HEAP (1u << 20)
#define SECURE_LEAST 32

struct job {
	struct reader *from;
	struct signer_header head;
	struct buf body;
	int fd;
	struct job *next;
};

struct reader {
	struct server *server;
	enum signer_permit channel;
	int socket;
	pthread_mutex_t write;
	pthread_t thread;
};

struct server {
	struct signer *signer;
	struct reader role, control;
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	struct job *first, *last;
	size_t queued, workers;
	bool ending;
	pthread_t worker[WORKERS_MAX];
};

static void job_free(struct job *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	buf_free(&j->body);
	mem_free(j);
}
DROP(job, job_free);

/* ---- queue ---- */
static bool push(struct server *v, struct job *take)
{
	pthread_mutex_lock(&v->lock);
	while (v->queued >= QUEUE_MAX && !v->ending)
		pthread_cond_wait(&v->room, &v->lock);
	bool fine = !v->ending;
	if (fine) {
		if (v->last != NULL)
			v->last->next = take;
		else
			v->first = take;
		v->last = take;
		v->queued++;
		pthread_cond_signal(&v->more);
	}
	pthread_mutex_unlock(&v->lock);
	if (!fine)
		job_free(take);
	return fine;
}

static struct job *pop(struct server *v)
{
	pthread_mutex_lock(&v->lock);
	while (v->first == NULL && !v->ending)
		pthread_cond_wait(&v->more, &v->lock);
	struct job *j = v->first;
	if (j != NULL) {
		v->first = j->next;
		if (v->first == NULL)
			v->last = NULL;
		v->queued--;
		pthread_cond_signal(&v->room);
	}
	pthread_mutex_unlock(&v->lock);
	return j;
}

/* Both channels end together: without its role a signer has nothing to do, without its supervisor
 * nobody answers for it. */
static void end_all(struct server *v)
{
	pthread_mutex_lock(&v->lock);
	v->ending = true;
	pthread_cond_broadcast(&v->more);
	pthread_cond_broadcast(&v->room);
	pthread_mutex_unlock(&v->lock);
	shutdown(v->role.socket, SHUT_RDWR);
	if (v->control.socket >= 0)
		shutdown(v->control.socket, SHUT_RDWR);
}

/* ---- threads ---- */
static void *reader_main(void *arg)
{
	struct reader *r = arg;
	for (;;) {
		struct job *j = mem_new(1, sizeof *j);
		if (j == NULL)
			break;
		*j = (struct job){.from = r, .body = BUF_SECRET(SIGNER_FRAME_MAX), .fd = -1};
		struct rc rc = channel_read(r->socket, CHANNEL_FOREVER, &j->head, &j->body, &j->fd);
		if (!rc_ok(rc)) {
			if (rc.code != RC_NOTFOUND)
				log_failure("signer.channel", "");
			job_free(j);
			break;
		}
		if (!push(r->server, j))
			break;
	}
	end_all(r->server);
	return NULL;
}

static void answer(struct server *v, struct job *j)
{
	struct signer_call q = {j->from->channel, j->head.type, buf_slice(&j->body), j->fd};
	struct signer_header h = {.id = j->head.id, .type = (uint8_t)(j->head.type | SIGNER_ANSWER)};
	AUTO_BUF(out, SIGNER_FRAME_MAX);
	struct rc rc = signer_dispatch(v->signer, &q, &out);
	/* Before the answer: who has it may count on the file being free. */
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	if (rc_ok(rc)) {
		pthread_mutex_lock(&j->from->write);
		rc = channel_write(j->from->socket, h, buf_slice(&out), -1);
		pthread_mutex_unlock(&j->from->write);
	}
	/* Without an answer the client would wait for ever: it must see the end instead. */
	if (!rc_ok(rc))
		end_all(v);
}

static void *worker_main(void *arg)
{
	struct server *v = arg;
	for (;;) {
		AUTO(job, j, pop(v));
		if (j == NULL)
			return NULL;
		answer(v, j);
	}
}

static RC start(struct server *v)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t want = cpus < 2 ? 2 : cpus > WORKERS_MAX ? WORKERS_MAX : (size_t)cpus;
	for (; v->workers < want; v->workers++)
		NEED(pthread_create(&v->worker[v->workers], NULL, worker_main, v) == 0, RC_NOMEM,
		     "signer: thread");
	NEED(pthread_create(&v->role.thread, NULL, reader_main, &v->role) == 0, RC_NOMEM, "signer: thread");
	return OK;
}

static RC serve(struct server *v)
{
	struct rc rc = start(v);
	bool reading = rc_ok(rc);
	if (!reading)
		end_all(v);
	else if (v->control.socket >= 0)
		(void)reader_main(&v->control);
	if (reading)
		pthread_join(v->role.thread, NULL);
	for (size_t i = 0; i < v->workers; i++)
		pthread_join(v->worker[i], NULL);
	return rc;
}

static RC run(struct signer *s, const struct signer_options *o)
{
	AUTO_MEM(struct server, v, mem_new(1, sizeof *v));
	NEED(v != NULL, RC_NOMEM, "signer");
	v->signer = s;
	v->role = (struct reader){.server = v, .channel = SIGNER_BY_ROLE, .socket = o->role_fd};
	v->control = (struct reader){.server = v, .channel = SIGNER_BY_CONTROL, .socket = o->control_fd};
	pthread_mutex_init(&v->role.write, NULL);
	pthread_mutex_init(&v->control.write, NULL);
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->more, NULL);
	pthread_cond_init(&v->room, NULL);
	return serve(v);
}

/* ---- start of the process ---- */
static RC confine(const struct signer *s)
{
	struct sandbox_report report;
	const char *read[] = {s->keys_dir, s->trust_dir, NULL};
	struct sandbox box = {.kind = SANDBOX_SIGNER, .read = read};
	TRY(sandbox_enter(&box, &report));
	log_line(report.note[0] == 0 ? LOG_INFO : LOG_WARN, "signer.confined", report.note, NULL);
	return OK;
}

RC signer_main(const struct signer_options *o)
{
	char path[SIGNER_PATH_MAX];
	if (o->sandboxed) {
		char title[SIGNER_NAME_MAX + 16];
		snprintf(title, sizeof title, "%s signer", o->name);
		log_setup(title, LOG_INFO);
		TRY(sandbox_harden());
		NEED(signal(SIGPIPE, SIG_IGN) != SIG_ERR, RC_BUG, "signer: signals");
		/* Before the walls go up: libcrypto reads its configuration and locks its heap. */
		NEED(OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) == 1, RC_CRYPTO,
		     "signer: libcrypto");
		(void)CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST);
	}
	snprintf(path, sizeof path, "%s/clock", o->data);
	TRY(clock_open(path));
	AUTO(signer, s, NULL);
	TRY(signer_new(o, &s));
	if (o->sandboxed)
		TRY(confine(s));
	return run(s, o);
}
