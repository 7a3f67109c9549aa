#ifndef YD_SIGNER_SIGNER_H
#define YD_SIGNER_SIGNER_H
/* The private-key process.  It links neither HTTP nor SQL, keeps no state, opens no socket, and
 * decides on signed structures only (design.md 2). */
#include "base/rc.h"
#include "signer/protocol.h"

struct signer_options {
	const char *name; /* "shifan/ca" */
	const char *data; /* DIR */
	int role_fd, control_fd;
	bool sandboxed; /* false in tests only */
};
/* Serves both channels until both are closed or the process is told to end. */
RC signer_main(const struct signer_options *o);

#endif
