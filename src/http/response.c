#include "http/exchange.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void drop_shared(struct response *r)
{
	if (r->release != NULL)
		r->release(r->hold);
	r->release = NULL;
	r->shared = SLICE_NONE;
}

/* The containers stay: an exchange is used again and again. */
void response_reset(struct response *r)
{
	struct buf body = r->body, extra = r->extra;
	const struct request *q = r->request;

	drop_shared(r);
	json_decref(r->members);
	memset(r, 0, sizeof(*r));
	buf_clear(&body);
	buf_clear(&extra);
	if (body.cap > (64u << 10))
		buf_free(&body);
	r->body = body;
	r->body.max = HTTP_BODY_MAX;
	r->extra = extra;
	r->extra.max = HTTP_EXTRA_MAX;
	r->request = q;
}

static RC done(struct response *r, const char *media)
{
	size_t n = strlen(media);

	NEED(n < sizeof(r->media_text), RC_BUG, "response: media type of %zu bytes", n);
	memcpy(r->media_text, media, n + 1);
	r->media = r->media_text;
	r->done = true;
	return buf_done(&r->body);
}

static RC put_json(struct response *r, const json_t *o, const char *media)
{
	drop_shared(r);
	buf_clear(&r->body);
	json_text_to(&r->body, o);
	NEED(!r->body.failed, RC_NOMEM, "response: JSON too large");
	TRY(json_put_result()); /* a member lost on the way must not be missing silently */
	return done(r, media);
}

RC response_json(struct response *r, json_t *take)
{
	AUTO_JSON(o, take);

	NEED(o != NULL, RC_NOMEM, "response: no memory for JSON");
	return put_json(r, o, "application/json");
}

RC response_bytes(struct response *r, const char *media, struct slice copy)
{
	drop_shared(r);
	buf_clear(&r->body);
	buf_add(&r->body, copy);
	return done(r, media);
}

RC response_parts(struct response *r, const char *media, const struct slice *copy, size_t n)
{
	drop_shared(r);
	buf_clear(&r->body);
	for (size_t i = 0; i < n; i++)
		buf_add(&r->body, copy[i]);
	return done(r, media);
}

RC response_take(struct response *r, const char *media, struct buf *take)
{
	TRY(buf_done(take));
	drop_shared(r);
	buf_free(&r->body);
	r->body = buf_take(take);
	return done(r, media);
}

RC response_shared(struct response *r, const char *media, struct slice bytes, void *hold,
                   void (*release)(void *))
{
	drop_shared(r);
	buf_clear(&r->body);
	r->shared = bytes;
	r->hold = hold;
	r->release = release;
	return done(r, media);
}

RC response_file(struct response *r, const char *media, const char *path, size_t max)
{
	drop_shared(r);
	buf_clear(&r->body);
	TRY(file_read(path, max < HTTP_BODY_MAX ? max : HTTP_BODY_MAX, &r->body));
	return done(r, media);
}

struct mapped {
	void *at;
	size_t len;
};

static void unmap(void *hold)
{
	struct mapped *m = hold;

	(void)munmap(m->at, m->len);
	mem_free(m);
}

static RC map(int fd, size_t max, struct mapped *m)
{
	struct stat st;

	NEED(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0, RC_BUSY, "response: not a file");
	REQUIRE((size_t)st.st_size <= max, TOO_LARGE, "response: %lld bytes", (long long)st.st_size);
	m->len = (size_t)st.st_size;
	m->at = mmap(NULL, m->len, PROT_READ, MAP_SHARED, fd, 0);
	NEED(m->at != MAP_FAILED, RC_NOMEM, "response: cannot map the file");
	return OK;
}

RC response_mapped(struct response *r, const char *media, const char *path, size_t max)
{
	AUTO_MEM(struct mapped, m, mem_new(1, sizeof(*m)));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct slice bytes;
	struct rc rc;

	if (fd < 0 || m == NULL) {
		if (fd >= 0)
			close(fd);
		NEED(m != NULL, RC_NOMEM, "response: no memory");
		FAIL(RC_NOTFOUND, "response: the file is not there");
	}
	rc = map(fd, max, m);
	close(fd);
	TRY(rc);
	bytes = slice_of(m->at, m->len);
	return response_shared(r, media, bytes, MOVE(m), unmap);
}

RC response_none(struct response *r)
{
	drop_shared(r);
	buf_clear(&r->body);
	r->answer = ANSWER_NONE;
	r->done = true;
	return OK;
}

/* Field values come from our own code; anything else than visible ASCII is left out rather than
 * allowed to end the line. */
void response_field(struct response *r, const char *name, const char *value)
{
	const char *p;

	for (p = value; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			return;
	buf_printf(&r->extra, "%s: %s\r\n", name, value);
}

void response_created(struct response *r, const char *location)
{
	r->answer = ANSWER_CREATED;
	if (location != NULL)
		response_field(r, "Location", location);
}

void response_accepted(struct response *r)
{
	r->answer = ANSWER_ACCEPTED;
}

void response_unready(struct response *r)
{
	r->answer = ANSWER_UNREADY;
}

/* RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT" */
static void put_date(struct response *r, const char *name, int64_t t)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t at = (time_t)t;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL)
		return;
	buf_printf(&r->extra, "%s: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", name, days + 3 * tm.tm_wday,
	           tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool fit_for_etag(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] <= 0x20 || s.p[i] > 0x7e || s.p[i] == '"')
			return false;
	return s.len > 0 && s.len < sizeof(((struct response *)NULL)->etag);
}

void response_cache(struct response *r, const struct cache_rule *c)
{
	r->cached = true;
	if (c->max_age > 0)
		buf_printf(&r->extra, "Cache-Control: public, max-age=%u%s\r\n", c->max_age,
		           c->revalidate ? ", no-transform, must-revalidate" : "");
	else
		buf_text(&r->extra, "Cache-Control: no-cache\r\n");
	if (fit_for_etag(c->etag)) {
		memcpy(r->etag, c->etag.p, c->etag.len);
		r->etag[c->etag.len] = '\0';
		buf_printf(&r->extra, "ETag: \"%s\"\r\n", r->etag);
	}
	if (c->modified != 0)
		put_date(r, "Last-Modified", c->modified);
	if (c->expires != 0)
		put_date(r, "Expires", c->expires);
}

void response_problem(struct response *r, const char *key, json_t *take)
{
	if (r->members == NULL)
		r->members = json_object();
	json_put_take(r->members, key, take);
}

RC response_wait(struct response *r, uint64_t key)
{
	r->wait = true;
	r->wait_key = key;
	return OK;
}

RC response_offload(struct response *r)
{
	r->offload = true;
	return OK;
}

void response_fail(struct response *r)
{
	const struct rc_text *t = rc_last();
	const char *id = r->request->id;
	json_t *o;

	if (problem_is_ours(t))
		log_failure("request", id);
	r->status = problem_status(t);
	r->wait = r->offload = false;
	r->cached = false;
	buf_clear(&r->extra);
	r->etag[0] = '\0';
	drop_shared(r);
	if (r->status == 503)
		response_field(r, "Retry-After", "1");
	o = problem_json(t, r->request->english, id, r->members);
	if (o == NULL || !rc_ok(put_json(r, o, PROBLEM_MEDIA)))
		buf_clear(&r->body); /* out of memory: the status alone */
	json_decref(o);
	r->done = true;
}

void batch_failed(struct response *r, struct rc rc)
{
	if (!rc_ok(rc))
		response_fail(r);
}
