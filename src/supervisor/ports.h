#ifndef YD_SUPERVISOR_PORTS_H
#define YD_SUPERVISOR_PORTS_H
/* Which TCP ports of the loopback address are free. */
#include "ceremony/platform.h"

/* A base such that three ports for each instance are free now. */
RC ports_choose(size_t instances, unsigned *ret);
/* RC_CONFLICT (port-taken) naming the port, after waiting so many milliseconds for its owner to let go. */
RC ports_free(const struct plat *p, unsigned patience);
/* An instance whose supervisor was killed answers what it has begun (http/server.h: drain_ms), then ends. */
#define PORTS_PATIENCE 8000

#endif
