#include "pki/crl_scan.h"

#include "base/mem.h"
#include "pki/form.h"

#define PART_MAX 8192 /* what stands before or behind the entries */
#define WINDOW (256u << 10)
#define ENTRY_LEN_MAX 4096

void crl_scan_close(struct crl_scan *s)
{
	buf_free(&s->head);
	buf_free(&s->behind);
	buf_free(&s->hold);
	buf_free(&s->close);
}

static RC read_at(const struct crl_input *in, uint64_t at, size_t len, struct buf *ret)
{
	uint8_t *p = buf_room(ret, len);

	NEED(p != NULL, RC_NOMEM, "revocation list: no memory");
	TRY(in->read(in->fd, at, p, len));
	ret->len += len;
	return OK;
}

/* ---- where things stand ---- */

/* Tag and length in front of s; false unless they are minimal DER. */
static bool take_head(struct slice s, size_t *head, uint64_t *len)
{
	size_t n;

	if (s.len < 2)
		return false;
	*head = 2;
	*len = s.p[1];
	if (s.p[1] < 0x80)
		return true;
	n = s.p[1] & 0x7f;
	if (n == 0 || n > 4 || s.len < 2 + n || s.p[2] == 0)
		return false;
	*len = 0;
	for (size_t i = 0; i < n; i++)
		*len = *len << 8 | s.p[2 + i];
	*head += n;
	return *len >= 0x80;
}

static RC bad(const char *what)
{
	REFUSE(CRL, "revocation list: %s", what);
}

/* Elements before the entries: at most five, the last two are times.  *from is where entries or extensions
 * begin, in s. */
static RC skip_front(struct slice s, size_t at, size_t *from)
{
	static const uint8_t tags[3] = {DER_INTEGER, DER_SEQUENCE, DER_SEQUENCE};
	size_t head, i;
	uint64_t len;

	for (i = 0; i < 5 && at < s.len; i++) {
		if (i < 3 ? s.p[at] != tags[i] : s.p[at] != DER_UTC_TIME && s.p[at] != DER_GENERALIZED_TIME)
			break;
		if (!take_head(slice_of(s.p + at, s.len - at), &head, &len) || len > s.len - at - head)
			return bad("what stands before the entries is not DER or too long");
		at += head + (size_t)len;
	}
	if (i < 4)
		return bad("version, algorithm, issuer and time do not stand in front");
	*from = at;
	return OK;
}

static RC take_close(struct crl_scan *s, struct sigalg *outer)
{
	struct der_reader r = der_read(buf_slice(&s->close));

	*outer = sigalg_take(&r);
	s->crl.signature = der_bits(&r, NULL);
	return form_done(&r, ERR_CRL, "revocation list");
}

/* The TBS as if it had no entries: the one parser then judges everything else. */
static RC parse_frame(struct crl_scan *s, size_t inner, size_t front)
{
	AUTO_DER(w, 2 * PART_MAX);
	struct slice signature = s->crl.signature;

	der_begin(&w, DER_SEQUENCE);
	der_raw(&w, slice_of(s->head.p + inner, front - inner));
	der_raw(&w, buf_slice(&s->behind));
	der_end(&w);
	TRY(der_finish(&w, &s->hold));
	TRY(crl_parse_tbs(buf_slice(&s->hold), &s->crl));
	s->crl.signature = signature;
	return OK;
}

static RC locate(struct crl_scan *s, struct slice front, uint64_t end, size_t *inner, size_t *from)
{
	size_t head;
	uint64_t len;

	if (!take_head(front, &head, &len) || front.p[0] != DER_SEQUENCE || s->tbs_at + head + len > end)
		return bad("the list does not end where its length says");
	end = s->tbs_at + head + len;
	*inner = head;
	TRY(skip_front(front, head, from));
	s->entries_at = s->tbs_at + *from;
	if (*from < front.len && front.p[*from] == DER_SEQUENCE) {
		if (!take_head(slice_of(front.p + *from, front.len - *from), &head, &s->entries_len) ||
		    s->entries_len == 0 || s->entries_at + head + s->entries_len > end)
			return bad("an empty list is written out, or it is too long (RFC 5280 5.1.2.6)");
		s->entries_at += head;
	}
	s->behind_at = s->entries_at + s->entries_len;
	if (end - s->behind_at > PART_MAX)
		return bad("too much stands behind the entries");
	s->behind_len = (size_t)(end - s->behind_at);
	return OK;
}

static RC outer_head(struct crl_scan *s, struct slice front, uint64_t end, bool whole)
{
	uint64_t len;
	size_t head;

	if (!take_head(front, &head, &len) || front.p[0] != DER_SEQUENCE || s->tbs_at + head + len != end)
		return bad("the list does not end where the file ends");
	if (whole)
		s->tbs_at += head;
	return OK;
}

static RC fill(struct crl_scan *s, uint64_t at, uint64_t end, bool whole)
{
	AUTO_BUF(front, PART_MAX);
	struct sigalg outer = {0};
	struct slice f;
	size_t inner, from;

	s->tbs_at = at;
	TRY(read_at(&s->in, at, end - at < PART_MAX ? (size_t)(end - at) : PART_MAX, &front));
	TRY(outer_head(s, buf_slice(&front), end, whole));
	f = slice_of(front.p + (s->tbs_at - at), front.len - (size_t)(s->tbs_at - at));
	TRY(locate(s, f, end, &inner, &from));
	NEED(s->entries_at - s->tbs_at <= f.len, RC_INPUT, "revocation list: too long before the entries");
	buf_add(&s->head, slice_of(f.p, (size_t)(s->entries_at - s->tbs_at)));
	TRY(buf_done(&s->head));
	TRY(read_at(&s->in, s->behind_at, s->behind_len, &s->behind));
	if (whole) {
		uint64_t close = s->behind_at + s->behind_len;

		if (end - close > PART_MAX)
			return bad("too much stands behind the list");
		TRY(read_at(&s->in, close, (size_t)(end - close), &s->close));
		TRY(take_close(s, &outer));
	}
	TRY(parse_frame(s, inner, from));
	REQUIRE(!whole || slice_equal(s->crl.alg.der, outer.der), CRL,
	        "revocation list: inner and outer algorithm differ (RFC 5280 5.1.1.2)");
	return OK;
}

RC crl_scan_open(const struct crl_input *in, bool whole, struct crl_scan *ret)
{
	REQUIRE(in->end > in->at && in->end <= CRL_DER_MAX, TOO_LARGE, "crl: %llu bytes",
	        (unsigned long long)in->end);
	*ret = (struct crl_scan){.in = *in,
	                         .head = BUF(PART_MAX),
	                         .behind = BUF(PART_MAX),
	                         .hold = BUF(2 * PART_MAX),
	                         .close = BUF(PART_MAX)};
	return fill(ret, in->at, in->end, whole);
}

/* ---- entries ---- */

#define TIME_LEN 15
struct walk {
	uint8_t time[TIME_LEN]; /* as the last entry had it */
	int64_t at;
};

/* Nothing, or a reason that is written out. */
static bool take_plain_reason(struct slice t, enum crl_reason *ret)
{
	static const uint8_t head[13] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
	                                 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01};
	uint8_t reason;

	*ret = REASON_UNSPECIFIED;
	if (t.len == 0)
		return true;
	if (t.len != sizeof(head) + 1 || memcmp(t.p, head, sizeof(head)) != 0)
		return false;
	reason = t.p[sizeof(head)];
	*ret = (enum crl_reason)reason;
	return reason != 0 && reason != 7 && reason <= REASON_AA_COMPROMISE;
}

/* An entry as this platform writes it: short lengths, UTCTime, no extension but the reason.  Anything else,
 * right or wrong, is for crl_entry_parse(). */
static bool take_plain(const struct walk *w, struct slice t, struct crl_entry *e)
{
	const uint8_t *p = t.p + 4;
	size_t n;

	if (t.len < 5 + TIME_LEN || t.p[1] >= 0x80 || t.p[2] != DER_INTEGER)
		return false;
	n = t.p[3];
	if (n == 0 || n > 20 || t.len < 4 + n + TIME_LEN || p[0] >= 0x80 || p[0] == 0)
		return false;
	if (memcmp(p + n, w->time, TIME_LEN) != 0)
		return false;
	*e = (struct crl_entry){.serial = slice_of(p, n), .revoked_at = w->at};
	return take_plain_reason(slice_of(p + n + TIME_LEN, t.len - 4 - n - TIME_LEN), &e->reason);
}

static RC take_entry(struct walk *w, struct slice t, struct crl_entry *e)
{
	if (take_plain(w, t, e))
		return OK;
	TRY(crl_entry_parse(t, e));
	/* remembers the time, if it stands where plain entries have it */
	if (t.len >= 5 + TIME_LEN && t.p[1] < 0x80 && t.p[3] <= 20 && t.len >= 4u + t.p[3] + TIME_LEN &&
	    t.p[4 + t.p[3]] == DER_UTC_TIME) {
		memcpy(w->time, t.p + 4 + t.p[3], TIME_LEN);
		w->at = e->revoked_at;
	}
	return OK;
}

/* Whole entries of s; *used is what they take. */
static RC take_some(struct crl_scan *s, struct walk *w, struct slice in, bool last,
                    struct rc (*each)(void *arg, const struct crl_entry *e, struct slice tlv), void *arg,
                    size_t *used)
{
	struct crl_entry e;
	size_t head, at = 0;
	uint64_t len;

	while (at < in.len && (last || in.len - at >= ENTRY_LEN_MAX)) {
		struct slice left = slice_of(in.p + at, in.len - at);

		if (left.p[0] != DER_SEQUENCE || !take_head(left, &head, &len) || len > left.len - head)
			return bad("entries: not DER");
		if (head + len > ENTRY_LEN_MAX)
			return bad("entries: too long");
		left.len = head + (size_t)len;
		TRY(take_entry(w, left, &e));
		if (each != NULL)
			TRY(each(arg, &e, left));
		s->count++;
		at += left.len;
	}
	*used = at;
	return OK;
}

static RC walk_entries(struct crl_scan *s, struct buf *window, struct signed_hash *hash,
                       struct rc (*each)(void *arg, const struct crl_entry *e, struct slice tlv), void *arg)
{
	struct walk w = {{0}, 0};
	uint64_t at = s->entries_at, end = at + s->entries_len;

	while (at < end) {
		size_t had = window->len, room = WINDOW - had, used;
		size_t want = end - at < room ? (size_t)(end - at) : room;

		TRY(read_at(&s->in, at, want, window));
		if (hash != NULL)
			TRY(signed_hash_add(hash, slice_of(window->p + had, want)));
		at += want;
		TRY(take_some(s, &w, buf_slice(window), at == end, each, arg, &used));
		memmove(window->p, window->p + used, window->len - used);
		window->len -= used;
	}
	return OK;
}

RC crl_scan_walk(struct crl_scan *s, struct signed_hash *hash,
                 struct rc (*each)(void *arg, const struct crl_entry *e, struct slice tlv), void *arg)
{
	AUTO_BUF(window, WINDOW);

	s->count = 0;
	if (hash != NULL)
		TRY(signed_hash_add(hash, buf_slice(&s->head)));
	TRY(walk_entries(s, &window, hash, each, arg));
	return hash != NULL ? signed_hash_add(hash, buf_slice(&s->behind)) : OK;
}

RC crl_scan_verify(struct crl_scan *s, const struct pubkey *issuer,
                   struct rc (*each)(void *arg, const struct crl_entry *e, struct slice tlv), void *arg)
{
	struct signed_hash h = {.sha = NULL};
	uint8_t value[SIGNED_HASH];
	struct rc rc = signed_hash_begin(&h, issuer);

	if (rc_ok(rc))
		rc = crl_scan_walk(s, &h, each, arg);
	if (rc_ok(rc))
		rc = signed_hash_end(&h, value);
	signed_hash_wipe(&h);
	TRY(rc);
	return pubkey_verify_hash(issuer, s->crl.alg, value, s->crl.signature);
}
