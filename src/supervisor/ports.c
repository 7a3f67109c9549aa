#include "supervisor/ports.h"

#include "base/rand.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT_LEAST 20000 /* below the range Linux takes for outgoing connections (32768) */
#define PORT_SPAN 12000
#define PORT_TRIES 200
#define STEP_MS 50

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

static bool stays_taken(unsigned port, unsigned *patience)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	while (port_taken(port)) {
		if (*patience < STEP_MS)
			return true;
		*patience -= STEP_MS;
		nanosleep(&step, NULL);
	}
	return false;
}

RC ports_free(const struct plat *p, unsigned patience)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct plat_instance *it = &p->instance[i];
		const unsigned ports[] = {it->api, it->public, it->management};
		for (size_t k = 0; k < 3; k++)
			REQUIRE(ports[k] == 0 || !stays_taken(ports[k], &patience), PORT_TAKEN,
			        "port %u (%s)", ports[k], it->name);
	}
	return OK;
}
