#ifndef TESTS_HTTP_TESTING_H
#define TESTS_HTTP_TESTING_H
/* For tests of servers: plain sockets on loopback, answers taken apart by hand. */
#include "base/buf.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TESTING_PATIENCE 20 /* seconds until a silent server fails the test */

struct heard {
	unsigned status;
	struct buf bytes; /* head and body */
	size_t head;
};
#define HEARD ((struct heard){.bytes = BUF(64u << 20)})

static inline void heard_free(struct heard *h)
{
	buf_free(&h->bytes);
}
#define AUTO_HEARD(name) __attribute__((cleanup(heard_free))) struct heard name = HEARD

static inline int dial_from(const char *from, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)}, me = {.sin_family = AF_INET};
	struct timeval patience = {.tv_sec = TESTING_PATIENCE};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	(void)inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	(void)inet_pton(AF_INET, from, &me.sin_addr);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) != 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static inline int dial(uint16_t port)
{
	int fd = dial_from("127.0.0.1", port);

	assert(fd >= 0);
	return fd;
}

/* False when the peer has gone. */
static inline bool say_bytes(int fd, struct slice s)
{
	while (s.len > 0) {
		ssize_t n = send(fd, s.p, s.len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		s = slice_of(s.p + n, s.len - (size_t)n);
	}
	return true;
}

static inline bool say(int fd, const char *text)
{
	return say_bytes(fd, slice_text(text));
}

/* More bytes; 0 at the end, -1 when reset or silent for too long (errno). */
static inline ssize_t listen_more(int fd, struct buf *b)
{
	uint8_t *p = buf_room(b, 65536);
	ssize_t n;

	assert(p != NULL);
	n = recv(fd, p, 65536, 0);
	if (n > 0)
		b->len += (size_t)n;
	return n;
}

static inline const char *find_text(struct slice s, const char *text)
{
	return s.len > 0 ? memmem(s.p, s.len, text, strlen(text)) : NULL;
}

/* Exactly one answer, byte by byte where needed so that the next stays in the socket.  False: none came. */
static inline bool hear(int fd, struct heard *h, bool head_only)
{
	const char *length;
	size_t want;

	buf_clear(&h->bytes);
	h->status = 0;
	do {
		uint8_t c;

		if (recv(fd, &c, 1, 0) != 1)
			return false;
		buf_u8(&h->bytes, c);
	} while (h->bytes.len < 4 || memcmp(h->bytes.p + h->bytes.len - 4, "\r\n\r\n", 4) != 0);
	h->head = h->bytes.len;
	if (memcmp(h->bytes.p, "HTTP/1.1 ", 9) != 0)
		return false;
	h->status = (unsigned)strtoul((const char *)h->bytes.p + 9, NULL, 10);
	length = find_text(buf_slice(&h->bytes), "\r\nContent-Length: ");
	want = length != NULL && !head_only ? strtoul(length + 18, NULL, 10) : 0;
	while (h->bytes.len - h->head < want) {
		uint8_t *p = buf_room(&h->bytes, want);
		ssize_t n;

		assert(p != NULL);
		n = recv(fd, p, want - (h->bytes.len - h->head), 0);
		if (n <= 0)
			return false;
		h->bytes.len += (size_t)n;
	}
	return true;
}

static inline struct slice heard_body(const struct heard *h)
{
	return slice_of(h->bytes.p + h->head, h->bytes.len - h->head);
}

static inline bool heard_has(const struct heard *h, const char *text)
{
	return find_text(buf_slice(&h->bytes), text) != NULL;
}

/* Says the text on a new connection, closes the sending side if asked, hears until the end.  Statuses of
 * all answers, at most max. */
static inline size_t exchange_raw(uint16_t port, struct slice text, bool shut, unsigned *codes, size_t max)
{
	struct buf all = BUF(64u << 20);
	int fd = dial(port);
	const char *at;
	size_t n = 0;

	(void)say_bytes(fd, text);
	if (shut)
		(void)shutdown(fd, SHUT_WR);
	while (listen_more(fd, &all) > 0)
		;
	(void)close(fd);
	for (at = buf_cstr(&all); n < max && (at = strstr(at, "HTTP/1.1 ")) != NULL; at += 9)
		if (at[9] >= '1' && at[9] <= '5') /* not where a text speaks of HTTP/1.1 */
			codes[n++] = (unsigned)strtoul(at + 9, NULL, 10);
	buf_free(&all);
	return n;
}

#endif
