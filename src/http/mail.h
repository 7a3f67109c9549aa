#ifndef YD_HTTP_MAIL_H
#define YD_HTTP_MAIL_H
/* One mail over SMTP, through libcurl.  Text is UTF-8. */
#include "base/rc.h"

#define MAIL_TEXT_MAX 16384
#define MAIL_DEADLINE_MS 15000

struct mail {
	const char *url;       /* "smtp://127.0.0.1:25", "smtps://…" */
	const char *from, *to; /* plain addresses */
	const char *subject, *text;
};
/* RC_BUSY: try again later.  RC_INPUT: the server will never take this one. */
RC mail_send(const struct mail *m);

#endif
