#ifndef YD_INSTANCE_CONFIG_H
#define YD_INSTANCE_CONFIG_H
/* DIR/ORG/ROLE/config.yaml: schema and defaults. */
#include "instance/instance.h"

/* Texts belong to the file; free it after the last use. */
struct config_file {
	struct instance_config *yaml;
	struct instance_config value;
};
RC config_file_load(const char *path, struct config_file *ret);
void config_file_free(struct config_file *f);

#endif
