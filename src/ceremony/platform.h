#ifndef YD_CEREMONY_PLATFORM_H
#define YD_CEREMONY_PLATFORM_H
/* DIR/platform.json: the instances of a ceremony, their ports and users.  Ports of instance i are base
 * + 3 i (api), + 1 (public), + 2 (management). */
#include "base/json.h"

#define PLAT_INSTANCES 64
#define PLAT_NAME 63
#define PLAT_PATH 448
#define PLAT_FILE_MAX (256u << 10)
#define PLAT_HOST "127.0.0.1"

struct plat_instance {
	char name[PLAT_NAME + 1], org[PLAT_NAME + 1], role[PLAT_NAME + 1];
	unsigned uid, signer_uid;
	unsigned api, public, management; /* 0: none */
};
struct plat {
	char dir[PLAT_PATH]; /* absolute */
	unsigned base;
	bool test_clock, test_keys;
	size_t count;
	struct plat_instance instance[PLAT_INSTANCES];
};
RC plat_load(const char *dir, struct plat *ret);
RC plat_save(const struct plat *p);
const struct plat_instance *plat_find(const struct plat *p, const char *name);
/* The first instance in that role; NULL when there is none. */
const struct plat_instance *plat_role(const struct plat *p, const char *role);
/* Gives every instance its ports. */
void plat_ports(struct plat *p, unsigned base);
/* Moves DIR to other ports: platform.json, config.yaml of each instance, trust/authorities.json. */
RC plat_rebase(struct plat *p, unsigned base);
/* DIR/endpoints.json. */
RC plat_write_endpoints(const struct plat *p);

#endif
