#ifndef YD_CA_KEEP_H
#define YD_CA_KEEP_H
/* The record of each issue in the vault, durable before its certificates are signed (R24.2). */
#include "ca/ca.h"

/* Waits for the vault as long as the CA lives.  Returns how many it has, first in items; the others are
 * finished, each with its reason.  All of them without a vault. */
size_t ca_keep(struct ca *c, struct issue **items, size_t n);

#endif
