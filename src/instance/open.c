/* Opens what an instance needs, in an order that matters: files and listening sockets, then the
 * sandbox, then threads (Landlock binds the threads made after it). */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "evidence/log.h"
#include "http/client.h"
#include "instance/frame.h"
#include "sandbox/sandbox.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANAGEMENT_WORKERS 2
#define STANDBY_MS 1000
#define FRAME_PEERS 12 /* ports to call, 0 at the end */

static RC open_config(struct instance *in)
{
	char path[FRAME_PATH_MAX + 128];
	int n = snprintf(path, sizeof(path), "%s/clock", in->data);

	NEED(n > 0 && (size_t)n < sizeof(path), RC_INPUT, "the data folder's name is too long");
	TRY(clock_open(path));
	TRY(frame_path(in, "config.yaml", path));
	TRY(config_file_load(path, &in->config));
	TRY(frame_restored_open(in));
	TRY(frame_path(in, "trust", path));
	return trust_load(path, in->org, &in->trust);
}

static RC database_url(const struct instance *in, char ret[FRAME_PATH_MAX + 128])
{
	const char *url = in->config.value.database;

	if (url == NULL)
		return frame_path(in, "data.db", ret);
	(void)snprintf(ret, FRAME_PATH_MAX + 128, "%s", url);
	return OK;
}

/* A second host with the same database stands by here until the first is gone (design 9.1). */
static RC wait_for_lease(struct instance *in)
{
	struct pollfd supervisor = {.fd = in->supervisor_fd};
	char host[64] = "", place[LEASE_PLACE_MAX + 1];
	bool told = false;
	struct rc rc;

	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(place, sizeof(place), "%s:%.130s", host, in->dir);
	TRY(lease_init(&in->lease, place));
	while (!rc_ok(rc = lease_take(in->first, &in->lease, clock_mono_ms()))) {
		sigset_t pending;

		if (rc.code != RC_BUSY && rc.code != RC_UNCERTAIN)
			return rc;
		if (!told)
			log_line(LOG_INFO, "standby", rc_last()->text, NULL);
		told = true;
		(void)poll(&supervisor, 1, STANDBY_MS);
		(void)sigpending(&pending);
		NEED((supervisor.revents & (POLLHUP | POLLERR)) == 0 && sigismember(&pending, SIGTERM) == 0 &&
		             sigismember(&pending, SIGINT) == 0,
		     RC_BUSY, "ended while standing by");
	}
	return OK;
}

static struct rc see_entry(const struct log_entry *e, void *arg)
{
	(void)e;
	*(bool *)arg = true;
	return OK;
}

/* A folder that was restored, or used a file before, brings its rows along once. */
static RC move_in(struct instance *in)
{
	char path[FRAME_PATH_MAX + 128], moved[FRAME_PATH_MAX + 160];
	AUTO(db, file, NULL);
	bool used = false;
	struct stat st;

	TRY(frame_path(in, "data.db", path));
	if (stat(path, &st) != 0)
		return OK;
	TRY(log_each(in->first, 0, 1, see_entry, &used));
	if (!used) {
		TRY(db_open(path, false, &file));
		TRY(db_check(file, path));
		TRY(db_migrate(file, in->role->name));
		TRY(db_copy(file, in->first));
		log_line(LOG_INFO, "database.moved", "the rows of the file are in PostgreSQL now", NULL);
	}
	(void)snprintf(moved, sizeof(moved), "%s.moved", path);
	NEED(rename(path, moved) == 0, RC_BUSY, "cannot rename %s", path);
	return OK;
}

static RC open_database(struct instance *in)
{
	char path[FRAME_PATH_MAX + 128];

	TRY(database_url(in, path));
	TRY(db_reach(path, &in->database));
	TRY(db_check_file(path));
	TRY(db_open(path, false, &in->first));
	TRY(db_check(in->first, path));
	TRY(db_migrate(in->first, in->role->name));
	if (!in->database.shared)
		return OK;
	TRY(wait_for_lease(in));
	return move_in(in);
}

/* ---- TLS files ---- */

struct tls_files {
	struct buf certificate, key;
};

static void tls_files_free(struct tls_files *f)
{
	buf_free(&f->certificate);
	buf_free(&f->key);
}

static RC tls_files_read(struct instance *in, struct tls_files *f, const struct trust *t,
                         struct tls_config *ret)
{
	char path[FRAME_PATH_MAX + 128];

	TRY(frame_path(in, "tls/cert.pem", path));
	TRY(file_read(path, TLS_PEM_MAX, &f->certificate));
	TRY(frame_path(in, "tls/key.pem", path));
	TRY(file_read(path, TLS_PEM_MAX, &f->key));
	*ret = (struct tls_config){
	        .certificate = buf_slice(&f->certificate),
	        .key = buf_slice(&f->key),
	        .authorities = trust_tls_pem(t),
	        .clients = TLS_CLIENT_REQUEST,
	};
	return OK;
}

static RC tls_load(struct instance *in, const struct trust *t)
{
	__attribute__((cleanup(tls_files_free))) struct tls_files f = {BUF(TLS_PEM_MAX),
	                                                               BUF_SECRET(TLS_PEM_MAX)};
	struct tls_config c;

	TRY(tls_files_read(in, &f, t, &c));
	return in->tls == NULL ? tls_server_new(&c, &in->tls) : tls_server_reload(in->tls, &c);
}

RC frame_reload(struct instance *in)
{
	char path[FRAME_PATH_MAX + 128];
	AUTO(trust, fresh, NULL);
	struct trust *old;

	TRY(frame_path(in, "trust", path));
	TRY(trust_load(path, in->org, &fresh));
	TRY(tls_load(in, fresh));
	pthread_mutex_lock(&in->trust_lock);
	old = in->trust;
	in->trust = MOVE(fresh);
	pthread_mutex_unlock(&in->trust_lock);
	trust_drop(old);
	pthread_mutex_lock(&in->clients_lock);
	for (size_t i = 0; i < in->client_count; i++)
		http_client_reload(in->clients[i].client);
	pthread_mutex_unlock(&in->clients_lock);
	log_line(LOG_INFO, "reload", "trust and TLS certificate read again", NULL);
	return OK;
}

/* ---- listeners: bound before the sandbox, served later ---- */

static RC join_routes(struct instance *in)
{
	const struct role *role = in->role;

	in->route_count = role->route_count + frame_route_count;
	in->routes = mem_new(in->route_count, sizeof(*in->routes));
	NEED(in->routes != NULL, RC_NOMEM, "no memory");
	if (role->route_count > 0)
		memcpy(in->routes, role->routes, role->route_count * sizeof(*in->routes));
	memcpy(in->routes + role->route_count, frame_routes, frame_route_count * sizeof(*in->routes));
	return OK;
}

static RC listen_management(struct instance *in)
{
	struct http_config config = {.loops = 1, .workers = MANAGEMENT_WORKERS};

	in->management_ctx = (struct management){
	        .metrics = in->metrics,
	        .extra = frame_metrics,
	        .ready = frame_ready,
	        .ctx = in,
	};
	TRY(http_server_new(&config, &in->management));
	if (in->config.value.management_port == 0)
		return OK;
	return http_server_listen(in->management, &(struct http_listener){
	                                                  .name = "management",
	                                                  .address = "127.0.0.1",
	                                                  .port = (uint16_t)in->config.value.management_port,
	                                                  .routes = management_routes,
	                                                  .route_count = MANAGEMENT_ROUTES,
	                                                  .ctx = &in->management_ctx,
	                                          });
}

static RC listen_role(struct instance *in)
{
	const struct instance_config *c = &in->config.value;
	struct http_config config = {.loops = c->loops, .workers = c->workers, .metrics = in->metrics};

	TRY(http_server_new(&config, &in->server));
	if (c->api_port != 0)
		TRY(http_server_listen(in->server, &(struct http_listener){
		                                           .name = "api",
		                                           .address = c->api_address,
		                                           .port = (uint16_t)c->api_port,
		                                           .tls = in->tls,
		                                           .routes = in->routes,
		                                           .route_count = in->route_count,
		                                           .ctx = in,
		                                           .identify = frame_identify,
		                                           .identify_ctx = in,
		                                   }));
	if (c->public_port == 0 || in->role->public_route_count == 0)
		return OK;
	return http_server_listen(in->server, &(struct http_listener){
	                                              .name = "public",
	                                              .address = c->public_address,
	                                              .port = (uint16_t)c->public_port,
	                                              .routes = in->role->public_routes,
	                                              .route_count = in->role->public_route_count,
	                                              .ctx = in,
	                                      });
}

/* ---- sandbox ---- */

static uint16_t url_port(const char *url)
{
	const char *colon = url != NULL ? strrchr(url, ':') : NULL;
	uint64_t port = 0;
	size_t len;

	if (colon == NULL)
		return 0;
	len = strspn(colon + 1, "0123456789");
	return rc_ok(text_u64(slice_of(colon + 1, len), 65535, &port)) ? (uint16_t)port : 0;
}

static void ports_of(const struct instance_config *c, uint16_t database, uint16_t listen[4],
                     uint16_t peers[FRAME_PEERS])
{
	const unsigned own[] = {c->api_port, c->public_port, c->management_port};
	const char *urls[] = {c->ca_url,    c->kmc_url, c->mail_url,     c->source_url,
	                      c->vault_url, c->ra_url,  c->directory_url};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (own[i] != 0)
			listen[n++] = (uint16_t)own[i];
	}
	n = 0;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		if (url_port(urls[i]) != 0)
			peers[n++] = url_port(urls[i]);
	}
	if (database != 0)
		peers[n++] = database;
	for (const char *at = c->log_witnesses; at != NULL && n + 1 < FRAME_PEERS; at = strchr(at, ' ')) {
		char url[256];

		at += strspn(at, " ");
		snprintf(url, sizeof(url), "%.*s", (int)strcspn(at, " "), at);
		if (url_port(url) != 0)
			peers[n++] = url_port(url);
	}
}

static RC confine(struct instance *in)
{
	char clock[FRAME_PATH_MAX + 128], trust[FRAME_PATH_MAX + 128], tls[FRAME_PATH_MAX + 128];
	char restored[FRAME_PATH_MAX + 128];
	const char *read[] = {
	        clock, trust, tls, restored, "/dev/urandom", "/etc/localtime", in->database.passfile, NULL};
	const char *write[] = {in->dir, in->config.value.place_first, in->config.value.place_second, NULL};
	uint16_t listen[4] = {0}, peers[FRAME_PEERS] = {0};
	struct sandbox_report report;

	if (in->database.passfile[0] == 0)
		read[6] = NULL;
	if (write[1] == NULL)
		write[1] = write[2];
	if (write[1] == write[2])
		write[2] = NULL;

	snprintf(clock, sizeof(clock), "%s/clock", in->data);
	snprintf(restored, sizeof(restored), "%s/restored", in->data);
	TRY(frame_path(in, "trust", trust));
	TRY(frame_path(in, "tls", tls));
	ports_of(&in->config.value, in->database.port, listen, peers);
	TRY(sandbox_enter(&(struct sandbox){SANDBOX_ROLE, read, write, listen, peers}, &report));
	if (report.note[0] != 0)
		log_line(LOG_WARN, "sandbox", report.note, NULL);
	return OK;
}

/* ---- threads from here on ---- */

static void log_committed(void *arg, bool committed)
{
	struct instance *in = arg;

	if (committed && in->server != NULL && atomic_load(&in->started))
		http_server_wake(in->server, frame_log_key());
}

static void watch_nothing(void *arg)
{
	(void)arg;
}

static RC open_writer(struct instance *in)
{
	char path[FRAME_PATH_MAX + 128];
	AUTO(db_lease, lease, NULL);

	TRY(database_url(in, path));
	db_seal_with(in->first, &in->seal);
	TRY(writer_open(MOVE(in->first), &in->writer));
	if (in->database.shared)
		writer_lease(in->writer, &in->lease);
	TRY(db_pool_open(path, FRAME_READERS, &in->readers));
	db_pool_seal_with(in->readers, &in->seal);
	TRY(db_pool_lease(in->readers, &lease));
	TRY(log_open(in->writer, lease->db, &in->log));
	in->watch = (struct writer_watch){
	        .mark = watch_nothing,
	        .undo = watch_nothing,
	        .end = log_committed,
	        .arg = in,
	};
	writer_watch(in->writer, &in->watch);
	frame_storage_watch(in);
	return OK;
}

RC frame_open(struct instance *in)
{
	TRY(open_config(in));
	TRY(open_database(in));
	TRY(tls_load(in, in->trust));
	TRY(join_routes(in));
	TRY(metrics_new(&in->metrics));
	TRY(metrics_add(in->metrics,
	                &(struct metric_spec){.kind = METRIC_COUNTER,
	                                      .name = "refusals_total",
	                                      .help = "decisions refused"},
	                &in->refusals));
	TRY(listen_management(in));
	TRY(listen_role(in));
	TRY(confine(in));
	TRY(signer_client_open(in->signer_fd, &in->signer));
	TRY(open_writer(in));
	return http_server_start(in->management);
}

static RC open_records(struct instance *in)
{
	char path[FRAME_PATH_MAX + 128];
	AUTO(secret, key, NULL);

	if (in->records != NULL)
		return OK;
	TRY(instance_secret(in, "columns", &in->column_key));
	in->seal.key = in->column_key;
	TRY(frame_path(in, "records", path));
	TRY(instance_secret(in, "records", &key));
	return record_open(path, key->p, &in->records);
}

static void job_failed(void *arg, const char *name, struct rc rc)
{
	(void)rc;
	log_failure(name, NULL);
	instance_alarm(arg, "job-failed", slice_text(name), rc_last()->text);
}

RC frame_begin(struct instance *in)
{
	AUTO(db_lease, lease, NULL);

	TRY(open_records(in));
	if (in->role->start != NULL && !in->role_started)
		TRY(in->role->start(in));
	in->role_started = true;
	frame_restored_tell(in);
	if (in->role->job_count > 0 && in->jobs == NULL) {
		TRY(db_pool_lease(in->readers, &lease));
		TRY(jobs_start(&(struct jobs_setup){.writer = in->writer,
		                                    .table = in->role->jobs,
		                                    .count = in->role->job_count,
		                                    .arg = in,
		                                    .failed = job_failed},
		               lease->db, &in->jobs));
	}
	TRY(http_server_start(in->server));
	return frame_witness_start(in);
}

void frame_close(struct instance *in)
{
	atomic_store(&in->ending, true);
	if (in->role->ending != NULL && in->state != NULL)
		in->role->ending(in);
	if (in->log != NULL)
		log_stop(in->log);
	if (in->server != NULL)
		http_server_stop(in->server);
	if (in->management != NULL)
		http_server_stop(in->management);
	frame_witness_stop(in);
	if (in->jobs != NULL)
		jobs_stop(in->jobs);
	if (in->role->stop != NULL && in->state != NULL)
		in->role->stop(in);
	if (in->writer != NULL)
		writer_close(in->writer);
	http_server_free(in->server);
	http_server_free(in->management);
	for (size_t i = 0; i < in->client_count; i++)
		http_client_free(in->clients[i].client);
	log_close(in->log);
	record_close(in->records);
	if (in->readers != NULL)
		db_pool_close(in->readers);
	db_close(in->first);
	secret_free(in->column_key);
	signer_client_close(in->signer);
	tls_server_free(in->tls);
	metrics_free(in->metrics);
	mem_free(in->routes);
	trust_drop(in->trust);
	config_file_free(&in->config);
}
