#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CLOCK_MAGIC 0x79647469636b3031ULL /* "ydtick01" */
#define CLOCK_LIMIT (1LL << 50)           /* of offsets and instants, either way */

/* Mode and offset share one word, so that a reader never sees half a change. */
struct page {
	uint64_t magic;
	_Atomic int64_t setting; /* offset (or instant) * 4 + mode */
	_Atomic uint32_t generation;
};

/* The page of this process: set at start, never moved while others read it. */
static struct page *_Atomic mapped;

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
#define AUTO_FD(name, init) __attribute__((cleanup(close_fd))) int name = (init)

static RC clock_failure(const char *path, const char *what)
{
	char text[128];
	int error = errno;

	FAIL(RC_BUSY, "clock %s: cannot %s: %s", path, what, strerror_r(error, text, sizeof(text)));
}

RC clock_create(const char *path)
{
	AUTO_FD(fd, open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
	struct page page = {.magic = CLOCK_MAGIC};

	if (fd < 0 && errno == EEXIST)
		FAIL(RC_CONFLICT, "clock %s: exists already", path);
	if (fd < 0)
		return clock_failure(path, "create");
	if (fchmod(fd, 0644) != 0 || write(fd, &page, sizeof(page)) != (ssize_t)sizeof(page) ||
	    fsync(fd) != 0)
		return clock_failure(path, "write");
	return OK;
}

static RC map_page(int fd, const char *path, int protection, struct page **ret)
{
	struct stat st;
	struct page *p;

	if (fstat(fd, &st) != 0)
		return clock_failure(path, "stat");
	NEED(S_ISREG(st.st_mode) && st.st_size == (off_t)sizeof(*p), RC_INPUT, "clock %s: wrong size", path);
	p = mmap(NULL, sizeof(*p), protection, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return clock_failure(path, "map");
	if (p->magic != CLOCK_MAGIC) {
		(void)munmap(p, sizeof(*p));
		FAIL(RC_INPUT, "clock %s: not a clock page", path);
	}
	*ret = p;
	return OK;
}

static void unmap(struct page *p)
{
	if (p != NULL)
		(void)munmap(p, sizeof(*p));
}

RC clock_open(const char *path)
{
	AUTO_FD(fd, open(path, O_RDONLY | O_CLOEXEC));
	struct page *p = NULL;

	if (fd < 0 && errno != ENOENT)
		return clock_failure(path, "open");
	if (fd >= 0)
		TRY(map_page(fd, path, PROT_READ, &p));
	unmap(atomic_exchange(&mapped, p));
	return OK;
}

bool clock_is_simulated(void)
{
	return atomic_load(&mapped) != NULL;
}

int64_t clock_real(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

uint64_t clock_mono_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

static int64_t now_by(int64_t setting)
{
	switch ((enum clock_mode)(setting & 3)) {
	case CLOCK_FIXED:
		return setting >> 2;
	case CLOCK_OFFSET:
		return clock_real() + (setting >> 2);
	case CLOCK_REAL:
		break;
	}
	return clock_real();
}

int64_t clock_now(void)
{
	struct page *p = atomic_load_explicit(&mapped, memory_order_acquire);

	return p == NULL ? clock_real() : now_by(atomic_load_explicit(&p->setting, memory_order_acquire));
}

uint32_t clock_generation(void)
{
	struct page *p = atomic_load_explicit(&mapped, memory_order_acquire);

	return p == NULL ? 0 : atomic_load_explicit(&p->generation, memory_order_acquire);
}

/* Locked, because a step reads before it writes. */
static RC change(const char *path, bool absolute, int64_t value)
{
	AUTO_FD(fd, open(path, O_RDWR | O_CLOEXEC));
	struct page *p = NULL;
	int64_t setting, offset;

	NEED(value > -CLOCK_LIMIT && value < CLOCK_LIMIT, RC_INPUT, "clock: out of range");
	if (fd < 0 && errno == ENOENT)
		FAIL(RC_NOTFOUND, "clock %s: this platform has no test clock", path);
	if (fd < 0 || flock(fd, LOCK_EX) != 0)
		return clock_failure(path, "lock");
	TRY(map_page(fd, path, PROT_READ | PROT_WRITE, &p));
	setting = atomic_load(&p->setting);
	offset = (absolute ? value : now_by(setting) + value) - clock_real();
	if ((setting & 3) == CLOCK_OFFSET && !absolute)
		offset = (setting >> 2) + value; /* exact: the second may turn between two readings */
	if (offset > -CLOCK_LIMIT && offset < CLOCK_LIMIT) {
		atomic_store(&p->setting, (int64_t)((uint64_t)offset << 2) | CLOCK_OFFSET);
		atomic_fetch_add(&p->generation, 1);
		unmap(p);
		return OK;
	}
	unmap(p);
	FAIL(RC_INPUT, "clock: out of range");
}

RC clock_set(const char *path, int64_t time)
{
	return change(path, true, time);
}

RC clock_step(const char *path, int64_t seconds)
{
	return change(path, false, seconds);
}
