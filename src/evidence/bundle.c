#include "evidence/bundle.h"

#include "asn1/der.h"
#include "base/mem.h"
#include "sm/sm3.h"

#include <string.h>

#define PIECES (BUNDLE_RECORDS * BUNDLE_PIECES)
#define PIECE_LEAST 8 /* bytes: two heads, a letter, a byte of content, its own head */
#define ELSEWHERE DER_CTX(0)

/* ---- writing ---- */

static void put_piece(struct der_writer *w, const struct bundle_piece *p)
{
	der_begin(w, DER_SEQUENCE);
	der_put_text(w, DER_UTF8, p->kind);
	if (p->shared > 0) {
		uint8_t n[2] = {(uint8_t)((p->shared - 1) >> 8), (uint8_t)(p->shared - 1)};
		der_put(w, DER_CTX(0), SLICE_ARR(n));
	} else {
		der_put_octets(w, p->content);
	}
	der_end(w);
}

RC bundle_write(const struct slice *shared, size_t shared_count, const struct bundle_record *records,
                size_t count, struct buf *ret)
{
	AUTO_DER(w, BUNDLE_MAX);

	NEED(count <= BUNDLE_RECORDS && shared_count <= BUNDLE_SHARED, RC_BUG, "bundle: too many records");
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	for (size_t i = 0; i < shared_count; i++)
		der_put_octets(&w, shared[i]);
	der_end(&w);
	der_begin(&w, DER_SEQUENCE);
	for (size_t i = 0; i < count; i++) {
		der_begin(&w, DER_SEQUENCE);
		der_put_octets(&w, SLICE_ARR(records[i].key));
		der_begin(&w, DER_SEQUENCE);
		for (size_t n = 0; n < records[i].count; n++)
			put_piece(&w, &records[i].pieces[n]);
		der_end(&w);
		der_end(&w);
	}
	der_end(&w);
	der_end(&w);
	return der_finish(&w, ret);
}

RC bundle_item(const struct bundle_piece *pieces, size_t count, struct buf *ret)
{
	AUTO_DER(w, BUNDLE_MAX);

	der_begin(&w, DER_SEQUENCE);
	for (size_t n = 0; n < count; n++) {
		der_begin(&w, DER_SEQUENCE);
		der_put_text(&w, DER_UTF8, pieces[n].kind);
		if (pieces[n].elsewhere)
			der_put(&w, ELSEWHERE, pieces[n].content);
		else
			der_put_octets(&w, pieces[n].content);
		der_end(&w);
	}
	der_end(&w);
	return der_finish(&w, ret);
}

/* ---- reading ---- */

static RC kind_ok(struct slice kind)
{
	bool fine = kind.len > 0 && kind.len <= BUNDLE_KIND_MAX;

	for (size_t i = 0; i < kind.len && fine; i++)
		fine = (kind.p[i] >= 'a' && kind.p[i] <= 'z') || kind.p[i] == '-';
	NEED(fine, RC_INPUT, "records: malformed kind of a piece");
	return OK;
}

static RC read_piece(struct der_reader *r, struct bundle *b)
{
	struct bundle_piece *p = &b->pieces[b->piece_count];

	der_enter(r, DER_SEQUENCE);
	p->kind = der_value(r, DER_UTF8);
	if (der_at(r, DER_CTX(0))) {
		struct slice n = der_value(r, DER_CTX(0));

		NEED(n.len == 2, RC_INPUT, "records: number of a shared piece");
		p->shared = (unsigned)n.p[0] << 8 | n.p[1];
		NEED(p->shared < b->shared_count, RC_INPUT, "records: there is no shared piece %u",
		     p->shared);
		p->content = b->shared[p->shared++];
	} else {
		p->content = der_octets(r);
	}
	der_leave(r);
	if (r->why != NULL)
		return OK;
	TRY(kind_ok(p->kind));
	NEED(p->content.len > 0, RC_INPUT, "records: an empty piece");
	b->piece_count++;
	return OK;
}

static RC read_record(struct der_reader *r, struct bundle *b)
{
	struct bundle_record *rec = &b->records[b->count];
	struct slice key;

	NEED(b->count < BUNDLE_RECORDS, RC_INPUT, "records: more than %d", BUNDLE_RECORDS);
	der_enter(r, DER_SEQUENCE);
	key = der_octets(r);
	der_enter(r, DER_SEQUENCE);
	rec->pieces = &b->pieces[b->piece_count];
	while (der_more(r)) {
		NEED(rec->count < BUNDLE_PIECES, RC_INPUT, "records: more than %d pieces", BUNDLE_PIECES);
		TRY(read_piece(r, b));
		rec->count++;
	}
	der_leave(r);
	der_leave(r);
	if (r->why != NULL)
		return OK;
	NEED(key.len == BUNDLE_KEY && rec->count > 0, RC_INPUT, "records: malformed record");
	memcpy(rec->key, key.p, BUNDLE_KEY);
	b->count++;
	return OK;
}

RC bundle_read(struct slice der, struct bundle **ret)
{
	AUTO(bundle, b, mem_new(1, sizeof(*b)));
	struct der_reader r = der_read(der);
	size_t most = der.len / PIECE_LEAST + 1;

	NEED(b != NULL, RC_NOMEM, "no memory");
	b->pieces = mem_new(most < PIECES ? most : PIECES, sizeof(*b->pieces));
	NEED(b->pieces != NULL, RC_NOMEM, "no memory");
	der_enter(&r, DER_SEQUENCE);
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r)) {
		NEED(b->shared_count < BUNDLE_SHARED, RC_INPUT, "records: more than %d shared pieces",
		     BUNDLE_SHARED);
		b->shared[b->shared_count++] = der_octets(&r);
	}
	der_leave(&r);
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r))
		TRY(read_record(&r, b));
	der_leave(&r);
	der_leave(&r);
	TRY(der_done(&r, "records"));
	*ret = MOVE(b);
	return OK;
}

void bundle_free(struct bundle *b)
{
	if (b == NULL)
		return;
	mem_free(b->pieces);
	mem_free(b);
}

RC bundle_item_each(struct slice item, struct rc (*each)(const struct bundle_piece *p, void *arg), void *arg)
{
	struct der_reader r = der_read(item);

	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r)) {
		struct bundle_piece p = {0};

		der_enter(&r, DER_SEQUENCE);
		p.kind = der_value(&r, DER_UTF8);
		p.elsewhere = der_at(&r, ELSEWHERE);
		p.content = p.elsewhere ? der_value(&r, ELSEWHERE) : der_octets(&r);
		der_leave(&r);
		if (r.why != NULL)
			break;
		TRY(kind_ok(p.kind));
		NEED(!p.elsewhere || p.content.len == SM3_LEN, RC_INPUT, "record: hash of a piece");
		TRY(each(&p, arg));
	}
	der_leave(&r);
	return der_done(&r, "record");
}
