/* Writing revocation lists as a stream: the first walk learns the length of the entries, the second
 * writes them, so that memory does not grow with the list. */
#include "pki/crl.h"

#define ENTRY_MAX 128 /* encoded: serial, time, two extensions */
#define HEAD_MAX 8192

static void put_entry(struct der_writer *w, const struct crl_entry *e)
{
	der_begin(w, DER_SEQUENCE);
	der_put_integer(w, e->serial);
	der_put_time(w, e->revoked_at);
	if (e->reason != REASON_UNSPECIFIED || e->has_invalidity) {
		der_begin(w, DER_SEQUENCE);
		if (e->reason != REASON_UNSPECIFIED)
			ext_put_reason(w, e->reason);
		if (e->has_invalidity)
			ext_put_invalidity(w, e->invalidity);
		der_end(w);
	}
	der_end(w);
}

static void put_before(struct der_writer *w, const struct crl_head *h)
{
	der_put_uint(w, 1);
	sigalg_put(w, h->alg);
	der_raw(w, h->issuer);
	der_put_time(w, h->this_update);
	der_put_time(w, h->next_update);
}

static void put_behind(struct der_writer *w, const struct crl_head *h)
{
	der_begin(w, DER_CTXC(0));
	der_begin(w, DER_SEQUENCE);
	if (h->aki.len > 0)
		ext_put_aki(w, h->aki);
	ext_put_crl_number(w, h->number);
	if (h->delta != 0)
		ext_put_delta(w, h->delta);
	if (h->idp != NULL)
		ext_put_idp(w, h->idp);
	if (h->freshest.len > 0)
		ext_put_freshest(w, h->freshest);
	der_end(w);
	der_end(w);
}

static size_t tlv_head(uint8_t tag, size_t len, uint8_t ret[6])
{
	size_t n = 0;

	ret[0] = tag;
	if (len < 0x80) {
		ret[1] = (uint8_t)len;
		return 2;
	}
	for (size_t v = len; v > 0; v >>= 8)
		n++;
	ret[1] = (uint8_t)(0x80 | n);
	for (size_t i = 0; i < n; i++)
		ret[2 + i] = (uint8_t)(len >> (8 * (n - 1 - i)));
	return 2 + n;
}

static RC next_entry(const struct crl_source *s, struct der_writer *w, bool *more)
{
	struct crl_entry e = {0};

	TRY(s->next(s->arg, &e, more));
	if (!*more)
		return OK;
	NEED(e.serial.len > 0 && e.serial.len <= 20, RC_BUG, "revocation list: serial of %zu bytes",
	     e.serial.len);
	put_entry(w, &e);
	return buf_done(&w->out);
}

static RC measure(const struct crl_source *s, size_t *ret)
{
	AUTO_DER(w, ENTRY_MAX);
	bool more = true;

	*ret = 0;
	TRY(s->rewind(s->arg));
	while (more) {
		buf_clear(&w.out);
		TRY(next_entry(s, &w, &more));
		*ret += w.out.len;
		NEED(*ret < CRL_DER_MAX - 2 * HEAD_MAX, RC_INPUT, "revocation list: more than %u bytes",
		     CRL_DER_MAX);
	}
	return OK;
}

struct pour {
	struct rc (*sink)(void *arg, struct slice piece);
	void *arg;
	size_t total;
};

static RC pour(struct pour *p, struct der_writer *w, size_t least)
{
	TRY(buf_done(&w->out));
	if (w->out.len < least || w->out.len == 0)
		return OK;
	TRY(p->sink(p->arg, buf_slice(&w->out)));
	p->total += w->out.len;
	buf_clear(&w->out);
	return OK;
}

static RC pour_entries(const struct crl_source *s, struct der_writer *w, size_t length, struct pour *p)
{
	size_t before = p->total + w->out.len;
	bool more = true;

	TRY(s->rewind(s->arg));
	while (more) {
		TRY(next_entry(s, w, &more));
		TRY(pour(p, w, CRL_CHUNK - ENTRY_MAX));
	}
	NEED(p->total + w->out.len - before == length, RC_CONFLICT,
	     "revocation list: the entries changed between the two walks");
	return OK;
}

RC crl_entry_write(const struct crl_entry *e, struct buf *ret)
{
	AUTO_DER(w, ENTRY_MAX);

	NEED(e->serial.len > 0 && e->serial.len <= 20, RC_BUG, "revocation list: serial of %zu bytes",
	     e->serial.len);
	put_entry(&w, e);
	TRY(buf_done(&w.out));
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}

RC crl_tbs_frame(const struct crl_head *h, uint64_t entries, struct buf *before, struct buf *behind)
{
	AUTO_DER(first, HEAD_MAX);
	AUTO_DER(last, HEAD_MAX);
	uint8_t outer[6], list[6];
	size_t outer_len, list_len = 0;

	NEED(entries < CRL_DER_MAX - 2 * HEAD_MAX, RC_INPUT, "revocation list: more than %u bytes",
	     CRL_DER_MAX);
	put_before(&first, h);
	put_behind(&last, h);
	TRY(buf_done(&first.out));
	TRY(buf_done(&last.out));
	if (entries > 0)
		list_len = tlv_head(DER_SEQUENCE, entries, list);
	outer_len = tlv_head(DER_SEQUENCE, first.out.len + list_len + entries + last.out.len, outer);
	buf_add(before, slice_of(outer, outer_len));
	buf_add(before, buf_slice(&first.out));
	buf_add(before, slice_of(list, list_len));
	buf_add(behind, buf_slice(&last.out));
	TRY(buf_done(before));
	return buf_done(behind);
}

RC crl_tbs_write(const struct crl_head *h, const struct crl_source *s,
                 struct rc (*sink)(void *arg, struct slice piece), void *arg, size_t *length)
{
	AUTO_BUF(before, 2 * HEAD_MAX);
	AUTO_BUF(behind, HEAD_MAX);
	AUTO_DER(w, CRL_CHUNK);
	struct pour p = {sink, arg, 0};
	size_t entries;

	TRY(measure(s, &entries));
	TRY(crl_tbs_frame(h, entries, &before, &behind));
	der_raw(&w, buf_slice(&before));
	TRY(pour_entries(s, &w, entries, &p));
	TRY(pour(&p, &w, 0));
	der_raw(&w, buf_slice(&behind));
	TRY(pour(&p, &w, 0));
	if (length != NULL)
		*length = p.total;
	return OK;
}

/* ---- from an array ---- */

struct array {
	const struct crl_entry *e;
	size_t n, at;
};

static struct rc array_rewind(void *arg)
{
	((struct array *)arg)->at = 0;
	return OK;
}

static struct rc array_next(void *arg, struct crl_entry *ret, bool *more)
{
	struct array *a = arg;

	*more = a->at < a->n;
	if (*more)
		*ret = a->e[a->at++];
	return OK;
}

static struct rc into_buf(void *arg, struct slice piece)
{
	buf_add(arg, piece);
	return buf_done(arg);
}

RC crl_tbs(const struct crl_head *h, const struct crl_entry *e, size_t n, struct buf *ret)
{
	struct array a = {e, n, 0};
	struct crl_source s = {&a, array_rewind, array_next};

	return crl_tbs_write(h, &s, into_buf, ret, NULL);
}

RC crl_assemble(struct slice tbs, struct sigalg a, struct slice signature, struct buf *ret)
{
	AUTO_BUF(before, 16);
	AUTO_BUF(behind, HEAD_MAX);

	TRY(crl_around(tbs.len, a, signature, &before, &behind));
	buf_add(ret, buf_slice(&before));
	buf_add(ret, tbs);
	buf_add(ret, buf_slice(&behind));
	return buf_done(ret);
}

RC crl_around(size_t tbs_length, struct sigalg a, struct slice signature, struct buf *before,
              struct buf *behind)
{
	AUTO_DER(w, HEAD_MAX);
	uint8_t head[6];
	size_t n;

	NEED(tbs_length < CRL_DER_MAX - HEAD_MAX, RC_INPUT, "revocation list: more than %u bytes",
	     CRL_DER_MAX);
	sigalg_put(&w, a);
	der_put_bits(&w, signature);
	TRY(buf_done(&w.out));
	n = tlv_head(DER_SEQUENCE, tbs_length + w.out.len, head);
	buf_add(before, slice_of(head, n));
	buf_add(behind, buf_slice(&w.out));
	TRY(buf_done(before));
	return buf_done(behind);
}
