#include "supervisor/ports.h"

#include "base/rand.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_LEAST 20000 /* below the range Linux takes for outgoing connections (32768) */
#define PORT_SPAN 12000
#define PORT_TRIES 200

static bool port_taken(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return true;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	bool taken = bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1) != 0;
	close(fd);
	return taken;
}

RC ports_choose(size_t instances, unsigned *ret)
{
	for (int t = 0; t < PORT_TRIES; t++) {
		uint32_t r;
		bool taken = false;
		TRY(rand_bytes(&r, sizeof r));
		unsigned base = PORT_LEAST + r % PORT_SPAN;
		for (unsigned i = 0; i < 3 * instances && !taken; i++)
			taken = port_taken(base + i);
		if (!taken) {
			*ret = base;
			return OK;
		}
	}
	REFUSE(PORT_TAKEN, "no %zu free ports in a row", 3 * instances);
}

RC ports_free(const struct plat *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct plat_instance *it = &p->instance[i];
		const unsigned ports[] = {it->api, it->public, it->management};
		for (size_t k = 0; k < 3; k++)
			REQUIRE(ports[k] == 0 || !port_taken(ports[k]), PORT_TAKEN, "port %u (%s)", ports[k],
			        it->name);
	}
	return OK;
}
