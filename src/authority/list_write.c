/* Entries into the file: those of the last list that stay, then what came since, in the order it was taken.
 */
#include "authority/list_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define RESTORE_JUMP (1ll << 32) /* more lists than anybody makes between a backup and its restoration */
#define SIGNATURE_USUAL 71       /* bytes of an SM2 or ECDSA signature, most often */
#define FLUSH (8u << 20)

RC list_put(struct making *m, struct slice s)
{
	while (s.len > 0) {
		ssize_t n = pwrite(m->fd, s.p, s.len, (off_t)m->at);

		if (n < 0 && errno == EINTR)
			continue;
		REQUIRE(n > 0 || errno != ENOSPC, STORAGE_FULL, "cannot write the revocation list");
		NEED(n > 0, RC_BUSY, "cannot write the revocation list");
		/* the disk works while we go on; the end waits less */
		if (m->at / FLUSH != (m->at + (uint64_t)n) / FLUSH)
			(void)sync_file_range(m->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		m->at += (uint64_t)n;
		s = slice_of(s.p + n, s.len - (size_t)n);
	}
	return OK;
}

/* ---- rows ---- */

RC list_rows(struct making *m)
{
	struct list_range range = {.from = m->from,
	                           .last = m->row.last_seq,
	                           .releases = m->delta,
	                           .ended = m->delta ? 0 : m->base.this_update,
	                           .shown = m->base.last_seq};

	db_rows_free(m->rows);
	m->rows = NULL;
	return authority_store_walk_range(m->db, m->a->id, &range, &m->rows);
}

RC list_row_next(struct making *m, struct crl_entry *ret, bool *more)
{
	struct revocation r;

	TRY(authority_store_step(m->rows, &r, more));
	if (*more)
		*ret = (struct crl_entry){
		        .serial = r.serial,
		        .revoked_at = r.event == ORDER_RELEASE ? r.at : r.since,
		        .reason = r.event == ORDER_RELEASE ? REASON_REMOVE : (enum crl_reason)r.reason,
		        .has_invalidity = r.has_invalidity,
		        .invalidity = r.invalidity,
		};
	return OK;
}

static RC measure_rows(struct making *m, uint64_t *bytes)
{
	AUTO_BUF(b, 256);
	struct crl_entry e;
	bool more = true;

	*bytes = 0;
	m->added = 0;
	TRY(list_rows(m));
	for (;;) {
		TRY(list_row_next(m, &e, &more));
		if (!more)
			return OK;
		buf_clear(&b);
		TRY(crl_entry_write(&e, &b));
		*bytes += b.len;
		m->added++;
	}
}

static RC write_rows(struct making *m)
{
	AUTO_BUF(b, LIST_WINDOW);
	struct crl_entry e;
	bool more = true;

	TRY(list_rows(m));
	for (;;) {
		TRY(list_row_next(m, &e, &more));
		if (more)
			TRY(crl_entry_write(&e, &b));
		if (!more || b.len > LIST_WINDOW - 256) {
			TRY(list_put(m, buf_slice(&b)));
			buf_clear(&b);
		}
		if (!more)
			return OK;
	}
}

/* ---- what leaves ---- */

static int compare(const void *a, const void *b)
{
	const struct gone *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->serial, y->serial, x->len);
}

static struct gone gone_of(struct slice serial)
{
	struct gone g = {.len = (uint8_t)serial.len};

	memcpy(g.serial, serial.p, serial.len);
	return g;
}

bool list_is_gone(struct making *m, struct slice serial)
{
	struct gone g, *found;

	if (m->gone_count == 0 || serial.len > AUTHORITY_SERIAL_MAX)
		return false;
	g = gone_of(serial);
	found = bsearch(&g, m->gone, m->gone_count, sizeof(g), compare);
	if (found != NULL)
		found->found = true;
	return found != NULL;
}

static struct rc take_gone(void *arg, struct slice serial)
{
	struct making *m = arg;

	NEED(serial.len <= AUTHORITY_SERIAL_MAX, RC_BUG, "a serial of %zu bytes", serial.len);
	NEED(m->gone_count < LIST_GONE_MAX, RC_CONFLICT, "too many entries leave the list of %s", m->id);
	if ((m->gone_count & (m->gone_count - 1)) == 0) {
		size_t room = m->gone_count == 0 ? 64 : 2 * m->gone_count;
		struct gone *more =
		        room > 64 || m->gone == NULL ? mem_grow(m->gone, room, sizeof(*more)) : m->gone;

		NEED(more != NULL, RC_NOMEM, "no memory");
		m->gone = more;
	}
	m->gone[m->gone_count++] = gone_of(serial);
	return OK;
}

static RC read_gone(struct making *m)
{
	size_t n = 0;

	m->gone_count = 0;
	TRY(authority_store_gone(m->db, m->a->id, m->row.last_seq, &m->base, &m->before, take_gone, m));
	if (m->gone_count == 0)
		return OK;
	qsort(m->gone, m->gone_count, sizeof(*m->gone), compare);
	for (size_t i = 1; i < m->gone_count; i++) {
		if (compare(&m->gone[n], &m->gone[i]) != 0)
			m->gone[++n] = m->gone[i];
	}
	m->gone_count = n + 1;
	return OK;
}

/* ---- the last list's file ---- */

struct staying {
	struct making *m;
	uint64_t bytes;
	int64_t count;
	struct buf *window; /* NULL: only measured */
};

static struct rc stays(void *arg, const struct crl_entry *e, struct slice tlv)
{
	struct staying *s = arg;

	if (list_is_gone(s->m, e->serial))
		return OK;
	s->bytes += tlv.len;
	s->count++;
	if (s->window == NULL)
		return OK;
	buf_add(s->window, tlv);
	if (s->window->len > LIST_WINDOW - 4096) {
		TRY(list_put(s->m, buf_slice(s->window)));
		buf_clear(s->window);
	}
	return OK;
}

/* Without anything that leaves, the bytes are those of the file. */
static RC measure_old(struct making *m, uint64_t *bytes)
{
	struct staying s = {.m = m};

	*bytes = m->old.entries_len;
	m->kept = m->base.entries;
	if (m->gone_count == 0)
		return OK;
	TRY(crl_scan_walk(&m->old, NULL, stays, &s));
	for (size_t i = 0; i < m->gone_count; i++)
		NEED(m->gone[i].found, RC_CONFLICT, "the last list of %s lacks an entry that leaves", m->id);
	*bytes = s.bytes;
	m->kept = s.count;
	return OK;
}

static RC copy_old(struct making *m)
{
	AUTO_BUF(window, LIST_WINDOW);
	struct staying s = {.m = m, .window = &window};
	uint64_t at = m->old.entries_at, end = at + m->old.entries_len;

	if (m->gone_count != 0) {
		TRY(crl_scan_walk(&m->old, NULL, stays, &s));
		return list_put(m, buf_slice(&window));
	}
	while (at < end) {
		size_t n = end - at < LIST_WINDOW ? (size_t)(end - at) : LIST_WINDOW;
		uint8_t *p = (buf_clear(&window), buf_room(&window, n));

		NEED(p != NULL, RC_NOMEM, "no memory");
		TRY(file_at(m->old_fd, at, p, n));
		TRY(list_put(m, slice_of(p, n)));
		at += n;
	}
	return OK;
}

/* The file of the last list, if it is there and is of that number. */
static RC open_old(struct making *m)
{
	struct crl_input in = {.read = file_at};
	char path[LIST_PATH_MAX];

	TRY(list_path(m->in, m->id, m->base.number, path, sizeof(path)));
	m->old_fd = open(path, O_RDONLY | O_CLOEXEC);
	NEED(m->old_fd >= 0, RC_NOTFOUND, "the last list of %s is not there", m->id);
	in.fd = m->old_fd;
	TRY(file_size(in.fd, &in.end));
	TRY(crl_scan_open(&in, true, &m->old));
	NEED(crl_number(&m->old.crl) == (uint64_t)m->base.number, RC_CONFLICT,
	     "the last list of %s is another", m->id);
	m->grows = true;
	m->from = m->base.last_seq;
	return OK;
}

/* ---- the whole ---- */

static RC last_of(struct making *m, const char *id, struct crl_row *last, struct crl_row *before)
{
	struct rc rc = authority_store_crl_pair(m->db, id, last, before);

	if (rc.code != RC_NOTFOUND)
		return rc;
	*last = *before = (struct crl_row){0};
	return OK;
}

/* One row of numbers for the full and the delta lists of an authority.  A delta list that tells what the full
 * list of that number tells has its number (RFC 5280 5.2.3). */
static RC number_next(struct making *m)
{
	struct crl_row delta, none;
	const struct crl_row *last = &m->base;
	char id[LIST_ID_MAX + 1];

	list_delta_id(m->a->id, id);
	TRY(last_of(m, m->a->id, &m->base, &m->before));
	TRY(last_of(m, id, &delta, &none));
	if (m->delta) {
		NEED(m->base.number != 0, RC_NOTFOUND, "no full list of %s yet", m->a->id);
		if (m->before.number != 0 && delta.number < m->base.number &&
		    m->row.last_seq == m->base.last_seq && m->base.this_update >= instance_restored(m->in)) {
			m->row.number = m->base.number;
			return OK;
		}
	}
	if (delta.number > last->number)
		last = &delta;
	m->row.number = last->number + 1;
	/* lists made after the backup are out in the world: no number of theirs comes again (R12.5) */
	if (last->number != 0 && last->this_update < instance_restored(m->in))
		m->row.number += RESTORE_JUMP;
	return OK;
}

static struct crl_head head_of(struct making *m)
{
	const struct crl_row *from = m->before.number != 0 ? &m->before : &m->base;

	return (struct crl_head){
	        .alg = sigalg_of(m->a->issue.key, m->a->issue.sm2_null),
	        .issuer = m->a->issue.name,
	        .this_update = m->row.this_update,
	        .next_update = m->row.next_update,
	        .number = (uint64_t)m->row.number,
	        .aki = m->a->issue.ski,
	        .delta = m->delta ? (uint64_t)from->number : 0,
	        .freshest = m->delta ? SLICE_NONE : slice_text(m->freshest),
	};
}

/* Bytes in front of a TBS of that length, with a signature of the usual length. */
static RC outer_of(struct making *m, uint8_t *ret)
{
	static const uint8_t zeros[SIGNATURE_USUAL];
	AUTO_BUF(before, 16);
	AUTO_BUF(behind, 1024);

	TRY(crl_around((size_t)m->length, sigalg_of(m->a->issue.key, m->a->issue.sm2_null), SLICE_ARR(zeros),
	               &before, &behind));
	*ret = (uint8_t)before.len;
	return OK;
}

static RC write_all(struct making *m, uint64_t old, uint64_t added)
{
	AUTO_BUF(before, 32768);
	AUTO_BUF(behind, 16384);
	struct crl_head head = head_of(m);
	uint64_t start;

	TRY(crl_tbs_frame(&head, old + added, &before, &behind));
	m->length = before.len + old + added + behind.len;
	TRY(outer_of(m, &m->outer));
	m->at = start = m->outer;
	TRY(list_put(m, buf_slice(&before)));
	if (m->grows)
		TRY(copy_old(m));
	NEED(m->at - start == before.len + old, RC_CONFLICT, "the last list of %s changed under us", m->id);
	TRY(write_rows(m));
	NEED(m->at - start == before.len + old + added, RC_CONFLICT, "the rows changed between two walks");
	return list_put(m, buf_slice(&behind));
}

RC list_write(struct making *m, int64_t validity)
{
	uint64_t old = 0, added;

	TRY(authority_store_last_seq(m->db, m->a->id, &m->row.last_seq));
	TRY(number_next(m));
	m->row.this_update = clock_now();
	m->row.next_update = m->row.this_update + validity;
	if (m->delta)
		m->from = m->before.number != 0 ? m->before.last_seq : m->base.last_seq;
	else if (m->grows)
		TRY(open_old(m));
	if (m->grows) {
		TRY(read_gone(m));
		TRY(measure_old(m, &old));
	}
	TRY(measure_rows(m, &added));
	m->row.entries = m->kept + m->added;
	return write_all(m, old, added);
}
