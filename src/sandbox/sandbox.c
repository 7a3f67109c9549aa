#include "sandbox/sandbox.h"

#include "sandbox/landlock.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* What every process needs: memory, threads, signals, time, open descriptors, reading files. */
static const int common_calls[] = {
        SCMP_SYS(read),
        SCMP_SYS(write),
        SCMP_SYS(readv),
        SCMP_SYS(writev),
        SCMP_SYS(pread64),
        SCMP_SYS(lseek),
        SCMP_SYS(close),
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),
        SCMP_SYS(stat),
        SCMP_SYS(lstat),
        SCMP_SYS(statx),
        SCMP_SYS(open),
        SCMP_SYS(openat),
        SCMP_SYS(getdents64),
        SCMP_SYS(fcntl),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendmsg),
        SCMP_SYS(recvfrom),
        SCMP_SYS(sendto),
        SCMP_SYS(shutdown),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        SCMP_SYS(mlock),
        SCMP_SYS(mlock2),
        SCMP_SYS(munlock),
        SCMP_SYS(futex),
        SCMP_SYS(set_robust_list),
        SCMP_SYS(rseq),
        SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(membarrier),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_getres),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(nanosleep),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(getrandom),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(tgkill),
        SCMP_SYS(getuid),
        SCMP_SYS(geteuid),
        SCMP_SYS(getgid),
        SCMP_SYS(getegid),
        SCMP_SYS(uname),
        SCMP_SYS(sysinfo),
        SCMP_SYS(getrusage),
};
/* What a role does besides: an event loop, TCP, its database and record store. */
static const int role_calls[] = {
        SCMP_SYS(socketpair),
        SCMP_SYS(bind),
        SCMP_SYS(listen),
        SCMP_SYS(accept),
        SCMP_SYS(accept4),
        SCMP_SYS(connect),
        SCMP_SYS(getsockname),
        SCMP_SYS(getpeername),
        SCMP_SYS(setsockopt),
        SCMP_SYS(getsockopt),
        SCMP_SYS(sendmmsg),
        SCMP_SYS(recvmmsg),
        SCMP_SYS(epoll_create1),
        SCMP_SYS(epoll_ctl),
        SCMP_SYS(epoll_wait),
        SCMP_SYS(epoll_pwait),
        SCMP_SYS(epoll_pwait2),
        SCMP_SYS(select),
        SCMP_SYS(pselect6),
        SCMP_SYS(eventfd2),
        SCMP_SYS(pipe),
        SCMP_SYS(pipe2),
        SCMP_SYS(timerfd_create),
        SCMP_SYS(timerfd_settime),
        SCMP_SYS(signalfd4),
        SCMP_SYS(dup),
        SCMP_SYS(dup2),
        SCMP_SYS(dup3),
        SCMP_SYS(memfd_create),
        SCMP_SYS(pwrite64),
        SCMP_SYS(preadv),
        SCMP_SYS(pwritev),
        SCMP_SYS(ftruncate),
        SCMP_SYS(fallocate),
        SCMP_SYS(fsync),
        SCMP_SYS(fdatasync),
        SCMP_SYS(syncfs), /* the record store */
        SCMP_SYS(sync_file_range),
        SCMP_SYS(unlink),
        SCMP_SYS(unlinkat),
        SCMP_SYS(rename),
        SCMP_SYS(renameat),
        SCMP_SYS(renameat2),
        SCMP_SYS(mkdir),
        SCMP_SYS(mkdirat),
        SCMP_SYS(rmdir),
        SCMP_SYS(fchmod),
        SCMP_SYS(fchown),
        SCMP_SYS(umask),
        SCMP_SYS(utimensat),
        SCMP_SYS(flock),
        SCMP_SYS(access),
        SCMP_SYS(faccessat),
        SCMP_SYS(faccessat2),
        SCMP_SYS(readlink),
        SCMP_SYS(readlinkat),
        SCMP_SYS(getcwd),
        SCMP_SYS(statfs),
        SCMP_SYS(fstatfs),
        SCMP_SYS(sendfile),
        SCMP_SYS(copy_file_range),
        SCMP_SYS(sched_getparam),
        SCMP_SYS(sched_getscheduler),
        SCMP_SYS(getppid),
        SCMP_SYS(msync),
        SCMP_SYS(fadvise64),
        SCMP_SYS(times),
        SCMP_SYS(getcpu),
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static RC allow(scmp_filter_ctx f, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i] >= 0)
			NEED(seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0) == 0, RC_BUG,
			     "sandbox: call %d", calls[i]);
	return OK;
}

static RC allow_if(scmp_filter_ctx f, int call, struct scmp_arg_cmp when)
{
	NEED(seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1, when) == 0, RC_BUG, "sandbox: call %d", call);
	return OK;
}

/* Threads but no processes; memory but none to execute; a thread's name but no other prctl. */
static RC allow_bounded(scmp_filter_ctx f)
{
	TRY(allow_if(f, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)));
	NEED(seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0, RC_BUG,
	     "sandbox: clone3");
	TRY(allow_if(f, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
	TRY(allow_if(f, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
	TRY(allow_if(f, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)));
	/* Reading a limit: no new value given. */
	return allow_if(f, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
}

static RC allow_role(scmp_filter_ctx f)
{
	static const struct {
		unsigned family, type;
	} sockets[] = {
	        {AF_INET, SOCK_STREAM}, {AF_INET6, SOCK_STREAM}, {AF_UNIX, SOCK_STREAM},
	        {AF_INET, SOCK_DGRAM},  {AF_INET6, SOCK_DGRAM},
	};
	TRY(allow(f, role_calls, COUNT(role_calls)));
	for (size_t i = 0; i < COUNT(sockets); i++)
		NEED(seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
		                      SCMP_A0(SCMP_CMP_EQ, sockets[i].family),
		                      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, sockets[i].type)) == 0,
		     RC_BUG, "sandbox: sockets");
	TRY(allow_if(f, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONBIO)));
	TRY(allow_if(f, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD)));
	return allow_if(f, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIOCLEX));
}

static RC load(scmp_filter_ctx f, enum sandbox_kind kind)
{
	TRY(allow(f, common_calls, COUNT(common_calls)));
	TRY(allow_bounded(f));
	if (kind == SANDBOX_ROLE)
		TRY(allow_role(f));
	NEED(seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1) == 0, RC_BUG, "sandbox: filter for all threads");
	int rc = seccomp_load(f);
	NEED(rc == 0, RC_BUSY, "sandbox: the kernel refuses the call filter (%d)", -rc);
	return OK;
}

/* A forbidden call answers EPERM: libraries that probe go on, and a test can tell. */
static RC filter_enter(enum sandbox_kind kind)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	NEED(f != NULL, RC_NOMEM, "sandbox: filter");
	struct rc rc = load(f, kind);
	seccomp_release(f);
	return rc;
}

RC sandbox_harden(void)
{
	struct rlimit none = {0, 0};
	NEED(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, RC_BUG, "sandbox: dumpable");
	NEED(setrlimit(RLIMIT_CORE, &none) == 0, RC_BUG, "sandbox: core limit");
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, RC_BUG, "sandbox: no_new_privs");
	return OK;
}

RC sandbox_enter(const struct sandbox *s, struct sandbox_report *ret)
{
	struct sandbox_report r = {.landlock = landlock_abi()};
	if (r.landlock > 0)
		TRY(landlock_enter(s, r.landlock));
	r.ports = r.landlock >= 4;
	TRY(filter_enter(s->kind));
	r.seccomp = true;
	if (!r.ports)
		snprintf(r.note, sizeof r.note, "%s (Landlock ABI %d)",
		         r.landlock > 0 ? "this kernel has no rules for ports"
		                        : "this kernel has no Landlock",
		         r.landlock);
	*ret = r;
	return OK;
}
