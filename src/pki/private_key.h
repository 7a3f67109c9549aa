#ifndef YD_PKI_PRIVATE_KEY_H
#define YD_PKI_PRIVATE_KEY_H
/* Shared by the sources of pkcs8.h. */
#include "pki/pkcs8.h"

struct ec_parts {
	enum oid curve;
	uint8_t d[32];
	struct slice point;
};
/* ECPrivateKey (RFC 5915) on its own. */
RC sec1_parse(struct slice der, struct private_key *ret);

#endif
