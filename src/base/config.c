#include "base/config.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define CONFIG_MAX (256u << 10)
#define CONFIG_TEXT 320

struct messages {
	char text[CONFIG_TEXT];
	size_t len;
};

/* libcyaml tells what is wrong first, then a backtrace with the lines: both are kept. */
static void __attribute__((format(printf, 3, 0)))
collect(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
	struct messages *m = ctx;
	int n;

	if (level < CYAML_LOG_ERROR || m->len + 3 >= sizeof(m->text))
		return;
	n = vsnprintf(m->text + m->len, sizeof(m->text) - m->len, fmt, ap);
	if (n < 0)
		return;
	m->len += (size_t)n;
	if (m->len > sizeof(m->text) - 1)
		m->len = sizeof(m->text) - 1;
	while (m->len > 0 && m->text[m->len - 1] == '\n')
		m->text[--m->len] = ' ';
	if (m->len < sizeof(m->text) - 1)
		m->text[m->len++] = ' ';
	m->text[m->len] = '\0';
}

static cyaml_config_t settings(struct messages *m)
{
	return (cyaml_config_t){
	        .log_fn = collect,
	        .log_ctx = m,
	        .log_level = CYAML_LOG_ERROR,
	        .mem_fn = cyaml_mem,
	        .flags = CYAML_CFG_NO_ALIAS,
	};
}

/* libcyaml gives an unknown key the line of what stands before it: the right one is the first line
 * that starts with the key.  0 when the failure is another one. */
static unsigned line_of_unknown_key(const char *text, const char *message, struct slice *key)
{
	static const char says[] = "Unexpected key: ";
	const char *found = strstr(message, says), *line;
	unsigned n = 1;

	if (found == NULL)
		return 0;
	found += sizeof(says) - 1;
	*key = slice_of(found, strcspn(found, " "));
	for (line = text; line != NULL; n++) {
		const char *start = line + strspn(line, " \t-\"'");

		if (strncmp(start, found, key->len) == 0 && strchr(": \"'\t", start[key->len]) != NULL)
			return n;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return 0;
}

RC config_load(const char *path, const cyaml_schema_value_t *schema, void **ret)
{
	struct messages m = {0};
	cyaml_config_t config = settings(&m);
	cyaml_data_t *data = NULL;
	struct slice key;
	cyaml_err_t error;
	unsigned line;
	AUTO_BUF(text, CONFIG_MAX);

	TRY(file_read(path, CONFIG_MAX, &text));
	error = cyaml_load_data((const uint8_t *)buf_cstr(&text), text.len, &config, schema, &data, NULL);
	NEED(error != CYAML_ERR_OOM, RC_NOMEM, "%s: out of memory", path);
	line = line_of_unknown_key(buf_cstr(&text), m.text, &key);
	REQUIRE(line == 0, CONFIG, "%s: line: %u: unknown key %.*s", path, line, (int)key.len,
	        (const char *)key.p);
	REQUIRE(error == CYAML_OK && data != NULL, CONFIG, "%s: %s: %s", path, cyaml_strerror(error), m.text);
	*ret = data;
	return OK;
}

void config_free(const cyaml_schema_value_t *schema, void *value)
{
	struct messages m = {0};
	cyaml_config_t config = settings(&m);

	(void)cyaml_free(&config, schema, value, 0);
}
