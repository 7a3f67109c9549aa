#include "instance/config.h"

#include "base/config.h"

#include <unistd.h>

#define PORT(name) CYAML_FIELD_UINT(#name, CYAML_FLAG_OPTIONAL, struct instance_config, name)
#define TEXT(name)                                                                                           \
	CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct instance_config,      \
	                       name, 0, 255)

static const cyaml_schema_field_t fields[] = {
        PORT(api_port),
        PORT(public_port),
        PORT(management_port),
        TEXT(api_address),
        TEXT(public_address),
        TEXT(ca_url),
        TEXT(ca_name),
        TEXT(kmc_url),
        TEXT(kmc_name),
        TEXT(vault_url),
        TEXT(vault_name),
        TEXT(ra_url),
        TEXT(ra_name),
        TEXT(place_first),
        TEXT(place_second),
        TEXT(public_base),
        PORT(workers),
        PORT(loops),
        PORT(crl_delay_ms),
        PORT(crl_period_seconds),
        PORT(standby_keep),
        PORT(standby_fill),
        PORT(session_idle_seconds),
        TEXT(database),
        TEXT(mail_url),
        TEXT(mail_from),
        TEXT(mail_office),
        TEXT(source_url),
        TEXT(source_profiles),
        PORT(refused_days),
        PORT(ocsp_cache_mib),
        PORT(ocsp_cache_seconds),
        PORT(ocsp_preproduced_seconds),
        PORT(ocsp_archive_days),
        TEXT(ocsp_extended_revoked),
        TEXT(ocsp_signed_requests),
        TEXT(directory_url),
        TEXT(directory_base),
        TEXT(directory_bind),
        TEXT(log_witnesses),
        PORT(head_period_seconds),
        CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct instance_config, fields),
};

/* A number that was left out (0) takes its default; every other must lie in its range. */
static const struct limit {
	const char *name;
	size_t offset;
	unsigned least, most, usual;
} limits[] = {
#define LIMIT(name, least, most, usual)                                                                      \
	{                                                                                                    \
#name, offsetof(struct instance_config, name), least, most, usual                            \
	}
        LIMIT(api_port, 0, 65535, 0),
        LIMIT(public_port, 0, 65535, 0),
        LIMIT(management_port, 0, 65535, 0),
        LIMIT(workers, 2, 256, 12),
        LIMIT(loops, 1, 64, 0),
        LIMIT(crl_delay_ms, 10, 60000, 250),
        LIMIT(crl_period_seconds, 60, 366 * 86400, 0),
        LIMIT(standby_keep, 1, 1000000, 512),
        LIMIT(standby_fill, 1, 10000000, 2048),
        LIMIT(session_idle_seconds, 60, 86400, 900),
        LIMIT(refused_days, 1, 36500, 1825),
        LIMIT(ocsp_cache_mib, 1, 1048576, 256),
        LIMIT(ocsp_cache_seconds, 1, 300, 60),
        LIMIT(ocsp_preproduced_seconds, 60, 86400, 0),
        LIMIT(ocsp_archive_days, 1, 36500, 0),
        LIMIT(head_period_seconds, 1, 3600, 60),
#undef LIMIT
};

static unsigned *limit_value(struct instance_config *c, const struct limit *l)
{
	return (unsigned *)(void *)((char *)c + l->offset);
}

static unsigned loops_usual(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 4 ? 4 : (unsigned)n;
}

static RC limits_apply(struct instance_config *c)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		unsigned *v = limit_value(c, &limits[i]);

		if (*v == 0) {
			*v = limits[i].usual;
			continue;
		}
		REQUIRE(*v >= limits[i].least && *v <= limits[i].most, CONFIG, "%s must be %u to %u, not %u",
		        limits[i].name, limits[i].least, limits[i].most, *v);
	}
	if (c->loops == 0)
		c->loops = loops_usual();
	REQUIRE(c->standby_fill >= c->standby_keep, CONFIG, "standby_fill is below standby_keep");
	REQUIRE(c->mail_url == NULL || c->mail_from != NULL, CONFIG, "mail_url needs mail_from");
	return OK;
}

RC config_file_load(const char *path, struct config_file *ret)
{
	static char local[] = "127.0.0.1";
	void *yaml = NULL;
	struct rc rc;

	*ret = (struct config_file){0};
	TRY(config_load(path, &schema, &yaml));
	ret->yaml = yaml;
	ret->value = *ret->yaml;
	if (ret->value.api_address == NULL)
		ret->value.api_address = local;
	if (ret->value.public_address == NULL)
		ret->value.public_address = local;
	rc = limits_apply(&ret->value);
	if (!rc_ok(rc)) {
		config_file_free(ret);
		return rc_note(rc, "%s", path);
	}
	return OK;
}

void config_file_free(struct config_file *f)
{
	if (f->yaml != NULL)
		config_free(&schema, f->yaml);
	*f = (struct config_file){0};
}
