#include "base/frame.h"
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

void frame_put(struct buf *b, struct slice body)
{
	if (body.len > FRAME_MAX) {
		b->failed = true;
		return;
	}
	buf_u32be(b, (uint32_t)body.len);
	buf_add(b, body);
}

static uint32_t header_length(const uint8_t p[FRAME_HEADER])
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

RC frame_take(struct slice bytes, size_t max, struct slice *body, size_t *used)
{
	uint32_t len;

	*used = 0;
	if (bytes.len < FRAME_HEADER)
		return OK;
	len = header_length(bytes.p);
	NEED(len <= max && len <= FRAME_MAX, RC_INPUT, "frame: %u bytes announced, %zu allowed", len, max);
	if (bytes.len - FRAME_HEADER < len)
		return OK;
	*body = slice_of(bytes.p + FRAME_HEADER, len);
	*used = FRAME_HEADER + len;
	return OK;
}

/* Until the descriptor is ready for the events, has failed, or the deadline is over. */
static RC wait_ready(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = clock_mono_ms();
		int timeout = -1, n;

		if (deadline_ms != FRAME_FOREVER) {
			REQUIRE(now < deadline_ms, DEADLINE, "frame: the deadline is over");
			timeout = deadline_ms - now > INT_MAX ? INT_MAX : (int)(deadline_ms - now);
		}
		n = poll(&p, 1, timeout);
		if (n > 0)
			return OK;
		NEED(n == 0 || errno == EINTR, RC_BUG, "frame: poll: errno %d", errno);
	}
}

/* *got is what came before a failure. */
static RC read_some(int fd, uint8_t *p, size_t len, uint64_t deadline_ms, size_t *got)
{
	*got = 0;
	while (*got < len) {
		ssize_t n;

		TRY(wait_ready(fd, POLLIN, deadline_ms));
		n = read(fd, p + *got, len - *got);
		NEED(n != 0, RC_INPUT, "frame: the other side closed after %zu of %zu bytes", *got, len);
		if (n > 0)
			*got += (size_t)n;
		else
			NEED(errno == EINTR || errno == EAGAIN, RC_INPUT, "frame: read: errno %d", errno);
	}
	return OK;
}

RC fd_read_exact(int fd, void *p, size_t len, uint64_t deadline_ms)
{
	size_t got;

	return read_some(fd, p, len, deadline_ms, &got);
}

RC fd_write_all(int fd, struct slice s, uint64_t deadline_ms)
{
	bool plain = false;

	while (s.len > 0) {
		ssize_t n;

		TRY(wait_ready(fd, POLLOUT, deadline_ms));
		/* MSG_DONTWAIT: a blocking socket must not swallow the deadline inside one large write. */
		n = plain ? write(fd, s.p, s.len) : send(fd, s.p, s.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			s = slice_of(s.p + n, s.len - (size_t)n);
		} else if (errno == ENOTSOCK && !plain) {
			plain = true;
		} else {
			NEED(errno == EINTR || errno == EAGAIN, RC_INPUT, "frame: write: errno %d", errno);
		}
	}
	return OK;
}

RC frame_read(int fd, size_t max, uint64_t deadline_ms, struct buf *ret)
{
	uint8_t header[FRAME_HEADER], *p;
	struct rc rc;
	uint32_t len;
	size_t got;

	rc = read_some(fd, header, sizeof(header), deadline_ms, &got);
	NEED(rc_ok(rc) || got > 0 || rc.code != RC_INPUT, RC_NOTFOUND, "frame: the other side has closed");
	TRY(rc);
	len = header_length(header);
	NEED(len <= max && len <= FRAME_MAX, RC_INPUT, "frame: %u bytes announced, %zu allowed", len, max);
	p = buf_room(ret, len);
	NEED(p != NULL, RC_NOMEM, "frame: no room for %u bytes", len);
	TRY(read_some(fd, p, len, deadline_ms, &got));
	ret->len += len;
	return OK;
}

RC frame_write(int fd, struct slice body, uint64_t deadline_ms)
{
	AUTO_BUF(b, FRAME_MAX + FRAME_HEADER);

	frame_put(&b, body);
	TRY(buf_done(&b));
	return fd_write_all(fd, buf_slice(&b), deadline_ms);
}
