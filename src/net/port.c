#include "net/private.h"
#include "base/mem.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

static RC parse_address(const char *text, uint16_t port, struct sockaddr_storage *ret, socklen_t *len)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(ret, 0, sizeof(*ret));
	if (uv_ip4_addr(text, port, &v4) == 0) {
		memcpy(ret, &v4, sizeof(v4));
		*len = sizeof(v4);
		return OK;
	}
	NEED(uv_ip6_addr(text, port, &v6) == 0, RC_INPUT, "listen: %s is not a numeric address", text);
	memcpy(ret, &v6, sizeof(v6));
	*len = sizeof(v6);
	return OK;
}

static RC bound_port(int fd, uint16_t *ret)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	NEED(getsockname(fd, (struct sockaddr *)&a, &len) == 0, RC_BUG, "listen: errno %d", errno);
	*ret = ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
	                                     : ((struct sockaddr_in *)&a)->sin_port);
	return OK;
}

/* The first socket is bound without SO_REUSEPORT, so that a second platform of the same user meets
 * a taken port instead of sharing it; the option is set afterwards for the sockets of our other loops. */
static RC open_socket(const struct net_port_config *c, uint16_t port, bool first, int *ret)
{
	struct sockaddr_storage a;
	socklen_t len = 0;
	int fd, on = 1, e;

	TRY(parse_address(c->address, port, &a, &len));
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	NEED(fd >= 0, RC_BUSY, "listen: socket: errno %d", errno);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!first)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, len) != 0 ||
	    (first && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
	    listen(fd, BACKLOG) != 0) {
		e = errno;
		(void)close(fd);
		REQUIRE(e != EADDRINUSE, PORT_TAKEN, "listen: %s port %u is taken", c->address, port);
		FAIL(RC_INPUT, "listen: %s port %u: errno %d", c->address, port, e);
	}
	*ret = fd;
	return OK;
}

RC net_port_new(const struct net_port_config *c, unsigned loops, struct net_port **ret)
{
	AUTO(net_port, p, mem_new(1, sizeof(*p)));
	unsigned i;

	NEED(p != NULL, RC_NOMEM, "listen: no memory");
	NEED(loops > 0 && loops <= NET_LOOPS_MAX, RC_BUG, "listen: %u loops", loops);
	p->config = *c;
	p->number = c->port;
	for (i = 0; i < loops; i++) {
		TRY(open_socket(c, p->number, i == 0, &p->fds[i]));
		p->count = i + 1;
		if (i == 0)
			TRY(bound_port(p->fds[0], &p->number));
	}
	*ret = MOVE(p);
	return OK;
}

static void on_connection(uv_stream_t *server, int status)
{
	if (status == 0)
		net_conn_accept(server->data);
}

static RC listener_open(struct net_listener *n, struct net_port *p, unsigned index)
{
	int e = uv_tcp_open(&n->tcp, p->fds[index]);

	NEED(e == 0, RC_BUG, "listen: %s", uv_strerror(e));
	p->fds[index] = -1;
	e = uv_listen((uv_stream_t *)&n->tcp, BACKLOG, on_connection);
	NEED(e == 0, RC_BUSY, "listen: %s", uv_strerror(e));
	return OK;
}

RC net_port_attach(struct net_port *p, unsigned index, struct net_loop *l)
{
	struct net_listener *n;

	NEED(index < p->count && l->listener_count < LOOP_PORTS && !l->running, RC_BUG, "listen: too late");
	n = mem_new(1, sizeof(*n));
	NEED(n != NULL, RC_NOMEM, "listen: no memory");
	n->port = p;
	n->loop = l;
	(void)uv_tcp_init(&l->uv, &n->tcp);
	n->tcp.data = n;
	l->listeners[l->listener_count++] = n; /* closed with the loop, whatever comes */
	return listener_open(n, p, index);
}

uint16_t net_port_number(const struct net_port *p)
{
	return p->number;
}

void *net_port_ctx(const struct net_port *p)
{
	return p->config.ctx;
}

void net_port_free(struct net_port *p)
{
	unsigned i;

	if (p == NULL)
		return;
	for (i = 0; i < p->count; i++)
		if (p->fds[i] >= 0)
			(void)close(p->fds[i]);
	mem_free(p);
}
