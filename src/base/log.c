#include "base/log.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 8192

/* Process state: set once by main(). */
static struct {
	char instance[64];
	enum log_level least;
} setup = {.least = LOG_INFO};

void log_setup(const char *instance, enum log_level least)
{
	size_t n = strnlen(instance, sizeof(setup.instance) - 1);

	memcpy(setup.instance, instance, n);
	setup.instance[n] = '\0';
	setup.least = least;
}

static void member(struct buf *b, const char *key, const char *value)
{
	if (b->len > 1)
		buf_u8(b, ',');
	json_string_to(b, key, strlen(key));
	buf_u8(b, ':');
	if (text_utf8(slice_text(value)))
		json_string_to(b, value, strlen(value));
	else
		buf_text(b, "null"); /* a log line is always JSON */
}

static void start(struct buf *b, enum log_level level, const char *event, const char *text)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	struct timespec now;
	char at[32];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	time_text(now.tv_sec, at);
	(void)snprintf(at + 19, sizeof(at) - 19, ".%03dZ", (int)(now.tv_nsec / 1000000));
	buf_u8(b, '{');
	member(b, "time", at);
	member(b, "level", levels[level]);
	member(b, "instance", setup.instance);
	member(b, "event", event);
	member(b, "text", text);
}

/* One write, so that lines of several processes do not mix.  A log that cannot be written has no
 * better place to say so. */
static void finish(struct buf *b)
{
	static const char lost[] =
	        "{\"level\":\"error\",\"event\":\"log\",\"text\":\"line lost: too long or no memory\"}\n";
	struct slice s;
	ssize_t n;

	buf_text(b, "}\n");
	s = b->failed ? SLICE_ARR(lost) : buf_slice(b);
	if (b->failed)
		s.len--;
	n = write(STDERR_FILENO, s.p, s.len);
	(void)n;
}

void log_line(enum log_level level, const char *event, const char *text, ...)
{
	AUTO_BUF(b, LOG_LINE_MAX);
	const char *key, *value;
	va_list ap;

	if (level < setup.least)
		return;
	start(&b, level, event, text);
	va_start(ap, text);
	while ((key = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (value == NULL)
			break;
		member(&b, key, value);
	}
	va_end(ap);
	finish(&b);
}

static enum log_level level_of(enum rc_code code)
{
	if (code <= RC_CONFLICT)
		return LOG_INFO; /* the caller can act */
	return code <= RC_UNCERTAIN ? LOG_WARN : LOG_ERROR;
}

void log_failure(const char *event, const char *request_id)
{
	const struct rc_text *t = rc_last();

	log_line(level_of(t->code), event, t->text, "code", err_info(t->err)->name, "request_id",
	         request_id == NULL ? "" : request_id, NULL);
}
