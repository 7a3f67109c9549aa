#include "base/log.h"
#include "base/text.h"
#include "base/clock.h"
#include "instance/frame.h"
#include "sandbox/sandbox.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TICK_MS 200 /* while not ready */
#define TICK_READY_MS 30000
#define TICK_SHARED_MS 1000 /* a host that was replaced notices soon */

/* ---- what a role asks its instance for ---- */

const char *instance_name(const struct instance *in)
{
	return in->name;
}

const char *instance_org(const struct instance *in)
{
	return in->org;
}

const char *instance_role(const struct instance *in)
{
	return in->role->name;
}

const char *instance_dir(const struct instance *in)
{
	return in->dir;
}

const char *instance_data(const struct instance *in)
{
	return in->data;
}

const struct instance_config *instance_config(const struct instance *in)
{
	return &in->config.value;
}

struct db_pool *instance_readers(struct instance *in)
{
	return in->readers;
}

struct writer *instance_writer(struct instance *in)
{
	return in->writer;
}

struct log *instance_log(struct instance *in)
{
	return in->log;
}

struct signer_client *instance_signer(struct instance *in)
{
	return in->signer;
}

struct record_store *instance_records(struct instance *in)
{
	return in->records;
}

struct jobs *instance_jobs(struct instance *in)
{
	return in->jobs;
}

bool instance_ending(const struct instance *in)
{
	return atomic_load(&in->ending);
}

void *instance_state(struct instance *in)
{
	return in->state;
}

void instance_set_state(struct instance *in, void *state)
{
	in->state = state;
}

void instance_wake(struct instance *in, uint64_t key)
{
	if (in->server != NULL)
		http_server_wake(in->server, key);
}

struct trust *instance_trust(struct instance *in)
{
	struct trust *t;

	pthread_mutex_lock(&in->trust_lock);
	t = trust_hold(in->trust);
	pthread_mutex_unlock(&in->trust_lock);
	return t;
}

RC instance_secret(struct instance *in, const char *label, struct secret **ret)
{
	struct slice data = slice_text(label);
	AUTO(secret, s, secret_new(RECORD_KEY));
	uint8_t value[1][16];
	struct rc rc;

	NEED(s != NULL, RC_NOMEM, "no locked memory for a key");
	rc = signer_prf(in->signer, &data, value, 1);
	if (rc_ok(rc))
		memcpy(s->p, value[0], RECORD_KEY);
	wipe(value, sizeof(value));
	if (rc_ok(rc))
		*ret = MOVE(s);
	return rc;
}

RC frame_path(const struct instance *in, const char *tail, char ret[FRAME_PATH_MAX + 128])
{
	int n = snprintf(ret, FRAME_PATH_MAX + 128, "%s/%s", in->dir, tail);

	NEED(n > 0 && n < FRAME_PATH_MAX + 128, RC_INPUT, "the data folder's name is too long");
	return OK;
}

/* ---- start and end ---- */

/* "organisation/role[-N]": the role must be the one this program was asked to be. */
static RC name_split(struct instance *in, const char *name)
{
	const char *slash = strchr(name, '/');
	size_t role = strlen(in->role->name);

	NEED(strlen(name) <= INSTANCE_NAME_MAX && slash != NULL && slash - name <= TRUST_ID_MAX &&
	             slash > name,
	     RC_INPUT, "an instance is named organisation/role, not %s", name);
	NEED(strncmp(slash + 1, in->role->name, role) == 0 &&
	             (slash[1 + role] == 0 || slash[1 + role] == '-') && strchr(slash + 1, '/') == NULL &&
	             name[0] != '.',
	     RC_INPUT, "%s is no instance of the role %s", name, in->role->name);
	memcpy(in->name, name, strlen(name) + 1);
	memcpy(in->org, name, (size_t)(slash - name));
	return OK;
}

static RC setup(struct instance *in, const char *name, const char *data_dir)
{
	int n;

	TRY(name_split(in, name));
	n = snprintf(in->data, sizeof(in->data), "%s", data_dir);
	NEED(n > 0 && (size_t)n < sizeof(in->data), RC_INPUT, "the data folder's name is too long");
	snprintf(in->dir, sizeof(in->dir), "%s/%s", in->data, in->name);
	log_setup(in->name, LOG_INFO);
	return frame_open(in);
}

static bool ready_now(struct instance *in)
{
	const char *name = "";

	if (!atomic_load(&in->started))
		return false;
	for (size_t i = 0;; i++) {
		struct rc rc = frame_ready(in, i, &name);

		if (name == NULL)
			return true;
		if (!rc_ok(rc))
			return false;
	}
}

static void tell_supervisor(struct instance *in)
{
	static const char line[] = "ready\n";

	log_line(LOG_INFO, "ready", "serving", NULL);
	if (in->supervisor_fd >= 0 &&
	    write(in->supervisor_fd, line, sizeof(line) - 1) != (ssize_t)sizeof(line) - 1)
		log_line(LOG_WARN, "supervisor", "the supervisor does not listen", NULL);
}

/* The signer has to be unlocked before a role can seal or sign anything. */
static RC try_begin(struct instance *in)
{
	struct signer_info *info = mem_new(1, sizeof(*info));
	struct rc rc;

	NEED(info != NULL, RC_NOMEM, "no memory");
	rc = signer_info(in->signer, info);
	if (rc_ok(rc) && !info->unlocked)
		rc = rc_refuse(ERR_SIGNER_LOCKED, "waiting for the signer to be unlocked");
	mem_free(info);
	TRY(rc);
	TRY(frame_begin(in));
	atomic_store(&in->started, true);
	return OK;
}

/* False: time to end, by a signal or because the supervisor is gone. */
static bool wait_signal(struct instance *in, int signals, unsigned ms, bool *reload)
{
	struct pollfd p[2] = {{.fd = signals, .events = POLLIN}, {.fd = in->supervisor_fd}};
	struct signalfd_siginfo info = {0};

	*reload = false;
	if (poll(p, in->supervisor_fd >= 0 ? 2 : 1, (int)ms) <= 0)
		return true;
	if ((p[1].revents & (POLLHUP | POLLERR)) != 0)
		return false;
	if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return true;
	*reload = info.ssi_signo == SIGHUP;
	return *reload;
}

static RC serve(struct instance *in, int signals)
{
	unsigned tick = in->database.shared ? TICK_SHARED_MS : TICK_READY_MS;
	bool told = false, reload = false;

	do {
		if (reload && !rc_ok(frame_reload(in)))
			log_failure("reload", NULL);
		if (!atomic_load(&in->started)) {
			struct rc rc = try_begin(in);

			if (rc.code != RC_OK && rc.code != RC_BUSY)
				return rc;
		}
		if (!told && ready_now(in)) {
			told = true;
			tell_supervisor(in);
		}
		NEED(!writer_fenced(in->writer), RC_BUSY, "another host has taken over the database");
	} while (wait_signal(in, signals, told ? tick : TICK_MS, &reload));
	return OK;
}

int instance_main(const char *name, const char *data_dir, const struct role *role)
{
	struct instance *in = mem_new(1, sizeof(*in));
	sigset_t set;
	int signals;
	struct rc rc;

	if (in == NULL)
		return 1;
	in->role = role;
	in->signer_fd = INSTANCE_FD_SIGNER;
	in->supervisor_fd = INSTANCE_FD_SUPERVISOR;
	pthread_mutex_init(&in->trust_lock, NULL);
	pthread_mutex_init(&in->head_lock, NULL);
	pthread_mutex_init(&in->clients_lock, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	rc = sandbox_harden();
	if (rc_ok(rc))
		rc = setup(in, name, data_dir);
	if (rc_ok(rc))
		rc = serve(in, signals);
	if (!rc_ok(rc))
		log_failure("instance", NULL);
	frame_close(in);
	if (signals >= 0)
		close(signals);
	pthread_mutex_destroy(&in->trust_lock);
	pthread_mutex_destroy(&in->head_lock);
	pthread_mutex_destroy(&in->clients_lock);
	mem_free(in);
	log_line(LOG_INFO, "ended", rc_ok(rc) ? "clean" : "after a failure", NULL);
	return rc_ok(rc) ? 0 : 1;
}
