#ifndef YD_CA_RESTORE_H
#define YD_CA_RESTORE_H
/* Key recovery between RA and KMC (R21.5): the CA looks whether the keys named are the holder's, brings the
 * case to the KMC, and asks with RestoreKeyReq until the recovery agents have agreed.  Nothing is kept here
 * but the log. */
#include "ca/ca.h"
#include "statement/recovery.h"

/* POST /v1/recoveries: {"recovery","decision"} →
 * {"id","state":"waiting"|"released","keys":[{"serial","envelope"}]} */
RC ca_restore(struct ca *c, const json_t *body, json_t **ret);
/* km.c.  Adds {"serial","envelope"} for each key of the case; KM_DUAL while agents are missing. */
RC ca_km_restore(struct ca *c, const struct recovery *r, const struct slice orders[2], json_t *list);

#endif
