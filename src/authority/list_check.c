/* Nothing is published that was not looked at again (R21.9): every entry of the file against the rows, number
 * and dates, the signature over what stands there.  The signer reads the same file meanwhile. */
#include "authority/list_private.h"

#include "base/clock.h"
#include "base/text.h"
#include "signer/client.h"
#include "sm/sm3.h"

#include <pthread.h>
#include <unistd.h>

#define SIGN_AGAIN 64 /* a signature one byte shorter can need another length in front of all: ask again */

/* ---- beside us ---- */

struct beside {
	struct making *m;
	struct buf signature;
	uint8_t hash[32];
	struct rc_text why;
};

static void *sign_main(void *arg)
{
	struct beside *b = arg;

	if (!rc_ok(signer_crl(instance_signer(b->m->in), slice_text(b->m->a->id), b->m->fd, b->m->outer,
	                      &b->signature)))
		b->why = *rc_last();
	return NULL;
}

static void *hash_main(void *arg)
{
	struct beside *b = arg;

	if (!rc_ok(list_hash(b->m->old_fd, b->hash)))
		b->why = *rc_last();
	return NULL;
}

RC list_hash(int fd, uint8_t ret[32])
{
	AUTO_BUF(window, LIST_WINDOW);
	uint8_t *p = buf_room(&window, LIST_WINDOW);
	uint64_t end, at = 0;
	struct sm3 h;

	NEED(p != NULL, RC_NOMEM, "no memory");
	TRY(file_size(fd, &end));
	sm3_init(&h);
	while (at < end) {
		size_t n = end - at < LIST_WINDOW ? (size_t)(end - at) : LIST_WINDOW;

		TRY(file_at(fd, at, p, n));
		sm3_update(&h, slice_of(p, n));
		at += n;
	}
	sm3_final(&h, ret);
	return OK;
}

/* ---- entries against rows ---- */

struct comparing {
	struct making *m;
	int64_t seen;
	struct buf wanted;
};

static struct rc compare(void *arg, const struct crl_entry *e, struct slice tlv)
{
	struct comparing *c = arg;
	struct crl_entry row;
	bool more;

	if (c->seen++ < c->m->kept) {
		REQUIRE(!list_is_gone(c->m, e->serial), CRL_CHANGED,
		        "an entry that left is in the list of %s", c->m->id);
		return OK;
	}
	TRY(list_row_next(c->m, &row, &more));
	REQUIRE(more, CRL_CHANGED, "the list of %s has an entry more than the rows", c->m->id);
	buf_clear(&c->wanted);
	TRY(crl_entry_write(&row, &c->wanted));
	REQUIRE(slice_equal(buf_slice(&c->wanted), tlv), CRL_CHANGED,
	        "an entry of the list of %s is not what its row says", c->m->id);
	return OK;
}

static RC compare_all(struct making *m, struct crl_scan *s, struct signed_hash *hash)
{
	struct comparing c = {.m = m, .wanted = BUF(256)};
	struct rc rc = list_rows(m);

	if (rc_ok(rc))
		rc = crl_scan_walk(s, hash, compare, &c);
	buf_free(&c.wanted);
	TRY(rc);
	REQUIRE(c.seen == m->row.entries, CRL_CHANGED, "%lld of %lld entries are in the list of %s",
	        (long long)c.seen, (long long)m->row.entries, m->id);
	return OK;
}

static RC look(struct making *m, uint8_t hash[SIGNED_HASH])
{
	AUTO_SCAN(s);
	struct crl_input in = {.fd = m->fd, .at = m->outer, .read = file_at};
	struct signed_hash h = {.sha = NULL};
	struct rc rc;

	TRY(file_size(m->fd, &in.end));
	TRY(crl_scan_open(&in, false, &s));
	REQUIRE(crl_number(&s.crl) == (uint64_t)m->row.number && m->row.number >= m->base.number &&
	                s.crl.next_update > clock_now() && slice_equal(s.crl.issuer, m->a->cert.subject) &&
	                s.crl.delta == m->delta,
	        CRL_CHANGED, "number, dates or issuer of the list of %s", m->id);
	rc = signed_hash_begin(&h, &m->a->cert.key);
	if (rc_ok(rc))
		rc = compare_all(m, &s, &h);
	if (rc_ok(rc))
		rc = signed_hash_end(&h, hash);
	signed_hash_wipe(&h);
	return rc;
}

/* ---- signature ---- */

static RC close_file(struct making *m, struct slice signature, const uint8_t hash[SIGNED_HASH], bool *fits)
{
	struct sigalg alg = sigalg_of(m->a->issue.key, m->a->issue.sm2_null);
	AUTO_BUF(before, 16);
	AUTO_BUF(behind, 1024);

	REQUIRE(rc_ok(pubkey_verify_hash(&m->a->cert.key, alg, hash, signature)), CRL_CHANGED,
	        "the signature of the list of %s does not verify", m->id);
	TRY(crl_around((size_t)m->length, alg, signature, &before, &behind));
	*fits = before.len == m->outer;
	if (!*fits)
		return OK;
	NEED(signature.len <= sizeof(m->row.signature), RC_BUG, "a signature of %zu bytes", signature.len);
	memcpy(m->row.signature, signature.p, signature.len);
	m->row.signature_len = signature.len;
	TRY(list_put(m, buf_slice(&behind)));
	m->at = 0;
	return list_put(m, buf_slice(&before));
}

static RC sign(struct making *m)
{
	struct beside b = {.m = m, .signature = BUF(KEY_SIG_MAX), .why = {.code = RC_OK}};
	uint8_t hash[SIGNED_HASH];
	bool fits = false;
	pthread_t thread;
	struct rc rc;

	NEED(pthread_create(&thread, NULL, sign_main, &b) == 0, RC_NOMEM, "no thread to sign with");
	rc = look(m, hash);
	pthread_join(thread, NULL);
	for (int i = 0; rc_ok(rc) && !fits && i < SIGN_AGAIN; i++) {
		if (i > 0) {
			buf_clear(&b.signature);
			(void)sign_main(&b);
		}
		rc = b.why.code != RC_OK ? rc_restore(&b.why)
		                         : close_file(m, buf_slice(&b.signature), hash, &fits);
	}
	buf_free(&b.signature);
	TRY(rc);
	NEED(fits, RC_BUSY, "no signature of the wanted length");
	return OK;
}

/* The bytes that the last list gave are those that were published. */
static RC hashes(struct making *m)
{
	struct beside b = {.m = m, .why = {.code = RC_OK}};
	pthread_t thread;
	struct rc rc;

	if (!m->grows)
		return list_hash(m->fd, m->row.sm3);
	NEED(pthread_create(&thread, NULL, hash_main, &b) == 0, RC_NOMEM, "no thread to hash with");
	rc = list_hash(m->fd, m->row.sm3);
	pthread_join(thread, NULL);
	TRY(rc);
	if (b.why.code != RC_OK)
		return rc_restore(&b.why);
	NEED(memcmp(b.hash, m->base.sm3, 32) == 0, RC_CONFLICT, "the last list of %s was changed", m->id);
	return OK;
}

RC list_finish(struct making *m)
{
	TRY(sign(m));
	TRY(hashes(m));
	NEED(fsync(m->fd) == 0, RC_BUSY, "cannot sync the revocation list");
	return OK;
}
