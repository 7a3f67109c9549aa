#ifndef YD_SUPERVISOR_SUPERVISOR_H
#define YD_SUPERVISOR_SUPERVISOR_H
/* Starts each instance and its signer by fork and exec of this program, hands over their ends of
 * the socketpairs (3 = signer and role, 4 = supervisor), keeps them running, issues their TLS certificates
 * through the organisation's signer, ends them all on SIGINT or SIGTERM. */
#include "base/rc.h"

#define SUPERVISOR_PORT 7440 /* default of --base-port */

struct up_options {
	const char *data;   /* DIR */
	const char *config; /* YAML laid over each instance's, or NULL */
	const char *unlock; /* file name, or decimal descriptor; NULL: locked */
	int base_port;      /* -1: as written in DIR; 0: choose once and keep */
	bool demo;          /* run the demonstration ceremony on an empty DIR */
	bool test_clock;
};
/* Return when everything has ended; RC_OK after a clean end by signal. */
RC supervisor_up(const struct up_options *o);
RC supervisor_serve(const char *instance, const struct up_options *o);
/* Hands the secrets of an unlock file (or descriptor) to the running supervisor of DIR. */
RC supervisor_unlock(const char *data, const char *source);

#endif
