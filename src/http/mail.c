#include "http/mail.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/time.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#define LINE 57 /* bytes of one line of base64 */
#define PERMANENT 500

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}
DROP(curl_slist, curl_slist_free_all);

/* ---- the message ---- */

static void add_encoded(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.len; i += LINE) {
		buf_base64(b, slice_of(s.p + i, s.len - i < LINE ? s.len - i : LINE));
		buf_text(b, "\r\n");
	}
}

/* RFC 2047 words of whole characters; none is longer than 75. */
static void add_subject(struct buf *b, struct slice s)
{
	buf_text(b, "Subject:");
	for (size_t i = 0; i < s.len;) {
		size_t n = s.len - i < 42 ? s.len - i : 42;

		while (n > 0 && i + n < s.len && (s.p[i + n] & 0xc0) == 0x80)
			n--;
		buf_text(b, " =?UTF-8?B?");
		buf_base64(b, slice_of(s.p + i, n));
		buf_text(b, "?=\r\n");
		i += n;
	}
}

static RC build(const struct mail *m, struct buf *ret)
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	int64_t now = clock_now();
	struct civil c = time_civil(now);

	buf_printf(ret, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[now / TIME_DAY % 7], c.day,
	           months[c.month - 1], c.year, c.hour, c.minute, c.second);
	buf_printf(ret, "From: <%s>\r\nTo: <%s>\r\n", m->from, m->to);
	add_subject(ret, slice_text(m->subject));
	buf_text(ret, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	              "Content-Transfer-Encoding: base64\r\n\r\n");
	add_encoded(ret, slice_text(m->text));
	return buf_done(ret);
}

/* ---- sending ---- */

static bool clean(const char *address)
{
	return strpbrk(address, "\r\n<> ") == NULL && strchr(address, '@') != NULL;
}

struct reading {
	struct slice left;
};

static size_t give(char *to, size_t size, size_t n, void *arg)
{
	struct reading *r = arg;
	size_t take = size * n < r->left.len ? size * n : r->left.len;

	if (take > 0)
		memcpy(to, r->left.p, take);
	r->left = slice_of(r->left.p + take, r->left.len - take);
	return take;
}

static RC perform(CURL *curl, const struct mail *m, struct reading *r)
{
	AUTO(curl_slist, to, curl_slist_append(NULL, m->to));
	char error[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;

	NEED(to != NULL, RC_NOMEM, "mail: no memory");
	(void)curl_easy_setopt(curl, CURLOPT_URL, m->url);
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)MAIL_DEADLINE_MS);
	(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	(void)curl_easy_setopt(curl, CURLOPT_MAIL_FROM, m->from);
	(void)curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	(void)curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	(void)curl_easy_setopt(curl, CURLOPT_READDATA, r);
	code = curl_easy_perform(curl);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK)
		return OK;
	NEED(status < PERMANENT, RC_INPUT, "mail to %s: %ld: %s", m->to, status,
	     error[0] != '\0' ? error : curl_easy_strerror(code));
	REFUSE(UNREACHABLE, "mail: %s", error[0] != '\0' ? error : curl_easy_strerror(code));
}

RC mail_send(const struct mail *m)
{
	AUTO_BUF(message, 2 * MAIL_TEXT_MAX);
	struct reading r;
	struct rc rc;
	CURL *curl;

	(void)pthread_once(&once, set_up);
	NEED(clean(m->from) && clean(m->to), RC_INPUT, "mail: %s is no address", m->to);
	TRY(build(m, &message));
	r.left = buf_slice(&message);
	curl = curl_easy_init();
	NEED(curl != NULL, RC_NOMEM, "mail: no memory");
	rc = perform(curl, m, &r);
	curl_easy_cleanup(curl);
	return rc;
}
