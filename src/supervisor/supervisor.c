#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/config.h"
#include "base/frame.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "ceremony/ceremony.h"
#include "ceremony/plan.h"
#include "supervisor/loop.h"
#include "supervisor/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_ROOM 600

/* ---- options: command line over file ---- */
struct up_file {
	char *unlock;
	int base_port;
	bool test_clock;
};
static const cyaml_schema_field_t file_fields[] = {
        CYAML_FIELD_STRING_PTR("unlock", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct up_file, unlock, 0,
                               PLAT_PATH - 1),
        CYAML_FIELD_INT("base_port", CYAML_FLAG_OPTIONAL, struct up_file, base_port),
        CYAML_FIELD_BOOL("test_clock", CYAML_FLAG_OPTIONAL, struct up_file, test_clock),
        CYAML_FIELD_END,
};
static const cyaml_schema_value_t file_schema = {
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct up_file, file_fields),
};

/* The options with the file's values where the command line says nothing. */
struct merged {
	struct up_options o;
	struct up_file *file;
};

static RC merge(const struct up_options *o, struct merged *ret)
{
	void *file = NULL;
	ret->o = *o;
	ret->file = NULL;
	if (o->config == NULL)
		return OK;
	TRY(config_load(o->config, &file_schema, &file));
	ret->file = file;
	if (o->unlock == NULL)
		ret->o.unlock = ret->file->unlock;
	if (o->base_port < 0 && ret->file->base_port > 0)
		ret->o.base_port = ret->file->base_port;
	ret->o.test_clock = o->test_clock || ret->file->test_clock;
	return OK;
}

static void merged_free(struct merged *m)
{
	if (m->file != NULL)
		config_free(&file_schema, m->file);
	m->file = NULL;
}

/* ---- the folder ---- */
static RC absolute(const char *dir, char ret[PLAT_PATH])
{
	char *real = realpath(dir, NULL);
	NEED(real != NULL, RC_NOTFOUND, "%s: no such folder", dir);
	bool fits = strlen(real) < PLAT_PATH;
	if (fits)
		memcpy(ret, real, strlen(real) + 1);
	mem_free(real);
	NEED(fits, RC_INPUT, "%s: path too long", dir);
	return OK;
}

/* The demonstration ceremony on ports that are free. */
static RC found_demo(const struct up_options *o)
{
	AUTO(plan, plan, NULL);
	struct plat p;
	enum ceremony_state state;
	unsigned base = o->base_port > 0 ? (unsigned)o->base_port : SUPERVISOR_PORT;
	TRY(plan_demo(&plan));
	if (o->base_port == 0)
		TRY(ports_choose(plan->instances, &base));
	TRY(ceremony_layout(plan, base, &p));
	TRY(ports_free(&p, PORTS_PATIENCE));
	struct ceremony_options c = {.data = o->data, .base_port = (int)base, .test_clock = o->test_clock};
	return ceremony_run(&c, &state);
}

static RC founded(const struct up_options *o)
{
	enum ceremony_state state;
	TRY(ceremony_look(o->data, &state));
	if (state == CEREMONY_NONE && o->demo)
		return found_demo(o);
	REQUIRE(state != CEREMONY_NONE, CEREMONY_STATE,
	        "%s is empty: run `yuandian ceremony`, or `yuandian up --demo`", o->data);
	REQUIRE(state != CEREMONY_BROKEN, CEREMONY_STATE,
	        "%s: a ceremony broke off here; remove the folder and hold it again", o->data);
	REQUIRE(state != CEREMONY_WAITING, CEREMONY_STATE,
	        "%s: the ceremony waits for a certificate (`yuandian ceremony --install`)", o->data);
	return OK;
}

static RC keep_ports(const struct up_options *o, struct plat *p)
{
	unsigned base = (unsigned)o->base_port;
	/* 0 chooses once: ports that were chosen are kept. */
	if (o->base_port <= 0 || base == p->base)
		return OK;
	log_line(LOG_WARN, "supervisor.ports", "ports move; certificates already issued name the old ones",
	         NULL);
	return plat_rebase(p, base);
}

static RC make_clock(const struct up_options *o, struct plat *p)
{
	char path[PLAT_PATH + 16];
	struct stat st;
	snprintf(path, sizeof path, "%s/clock", p->dir);
	if (!o->test_clock)
		return OK;
	if (stat(path, &st) != 0) {
		TRY(clock_create(path));
		NEED(chmod(path, 0644) == 0, RC_BUSY, "cannot open %s to readers", path);
	}
	if (p->test_clock)
		return OK;
	p->test_clock = true;
	return plat_save(p);
}

/* ---- unlocking ---- */
static RC read_unlock(const char *source, struct supervisor *s)
{
	struct stat st;
	uint64_t fd;
	if (source == NULL) {
		snprintf(s->unlock, sizeof s->unlock, "%s/demo/unlock", s->plat.dir);
		if (stat(s->unlock, &st) != 0)
			s->unlock[0] = 0;
		return OK;
	}
	if (rc_ok(text_u64(slice_text(source), INT_MAX, &fd))) {
		TRY(secrets_read_fd((int)fd, &s->once));
		close((int)fd);
		return OK;
	}
	NEED(strlen(source) < sizeof s->unlock, RC_INPUT, "%s: path too long", source);
	char *real = realpath(source, NULL);
	NEED(real != NULL && strlen(real) < sizeof s->unlock, RC_NOTFOUND, "%s: no such file", source);
	memcpy(s->unlock, real, strlen(real) + 1);
	mem_free(real);
	return OK;
}

/* ---- running ---- */
static void say_ready(const struct supervisor *s)
{
	AUTO_BUF(out, 16384);
	const struct plat_instance *ra = plat_role(&s->plat, "ra");
	const char *dir = s->plat.dir;
	buf_printf(&out, "ready https://" PLAT_HOST ":%u\n", ra != NULL ? ra->api : s->unit[0].it->api);
	for (size_t i = 0; i < s->count; i++) {
		const struct plat_instance *it = s->unit[i].it;
		buf_printf(&out, "%-18s https://" PLAT_HOST ":%u  management http://" PLAT_HOST ":%u",
		           it->name, it->api, it->management);
		if (it->public != 0)
			buf_printf(&out, "  public http://" PLAT_HOST ":%u", it->public);
		buf_text(&out, "\n");
	}
	buf_printf(&out, "data %s  device " KEY_DEVICE_SOFT "  endpoints %s/endpoints.json\n", dir, dir);
	buf_printf(&out,
	           "next: yuandian apply --as %s/demo/entry --profile person --class GOV --csr FILE --data "
	           "FILE.json\n",
	           dir);
	(void)rc_ok(fd_write_all(STDOUT_FILENO, buf_slice(&out), clock_mono_ms() + 1000));
}

static RC block_signals(int *ret)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR, RC_BUG,
	     "signals");
	*ret = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	NEED(*ret >= 0, RC_BUG, "signalfd");
	return OK;
}

static RC take_units(struct supervisor *s, const char *only)
{
	for (size_t i = 0; i < s->plat.count; i++) {
		const struct plat_instance *it = &s->plat.instance[i];
		if (only != NULL && strcmp(only, it->name) != 0)
			continue;
		s->unit[s->count++] = (struct unit){.it = it, .role_end = -1, .channel = -1};
	}
	NEED(s->count > 0, RC_NOTFOUND, "%s: no instance %s", s->plat.dir, only != NULL ? only : "at all");
	return OK;
}

/* Own users need root and a path that they can reach. */
static RC choose_users(struct supervisor *s)
{
	s->launch.users = geteuid() == 0 && rc_ok(view_open(s->plat.dir, &s->view));
	s->launch.dir = s->launch.users ? s->view.path : s->plat.dir;
	if (!s->launch.users)
		log_line(LOG_WARN, "supervisor.users",
		         geteuid() == 0 ? "a folder above the data is closed to other users and cannot be "
		                          "mounted elsewhere: all processes run as root"
		                        : "not root: all processes run as the caller",
		         NULL);
	return owner_apply(&s->plat, s->launch.users);
}

static RC enter(struct supervisor *s, const struct up_options *o, const char *only)
{
	char folder[PLAT_PATH + 128];
	TRY(take_units(s, only));
	snprintf(folder, sizeof folder, "%s%s%s", s->plat.dir, only != NULL ? "/" : "",
	         only != NULL ? only : "");
	TRY(control_lock(s->plat.dir, only != NULL, &s->lock[0]));
	if (only != NULL)
		TRY(control_lock(folder, false, &s->lock[1]));
	if (only == NULL) {
		TRY(keep_ports(o, &s->plat));
		TRY(ports_free(&s->plat, PORTS_PATIENCE));
		TRY(make_clock(o, &s->plat));
		TRY(plat_write_endpoints(&s->plat));
	}
	TRY(read_unlock(o->unlock, s));
	TRY(choose_users(s));
	/* above the descriptors that a child is given in its place */
	int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	s->launch.exe = exe < 0 ? -1 : fcntl(exe, F_DUPFD_CLOEXEC, UNIT_FD_FREE);
	if (exe >= 0)
		close(exe);
	NEED(s->launch.exe >= 0, RC_BUG, "cannot open this program");
	TRY(control_listen(folder, &s->door));
	TRY(block_signals(&s->signals));
	return loop_run(s);
}

static void leave(struct supervisor *s)
{
	const int fds[] = {s->door, s->signals, s->launch.exe, s->lock[0], s->lock[1]};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	view_close(&s->view);
	secrets_free(s->once);
	secrets_free(s->given);
	mem_free(s);
}

static RC run(const struct up_options *o, const char *only)
{
	char dir[PLAT_PATH];
	log_setup("supervisor", LOG_INFO);
	TRY(founded(o));
	TRY(absolute(o->data, dir));
	struct supervisor *s = mem_new(1, sizeof *s);
	NEED(s != NULL, RC_NOMEM, "supervisor");
	*s = (struct supervisor){
	        .door = -1, .signals = -1, .launch = {.exe = -1}, .lock = {-1, -1}, .ready = say_ready};
	struct rc rc = plat_load(dir, &s->plat);
	if (rc_ok(rc))
		rc = enter(s, o, only);
	leave(s);
	return rc;
}

static RC supervise(const struct up_options *o, const char *only)
{
	struct merged m;
	TRY(merge(o, &m));
	struct rc rc = run(&m.o, only);
	merged_free(&m);
	return rc;
}

RC supervisor_up(const struct up_options *o)
{
	return supervise(o, NULL);
}

RC supervisor_serve(const char *instance, const struct up_options *o)
{
	return supervise(o, instance);
}

/* ---- yuandian unlock ---- */
static RC hand_over(const char *folder, struct slice text, size_t *asked)
{
	char answer[ANSWER_ROOM];
	struct rc rc = control_ask(folder, text, answer, sizeof answer);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	++*asked;
	REQUIRE(strncmp(answer, "ok", 2) == 0, KEY_SECRET, "%s", answer);
	return OK;
}

static RC hand_over_all(const struct plat *p, struct slice text)
{
	char folder[PLAT_PATH + 128];
	size_t asked = 0;
	TRY(hand_over(p->dir, text, &asked));
	for (size_t i = 0; i < p->count; i++) {
		snprintf(folder, sizeof folder, "%s/%s", p->dir, p->instance[i].name);
		TRY(hand_over(folder, text, &asked));
	}
	NEED(asked > 0, RC_NOTFOUND, "no supervisor runs on %s", p->dir);
	return OK;
}

RC supervisor_unlock(const char *data, const char *source)
{
	__attribute__((cleanup(buf_free))) struct buf text = BUF_SECRET(SECRETS_FILE_MAX);
	char path[64];
	struct plat p;
	uint64_t fd;
	if (rc_ok(text_u64(slice_text(source), INT_MAX, &fd))) {
		snprintf(path, sizeof path, "/proc/self/fd/%u", (unsigned)fd);
		source = path;
	}
	TRY(file_read(source, SECRETS_FILE_MAX, &text));
	TRY(plat_load(data, &p));
	return hand_over_all(&p, buf_slice(&text));
}
