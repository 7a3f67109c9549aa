#include "bench/load.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "bench/measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUCKET_US 10 /* of the times; the last bucket takes all that are longer */
#define BUCKETS 50000
#define CONNECT_SECONDS 20
#define STILL_SECONDS 10 /* nothing comes any more */

struct channel {
	int fd;
	uint64_t sent_us;
	size_t got;
	uint8_t in[LOAD_ANSWER_MAX];
};
struct run {
	const struct load *l;
	int poll;
	bool counting;
	uint32_t *buckets;
	struct channel *channel;
	struct load_result *result;
};

static RC dial(const struct load *l, int *ret)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(l->port)};
	struct timeval limit = {.tv_sec = CONNECT_SECONDS};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	NEED(fd >= 0, RC_BUSY, "bench: no socket");
	*ret = fd;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	NEED(inet_pton(AF_INET, l->address, &to.sin_addr) == 1, RC_INPUT, "bench: %s", l->address);
	NEED(connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0, RC_BUSY,
	     "bench: nobody listens at %s:%u", l->address, l->port);
	return OK;
}

static RC ask(struct run *r, struct channel *c)
{
	uint8_t room[LOAD_REQUEST_MAX];
	size_t len = r->l->next(r->l->arg, room);

	c->got = 0;
	c->sent_us = clock_mono_us();
	NEED(send(c->fd, room, len, MSG_NOSIGNAL) == (ssize_t)len, RC_BUSY,
	     "bench: the server takes no request");
	return OK;
}

/* Length of the whole answer; 0: its head is not there yet. */
static size_t whole(const struct channel *c, size_t *head)
{
	const uint8_t *end = memmem(c->in, c->got, "\r\n\r\n", 4), *p;
	size_t n = 0;

	if (end == NULL)
		return 0;
	*head = (size_t)(end - c->in) + 4;
	p = memmem(c->in, *head, "Content-Length: ", 16);
	for (p = p != NULL ? p + 16 : end; *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (size_t)(*p - '0');
	return *head + n;
}

static void count(struct run *r, const struct channel *c, size_t head, size_t len)
{
	uint64_t took = (clock_mono_us() - c->sent_us) / BUCKET_US;
	bool good = memcmp(c->in, "HTTP/1.1 200", 12) == 0;

	if (good && r->l->judge != NULL)
		good = r->l->judge(r->l->arg, slice_of(c->in + head, len - head));
	if (!r->counting)
		return;
	r->buckets[took < BUCKETS ? took : BUCKETS - 1]++;
	r->result->answers++;
	r->result->errors += !good;
}

static RC heard(struct run *r, struct channel *c)
{
	ssize_t n = recv(c->fd, c->in + c->got, sizeof(c->in) - c->got, MSG_DONTWAIT);
	size_t head = 0, len;

	if (n < 0 && errno == EAGAIN)
		return OK;
	NEED(n > 0, RC_BUSY, "bench: the server ended a connection");
	c->got += (size_t)n;
	len = whole(c, &head);
	NEED(len <= sizeof(c->in) && c->got < sizeof(c->in), RC_INPUT, "bench: the answer is too long");
	if (len == 0 || c->got < len)
		return OK;
	count(r, c, head, len);
	return ask(r, c);
}

static RC spin(struct run *r, double until)
{
	struct epoll_event e[LOAD_CONNECTIONS];

	while (seconds_now() < until) {
		int n = epoll_wait(r->poll, e, LOAD_CONNECTIONS, STILL_SECONDS * 1000);

		NEED(n > 0, RC_BUSY, "bench: no answers come");
		for (int i = 0; i < n; i++)
			TRY(heard(r, e[i].data.ptr));
	}
	return OK;
}

static double percentile(const struct run *r, double share)
{
	size_t want = (size_t)(share * (double)r->result->answers), seen = 0, i = 0;

	for (; i < BUCKETS - 1 && seen + r->buckets[i] <= want; i++)
		seen += r->buckets[i];
	return (double)(i + 1) * BUCKET_US / 1000;
}

static RC open_all(struct run *r)
{
	for (size_t i = 0; i < r->l->connections; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &r->channel[i]};

		TRY(dial(r->l, &r->channel[i].fd));
		NEED(epoll_ctl(r->poll, EPOLL_CTL_ADD, r->channel[i].fd, &e) == 0, RC_BUSY, "bench: epoll");
	}
	for (size_t i = 0; i < r->l->connections; i++)
		TRY(ask(r, &r->channel[i]));
	return OK;
}

static RC drive(struct run *r)
{
	double from;

	TRY(open_all(r));
	TRY(spin(r, seconds_now() + r->l->warm));
	r->counting = true;
	from = seconds_now();
	TRY(spin(r, from + r->l->window));
	r->result->rate = (double)r->result->answers / (seconds_now() - from);
	r->result->p50_ms = percentile(r, 0.5);
	r->result->p99_ms = percentile(r, 0.99);
	return OK;
}

RC load_run(const struct load *l, struct load_result *ret)
{
	AUTO_MEM(struct channel, channel, mem_new(l->connections, sizeof(*channel)));
	AUTO_MEM(uint32_t, buckets, mem_new(BUCKETS, sizeof(*buckets)));
	struct run r = {.l = l, .channel = channel, .buckets = buckets, .result = ret};
	struct rc rc;

	NEED(channel != NULL && buckets != NULL, RC_NOMEM, "bench: no memory");
	NEED(l->connections <= LOAD_CONNECTIONS, RC_INPUT, "bench: %zu connections", l->connections);
	*ret = (struct load_result){0};
	for (size_t i = 0; i < l->connections; i++)
		channel[i].fd = -1;
	r.poll = epoll_create1(EPOLL_CLOEXEC);
	rc = r.poll >= 0 ? drive(&r) : rc_fail(RC_BUSY, "bench: epoll");
	for (size_t i = 0; i < l->connections; i++)
		if (channel[i].fd >= 0)
			(void)close(channel[i].fd);
	if (r.poll >= 0)
		(void)close(r.poll);
	return rc;
}
