#include "base/rc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The one record per thread that rc.h describes. */
static _Thread_local struct rc_text last;

static const struct err_info infos[ERR_COUNT] = {
#define ERR(id, code, name, zh, en, clause) [ERR_##id] = {code, name, zh, en, clause},
#include "base/errors.def"
#undef ERR
};

static const char *const names[] = {
        [RC_OK] = "ok",
        [RC_INPUT] = "input",
        [RC_DENIED] = "denied",
        [RC_NOTFOUND] = "not-found",
        [RC_CONFLICT] = "conflict",
        [RC_BUSY] = "busy",
        [RC_UNCERTAIN] = "uncertain",
        [RC_CRYPTO] = "crypto",
        [RC_NOMEM] = "no-memory",
        [RC_BUG] = "internal",
};
_Static_assert((int)ERR_GENERIC_OK == (int)RC_OK && (int)ERR_GENERIC_BUG == (int)RC_BUG,
               "the generic refusals stand first, in the order of the codes");

const struct rc_text *rc_last(void)
{
	return &last;
}

struct rc rc_restore(const struct rc_text *t)
{
	if (t != &last)
		last = *t;
	return (struct rc){last.code};
}

/* Cuts a text that was truncated inside a UTF-8 sequence back to whole characters. */
static void whole_characters(char *s, size_t cap)
{
	size_t n = strnlen(s, cap), i = n;

	if (n < cap - 1)
		return;
	while (i > 0 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
		i--;
	if (i > 0 && (unsigned char)s[i - 1] >= 0xc0)
		s[i - 1] = '\0';
}

static void __attribute__((format(printf, 1, 0))) set_text(const char *fmt, va_list ap)
{
	char text[sizeof(last.text)]; /* arguments may point into the old text */

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	whole_characters(text, sizeof(text));
	memcpy(last.text, text, sizeof(text));
}

struct rc rc_fail(enum rc_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(fmt, ap);
	va_end(ap);
	last.code = code == RC_OK ? RC_BUG : code; /* a failure is never a success */
	last.err = (enum err)last.code;
	return (struct rc){last.code};
}

struct rc rc_refuse(enum err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(fmt, ap);
	va_end(ap);
	last.err = err_info(err)->code == RC_OK ? ERR_GENERIC_BUG : err;
	last.code = err_info(last.err)->code;
	return (struct rc){last.code};
}

struct rc rc_note(struct rc rc, const char *fmt, ...)
{
	char text[sizeof(last.text)];
	va_list ap;
	int n;

	if (rc.code == RC_OK)
		return rc;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(text) - 3)
		(void)snprintf(text + n, sizeof(text) - (size_t)n, ": %.*s", (int)sizeof(text) - n - 3,
		               last.text);
	whole_characters(text, sizeof(text));
	memcpy(last.text, text, sizeof(text));
	return rc;
}

const struct err_info *err_info(enum err err)
{
	return (unsigned)err < ERR_COUNT ? &infos[err] : &infos[ERR_GENERIC_BUG];
}

enum err err_by_name(const char *name)
{
	unsigned i;

	for (i = 0; i < ERR_COUNT; i++)
		if (strcmp(infos[i].name, name) == 0)
			return (enum err)i;
	return ERR_COUNT;
}

const char *rc_name(enum rc_code code)
{
	return (unsigned)code < sizeof(names) / sizeof(names[0]) ? names[code] : "unknown";
}
