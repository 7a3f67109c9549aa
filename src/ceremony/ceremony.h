#ifndef YD_CEREMONY_CEREMONY_H
#define YD_CEREMONY_CEREMONY_H
/* The founding act: no role running, one signer.  Makes organisations, authorities, keys, certificates,
 * trust folders, first grants, authorisation, CPS version 1, RA approvals, and the first log
 * entries of each instance (design.md 9.10).  DIR/ceremony.json holds its state: a DIR with an unfinished
 * ceremony is never started. */
#include "base/rc.h"

struct plan;
struct plat;

struct ceremony_options {
	const char *plan; /* file; NULL: the demonstration plan */
	const char *data; /* DIR, must be empty or absent */
	int base_port;    /* -1: as the plan says */
	bool test_clock;
};
enum ceremony_state { CEREMONY_NONE, CEREMONY_BROKEN, CEREMONY_WAITING, CEREMONY_DONE };
/* What DIR holds: nothing yet, a half-made one, one that waits for a certificate from another root
 * (DIR/requests/ID.csr), or a finished one. */
RC ceremony_look(const char *data, enum ceremony_state *ret);
/* *ret is CEREMONY_DONE or CEREMONY_WAITING. */
RC ceremony_run(const struct ceremony_options *o, enum ceremony_state *ret);
/* The running instances of a plan with their ports and users. */
RC ceremony_layout(const struct plan *plan, unsigned base, struct plat *ret);
/* Takes in the certificate for a key whose request was written out, with the chain above it; finishes
 * the ceremony when it was the last. unlock: the secrets' file; NULL: DIR/demo/unlock. */
struct ceremony_install {
	const char *data, *certificate, *chain, *unlock;
};
RC ceremony_install(const struct ceremony_install *o, enum ceremony_state *ret);

#endif
