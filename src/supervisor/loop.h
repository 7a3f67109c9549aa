#ifndef YD_SUPERVISOR_LOOP_H
#define YD_SUPERVISOR_LOOP_H
/* The supervisor's one thread: units, signals, the control door. */
#include "supervisor/control.h"
#include "supervisor/unit.h"

struct supervisor {
	struct plat plat;
	struct launch launch;
	struct view view; /* what launch.dir points into */
	size_t count;
	struct unit unit[PLAT_INSTANCES];
	char unlock[PLAT_PATH + 16]; /* file to read again at each start of a signer; "" none */
	struct secrets *once;        /* from a descriptor; dropped after the first start */
	int signals, door, lock[2];
	/* An unlocking under way: secrets are kept until every signer has taken its own, CONTROL_HOLD_MS at
	 * most, so that one which is just restarting gets it too. */
	struct secrets *given;
	int caller;
	uint64_t given_until;
	bool ending, announced;
	/* Called once, when every unit is ready for the first time. */
	void (*ready)(const struct supervisor *s);
};
/* Until every child has ended after SIGINT or SIGTERM. */
RC loop_run(struct supervisor *s);

#endif
