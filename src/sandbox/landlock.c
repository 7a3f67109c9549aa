#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/landlock.h: access rights and the ABI that brought them. */
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_DIR (1ull << 4)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_DIR (1ull << 7)
#define FS_MAKE_REG (1ull << 8)
#define FS_ABI1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)     /* 2 */
#define FS_TRUNCATE (1ull << 14)  /* 3 */
#define FS_IOCTL_DEV (1ull << 15) /* 5 */
#define NET_BIND (1ull << 0)      /* 4 */
#define NET_CONNECT (1ull << 1)
#define SCOPE_ABSTRACT (1ull << 0) /* 6 */
#define SCOPE_SIGNAL (1ull << 1)

enum { RULE_PATH = 1, RULE_PORT = 2 };
#define VERSION_QUERY 1u

struct ruleset {
	uint64_t fs, net, scoped;
};
struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));
struct port_rule {
	uint64_t allowed, port;
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_QUERY);
	return abi > 0 ? (int)abi : 0;
}

static struct ruleset all_of(int abi)
{
	struct ruleset r = {.fs = FS_ABI1};
	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_BIND | NET_CONNECT;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	return r;
}

/* Older kernels refuse a structure longer than the one they know. */
static size_t size_for(int abi)
{
	return abi >= 6 ? sizeof(struct ruleset) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static RC add_path(int set, const char *path, uint64_t allowed)
{
	const uint64_t of_files = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return OK;
	NEED(fd >= 0 && fstat(fd, &st) == 0, RC_INPUT, "sandbox: cannot open %s", path);
	struct path_rule rule = {.allowed = S_ISDIR(st.st_mode) ? allowed : allowed & of_files, .parent = fd};
	long rc = syscall(SYS_landlock_add_rule, set, RULE_PATH, &rule, 0);
	close(fd);
	NEED(rc == 0, RC_BUG, "sandbox: rule for %s: error %d", path, errno);
	return OK;
}

static RC add_paths(int set, const struct sandbox *s, uint64_t handled)
{
	const uint64_t read = FS_READ_FILE | FS_READ_DIR;
	const uint64_t write = read | FS_WRITE_FILE | FS_REMOVE_FILE | FS_REMOVE_DIR | FS_MAKE_DIR |
	                       FS_MAKE_REG | FS_REFER | FS_TRUNCATE;
	for (const char *const *p = s->read; p != NULL && *p != NULL; p++)
		TRY(add_path(set, *p, read & handled));
	for (const char *const *p = s->write; p != NULL && *p != NULL; p++)
		TRY(add_path(set, *p, write & handled));
	return OK;
}

static RC add_ports(int set, const uint16_t *ports, uint64_t allowed)
{
	for (; ports != NULL && *ports != 0; ports++) {
		struct port_rule rule = {.allowed = allowed, .port = *ports};
		NEED(syscall(SYS_landlock_add_rule, set, RULE_PORT, &rule, 0) == 0, RC_BUG,
		     "sandbox: rule for port %u: error %d", *ports, errno);
	}
	return OK;
}

static RC fill(int set, const struct sandbox *s, const struct ruleset *r)
{
	TRY(add_paths(set, s, r->fs));
	if (r->net != 0) {
		TRY(add_ports(set, s->listen, NET_BIND));
		TRY(add_ports(set, s->connect, NET_CONNECT));
	}
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, RC_BUG, "sandbox: no_new_privs");
	NEED(syscall(SYS_landlock_restrict_self, set, 0) == 0, RC_BUG, "sandbox: restrict: error %d", errno);
	return OK;
}

RC landlock_enter(const struct sandbox *s, int abi)
{
	struct ruleset r = all_of(abi);
	int set = (int)syscall(SYS_landlock_create_ruleset, &r, size_for(abi), 0);
	NEED(set >= 0, RC_BUG, "sandbox: rule set: error %d", errno);
	struct rc rc = fill(set, s, &r);
	close(set);
	return rc;
}
