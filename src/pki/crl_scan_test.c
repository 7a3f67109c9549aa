/* A list read through a window says what the list in memory says, good or bad (R21.9, R05.2). */
#include "pki/crl_scan.h"

#include "base/mem.h"
#include "pki/cert.h"
#include "pki/name.h"
#include "pki/testing.h"

#include "../../tests/lib/golden.h"

#include <sys/mman.h>
#include <unistd.h>

static int file_of(struct slice s)
{
	int fd = memfd_create("list", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, s.p, s.len), (ssize_t)s.len);
	return fd;
}

static struct crl_input input(int fd)
{
	struct crl_input in = {.fd = fd, .read = file_at};

	assert_ok(file_size(fd, &in.end));
	return in;
}

struct hold {
	struct der_reader r;
	size_t n;
};

static struct rc compare(void *arg, const struct crl_entry *e, struct slice tlv)
{
	struct hold *h = arg;
	struct crl_entry other;

	assert_true(crl_next(&h->r, &other));
	assert_true(slice_equal(e->serial, other.serial));
	assert_int_equal(e->revoked_at, other.revoked_at);
	assert_int_equal(e->reason, other.reason);
	assert_int_equal(e->has_invalidity, other.has_invalidity);
	assert_int_equal(e->invalidity, other.invalidity);
	assert_true(tlv.len > e->serial.len);
	h->n++;
	return OK;
}

static void good(const struct golden *g)
{
	AUTO_SCAN(s);
	struct crl c;
	int fd = file_of(g->der);
	struct crl_input in = input(fd);

	assert_ok(crl_parse(g->der, &c));
	struct hold h = {.r = crl_walk(&c)};
	assert_ok(crl_scan_open(&in, true, &s));
	assert_ok(crl_scan_walk(&s, NULL, compare, &h));
	assert_int_equal(s.count, h.n);
	assert_false(der_more(&h.r));
	assert_true(slice_equal(s.crl.issuer, c.issuer) && slice_equal(s.crl.number, c.number));
	assert_true(slice_equal(s.crl.signature, c.signature) && slice_equal(s.crl.aki, c.aki));
	assert_int_equal(s.crl.this_update, c.this_update);
	assert_int_equal(s.crl.next_update, c.next_update);
	assert_int_equal(s.crl.delta, c.delta);
	close(fd);
}

static RC scan(struct slice der)
{
	AUTO_SCAN(s);
	int fd = file_of(der);
	struct crl_input in = input(fd);
	struct rc rc = crl_scan_open(&in, true, &s);

	if (rc_ok(rc))
		rc = crl_scan_walk(&s, NULL, NULL, NULL);
	close(fd);
	return rc;
}

static void bad(const struct golden *g)
{
	assert_false(rc_ok(scan(g->der)));
}

static void lists_of_others_are_read_alike(void **state)
{
	(void)state;
	golden_each("crl/good", 6, good);
	golden_each("crl/bad", 12, bad);
}

static RC verify(struct slice der, const struct pubkey *k)
{
	AUTO_SCAN(s);
	int fd = file_of(der);
	struct crl_input in = input(fd);
	struct rc rc = crl_scan_open(&in, true, &s);

	if (rc_ok(rc))
		rc = crl_scan_verify(&s, k, NULL, NULL);
	close(fd);
	return rc;
}

static RC verify_whole(struct slice der, const struct pubkey *k)
{
	struct crl c;

	TRY(crl_parse(der, &c));
	return crl_verify(&c, k);
}

/* Each byte in turn, three values: what the one refuses the other refuses. */
static void a_changed_byte_is_seen_alike(void **state)
{
	static const char *const names[][2] = {{"sm2", "sm2-root"}, {"p256", "p256-root"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF(der, 1 << 20);
		AUTO_BUF(issuer, 65536);
		char path[512];
		struct cert ca;

		(void)snprintf(path, sizeof(path), TEST_DATA "/crl/good/%s.der", names[i][0]);
		assert_ok(file_read(path, 1 << 20, &der));
		(void)snprintf(path, sizeof(path), TEST_DATA "/cert/good/%s.der", names[i][1]);
		assert_ok(file_read(path, CERT_DER_MAX, &issuer));
		assert_ok(cert_parse(buf_slice(&issuer), &ca));
		assert_ok(verify(buf_slice(&der), &ca.key));
		for (size_t at = 0; at < der.len; at++) {
			for (int flip = 1; flip < 256; flip <<= 3) {
				der.p[at] ^= (uint8_t)flip;
				assert_int_equal(rc_ok(verify(buf_slice(&der), &ca.key)),
				                 rc_ok(verify_whole(buf_slice(&der), &ca.key)));
				der.p[at] ^= (uint8_t)flip;
			}
		}
		for (size_t len = 0; len < der.len; len++)
			assert_false(rc_ok(verify(slice_of(der.p, len), &ca.key)));
	}
}

/* ---- larger than the window, of all forms ---- */

static struct crl_entry entry(size_t i, uint8_t serial[16])
{
	struct crl_entry e = {.revoked_at = JUDGE_NOW + (int64_t)(i / 7), .reason = REASON_UNSPECIFIED};

	memset(serial, 0x5c, 16);
	memcpy(serial + 8, &i, 8);
	e.serial = slice_of(serial, 1 + i % 16);
	if (i % 3 == 0)
		e.reason = REASON_SUPERSEDED;
	e.has_invalidity = i % 11 == 0;
	e.invalidity = e.has_invalidity ? JUDGE_NOW : 0;
	if (i % 1000 == 0)
		e.revoked_at = 2600000000; /* GeneralizedTime */
	return e;
}

static void entries_across_windows(void **state)
{
	enum { N = 30000 };
	AUTO_MEM(struct crl_entry, list, mem_new(N, sizeof(*list)));
	AUTO_MEM(uint8_t, serials, mem_new(N, 16));
	AUTO_BUF(name, 256);
	AUTO_BUF(tbs, 8 << 20);
	AUTO_BUF(behind, 1024);
	AUTO_BUF(again, 8 << 20);
	AUTO_SCAN(s);
	struct crl_head head = {.alg = sigalg_of(PUBKEY_SM2, false), .this_update = JUDGE_NOW};
	struct crl c;

	(void)state;
	assert_ok(name_from_text(SLICE_LIT("CN=a"), &name));
	head.issuer = buf_slice(&name);
	head.next_update = JUDGE_NOW + 60;
	head.number = 9;
	head.delta = 5;
	head.freshest = SLICE_LIT("http://a/d.crl");
	for (size_t i = 0; i < N; i++)
		list[i] = entry(i, serials + i * 16);
	assert_ok(crl_tbs(&head, list, N, &tbs));
	assert_ok(crl_parse_tbs(buf_slice(&tbs), &c));
	assert_true(c.delta && slice_is(c.base, "\5") && c.freshest.count == 1);
	int fd = file_of(buf_slice(&tbs));
	struct crl_input in = input(fd);
	struct hold h = {.r = crl_walk(&c)};
	assert_ok(crl_scan_open(&in, false, &s));
	assert_ok(crl_scan_walk(&s, NULL, compare, &h));
	assert_int_equal(s.count, N);
	close(fd);
	/* a frame around entries that were written one by one is the same list */
	assert_ok(crl_tbs_frame(&head, c.entries.len, &again, &behind));
	for (size_t i = 0; i < N; i++)
		assert_ok(crl_entry_write(&list[i], &again));
	buf_add(&again, buf_slice(&behind));
	assert_true(slice_equal(buf_slice(&again), buf_slice(&tbs)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lists_of_others_are_read_alike),
	        cmocka_unit_test(a_changed_byte_is_seen_alike),
	        cmocka_unit_test(entries_across_windows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
