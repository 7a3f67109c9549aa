#ifndef YD_CLI_REVIEW_H
#define YD_CLI_REVIEW_H
/* What one decision and many have in common. */
#include "cli/officer.h"
#include "pki/profile.h"

/* The approval's body: what will be certified, computed here from the application statement itself.
 * application is the RA's answer, s its statement; *kept (NULL at first, the caller's to free) is the profile
 * of the last one. */
RC review_approval(struct cli *c, struct officer *o, const json_t *application, const struct statement *s,
                   struct profile **kept, json_t *body);
/* A refusal's: code and reason of the command line. */
RC review_refusal(struct cli *c, json_t *body);
RC review_open(const json_t *application, struct statement **ret);
/* review --batch ID --approve | --refuse CODE | --return CODE */
RC review_batch(struct cli *c);

#endif
