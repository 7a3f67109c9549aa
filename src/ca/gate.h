#ifndef YD_CA_GATE_H
#define YD_CA_GATE_H
/* The issue gate (requirements d.1): a table of conditions, each with its code and article, decided on signed
 * inputs.  All must hold before anything is signed.  Revocation, status and records never come here. */
#include "instance/trust.h"

#define GATE_EVIDENCE_DAYS 90         /* an application older than this is proved anew (G13) */
#define GATE_BACKWARD 300             /* seconds the clock may stand behind what was written last (G17) */
#define GATE_CLOCK_LEAST 1704067200LL /* 2024-01-01: no clock of this program ever stood before it (G17) */

struct gate {
	/* signed: trust folder */
	const struct trust_authorisation *authorisation;
	const struct trust_cps *cps;
	const struct trust_ra *ra;
	const struct trust_profile *profile; /* as the trust folder has it; NULL: unknown */
	const char *institution;             /* whose CA this is */
	/* signed: statements, verified */
	const json_t *application, *approval; /* bodies */
	struct slice entered_by, reviewed_by; /* persons */
	int64_t entered, reviewed;            /* when */
	/* the connection */
	const char *caller; /* instance at the other end, by its certificate */
	/* the CA itself */
	bool holder;         /* the application is signed with the key of the certificate that it follows */
	bool pair;           /* an encryption certificate is to be made */
	bool kmc;            /* a KMC with certificate in force and address is configured */
	bool records_failed; /* the last write to the record store failed just now */
	int64_t restored; /* the CA was put back to an older state then; 0: never */
	int64_t now, latest; /* business time; of the newest thing written */
};

/* Walks the table; the first that does not hold refuses, with its code. */
RC gate_check(const struct gate *g);
/* The table, for tests and for whoever shows it. */
struct gate_row {
	const char *code; /* "G09" */
	const char *article;
	RC (*check)(const struct gate *g);
};
extern const struct gate_row gate_rows[];
extern const size_t gate_row_count;

#endif
