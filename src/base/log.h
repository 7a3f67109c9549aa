#ifndef YD_BASE_LOG_H
#define YD_BASE_LOG_H
/* JSON lines on stderr: time, level, instance, request id, code, text, key=value fields.  Only the
 * request loop and main() log.  Identity numbers never get here. */
#include "base/rc.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_setup(const char *instance, enum log_level least);
/* Pairs of key and value, closed by NULL. */
void log_line(enum log_level level, const char *event, const char *text, ...)
	__attribute__((sentinel));
/* The failure that this thread holds (rc_last). */
void log_failure(const char *event, const char *request_id);

#endif
