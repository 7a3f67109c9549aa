#include "signer/channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A peer that stops in the middle of a frame for this long is gone. */
#define INSIDE_MS 60000
#define FDS_MAX 4

union control {
	struct cmsghdr align;
	uint8_t room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* Keeps the first descriptor, closes every other; false when there was more than one in all. */
static bool take_fds(struct msghdr *m, int *fd)
{
	bool fine = (m->msg_flags & MSG_CTRUNC) == 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int got;
			memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
			if (*fd < 0) {
				*fd = got;
			} else {
				close(got);
				fine = false;
			}
		}
	}
	return fine;
}

static RC wait_readable(int socket, int timeout_ms)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};
	int n;
	do {
		n = poll(&p, 1, timeout_ms);
	} while (n < 0 && errno == EINTR);
	NEED(n != 0, RC_BUSY, "signer: deadline");
	NEED(n > 0, RC_BUG, "signer: poll: error %d", errno);
	return OK;
}

static RC read_some(int socket, uint8_t *p, size_t len, int *fd, size_t *got)
{
	union control control;
	struct iovec io = {.iov_base = p, .iov_len = len};
	struct msghdr m = {
	        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n;
	do {
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	NEED(n > 0 || (n < 0 && errno != ECONNRESET), RC_NOTFOUND, "signer: the other side has closed");
	NEED(n > 0, RC_BUSY, "signer: read: error %d", errno);
	*got = (size_t)n;
	NEED(take_fds(&m, fd), RC_INPUT, "signer: more than one descriptor");
	return OK;
}

static RC read_exact(int socket, int first_ms, uint8_t *p, size_t len, int *fd)
{
	size_t done = 0, got = 0;
	while (done < len) {
		TRY(wait_readable(socket, done == 0 ? first_ms : INSIDE_MS));
		struct rc rc = read_some(socket, p + done, len - done, fd, &got);
		if (rc.code == RC_NOTFOUND && done > 0)
			FAIL(RC_INPUT, "signer: the frame is cut off");
		TRY(rc);
		done += got;
	}
	return OK;
}

static RC read_frame(int socket, int timeout_ms, struct signer_header *h, struct buf *body, int *fd)
{
	uint8_t head[SIGNER_HEADER];
	TRY(read_exact(socket, timeout_ms, head, sizeof head, fd));
	TRY(signer_header_read(head, h));
	uint8_t *room = buf_room(body, h->length);
	NEED(room != NULL || h->length == 0, RC_NOMEM, "signer: frame of %u bytes", h->length);
	struct rc rc = read_exact(socket, INSIDE_MS, room, h->length, fd);
	if (rc.code == RC_NOTFOUND)
		FAIL(RC_INPUT, "signer: the frame is cut off");
	TRY(rc);
	body->len += h->length;
	return OK;
}

RC channel_read(int socket, int timeout_ms, struct signer_header *h, struct buf *body, int *fd)
{
	*fd = -1;
	struct rc rc = read_frame(socket, timeout_ms, h, body, fd);
	if (!rc_ok(rc) && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

static RC write_once(int socket, struct iovec *io, int fd, size_t *sent)
{
	union control control = {.room = {0}};
	struct msghdr m = {.msg_iov = io, .msg_iovlen = 2};
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof fd);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	ssize_t n;
	do {
		n = sendmsg(socket, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	REQUIRE(n >= 0, SIGNER_GONE, "signer: write: error %d", errno);
	*sent = (size_t)n;
	return OK;
}

RC channel_write(int socket, struct signer_header h, struct slice body, int fd)
{
	uint8_t head[SIGNER_HEADER];
	size_t done = 0, sent = 0, total = sizeof head + body.len;
	union {
		const uint8_t *in;
		void *out;
	} base = {body.p};
	h.length = (uint32_t)body.len;
	signer_header_write(h, head);
	while (done < total) {
		size_t into = done < sizeof head ? 0 : done - sizeof head;
		struct iovec io[2] = {
		        {head + (done < sizeof head ? done : 0), done < sizeof head ? sizeof head - done : 0},
		        {body.len > 0 ? (uint8_t *)base.out + into : NULL, body.len - into},
		};
		TRY(write_once(socket, io, done == 0 ? fd : -1, &sent));
		done += sent;
	}
	return OK;
}
