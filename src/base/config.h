#ifndef YD_BASE_CONFIG_H
#define YD_BASE_CONFIG_H
/* Daemon configuration: YAML by libcyaml under a schema that stands beside the code that uses the
 * values.  Aliases off; an unknown key is an error with its line. */
#include "base/rc.h"
#include <cyaml/cyaml.h>

RC config_load(const char *path, const cyaml_schema_value_t *schema, void **ret);
void config_free(const cyaml_schema_value_t *schema, void *value);

#endif
