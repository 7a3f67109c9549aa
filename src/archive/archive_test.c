/* R24.11: year 9 from the archive alone.  Every CA certificate has expired, the key of the first stamp has
 * ended; what was renewed in time still proves, what was not does not, and no byte may be another. */
#include "archive/verify.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "evidence/tree.h"
#include "pki/crl.h"
#include "pki/tsp.h"
#include "statement/testing.h"

#define YEAR (365 * TIME_DAY)
#define STAMPS "critical,timeStamping"

/* A time-stamp authority under a root of its own. */
struct tsa {
	struct sm2_key key;
	EVP_PKEY *judge, *root_judge;
	struct sm2_key root_key;
	struct buf certificate, root;
	const char *root_name;
};

static struct world w;
static struct tsa early, late;
static struct archive_trust trust;

static void tsa_open(struct tsa *t, uint8_t n, const char *name, int64_t from, int64_t until)
{
	*t = (struct tsa){.key = judge_scalar((uint8_t)(60 + n)),
	                  .root_key = judge_scalar((uint8_t)(80 + n))};
	t->judge = judge_sm2(&t->key);
	t->root_judge = judge_sm2(&t->root_key);
	t->root_name = name;
	t->certificate = BUF(4096);
	t->root = BUF(4096);
	judge_certificate(&(struct judge_cert){.subject = name,
	                                       .serial = 1,
	                                       .from = from,
	                                       .until = until,
	                                       .basic = "critical,CA:TRUE",
	                                       .key = t->root_judge,
	                                       .signer = t->root_judge},
	                  &t->root);
	judge_certificate(&(struct judge_cert){.subject = "tsa",
	                                       .issuer = name,
	                                       .serial = 2,
	                                       .from = from,
	                                       .until = until,
	                                       .usage = "critical,digitalSignature",
	                                       .purposes = STAMPS,
	                                       .key = t->judge,
	                                       .signer = t->root_judge},
	                  &t->certificate);
}

static void tsa_close(struct tsa *t)
{
	EVP_PKEY_free(t->judge);
	EVP_PKEY_free(t->root_judge);
	buf_free(&t->certificate);
	buf_free(&t->root);
}

static int setup(void **state)
{
	(void)state;
	world_setup(&w);
	tsa_open(&early, 1, "tsa-root-1", JUDGE_NOW - TIME_DAY, JUDGE_NOW + 3 * YEAR);
	tsa_open(&late, 2, "tsa-root-2", JUDGE_NOW + 2 * YEAR, JUDGE_NOW + 10 * YEAR);
	trust.statements = w.trust;
	assert_ok(archive_trust_anchor(&trust, buf_slice(&w.certificate[W_SUBSCRIBER_CA])));
	assert_ok(archive_trust_anchor(&trust, buf_slice(&early.root)));
	assert_ok(archive_trust_anchor(&trust, buf_slice(&late.root)));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(&w);
	tsa_close(&early);
	tsa_close(&late);
	return 0;
}

/* ---- pieces ---- */

/* Of one list: whose, with which serial number in it (0: none). */
static void add_list(struct archive *a, const struct sm2_key *key, struct slice issuer, uint8_t serial,
                     int64_t at, int64_t revoked_at)
{
	struct cert ca;
	struct sigalg alg = {.oid = OID_SM2_SM3};
	struct crl_entry e = {.serial = SLICE_ARR(&serial), .revoked_at = revoked_at};
	struct sm2_sig sig;
	AUTO_BUF(tbs, 65536);
	AUTO_BUF(signature, SM2_SIG_DER_MAX);
	AUTO_BUF(der, 65536);

	e.serial = slice_of(&serial, 1);
	assert_ok(cert_parse(issuer, &ca));
	alg = ca.alg;
	struct crl_head h = {.alg = alg,
	                     .issuer = ca.subject,
	                     .this_update = at,
	                     .next_update = at + TIME_DAY,
	                     .number = 1,
	                     .aki = ca.ski};
	assert_ok(crl_tbs(&h, &e, serial != 0, &tbs));
	assert_ok(sm2_sign(key, SM2_ID, buf_slice(&tbs), &sig));
	sm2_sig_to_der(&sig, &signature);
	assert_ok(crl_assemble(buf_slice(&tbs), alg, buf_slice(&signature), &der));
	assert_ok(archive_add(a, ARCHIVE_CRL, buf_slice(&der)));
}

static void statement_about(enum statement_kind kind, enum who who, json_t *take, struct archive *a,
                            uint8_t sm3[32])
{
	struct statement_head h = world_head(&w, kind, who);
	AUTO_JSON(body, take);
	AUTO_BUF(der, STATEMENT_MAX);

	assert_ok(statement_sign(&h, body, &w.key[who], &der));
	sm3_hash(buf_slice(&der), sm3);
	assert_ok(archive_add(a, ARCHIVE_STATEMENT, buf_slice(&der)));
}

struct scene {
	const char *log;
	bool other_root, revoked, other_key;
};

/* The entry of the certificate as the second of two, and the head above them. */
static void add_entry(struct archive *a, const struct scene *s, const uint8_t request[32])
{
	static const uint8_t first[TREE_HASH] = {9};
	AUTO_JSON(data, json_object());
	AUTO_JSON(entry, json_object());
	AUTO_JSON(doc, json_object());
	AUTO_BUF(text, 65536);
	AUTO_BUF(leafed, 65536);
	uint8_t hash[32], none[32];
	tree_hash leaf, root;
	json_t *head = world_body(STATEMENT_TREE_HEAD), *proof = json_array();

	sm3_hash(buf_slice(&w.certificate[W_SUBSCRIBER]), hash);
	json_put_hex(data, "certificate", SLICE_ARR(hash));
	json_put_hex(data, "request", slice_of(request, 32));
	json_put_cstr(data, "part", "sign");
	json_put_time(entry, "at", JUDGE_NOW);
	json_put_take(entry, "data", json_incref(data));
	json_put_cstr(entry, "kind", "issued");
	json_put_take(entry, "sealed", json_null());
	buf_u8(&leafed, 0);
	assert_ok(json_canonical(entry, &leafed));
	sm3_hash(buf_slice(&leafed), leaf);
	tree_node(first, leaf, root);
	root[0] ^= s->other_root;
	buf_hex(&text, SLICE_ARR(first));
	json_array_append_new(proof, json_string(buf_cstr(&text)));
	json_put_take(doc, "entry", json_incref(entry));
	json_put_int(doc, "index", 1);
	json_put_int(doc, "size", 2);
	json_put_take(doc, "proof", proof);
	buf_clear(&text);
	assert_ok(json_canonical(doc, &text));
	assert_ok(archive_add(a, ARCHIVE_ENTRY, buf_slice(&text)));
	json_put_int(head, "size", 2);
	json_put_hex(head, "root", SLICE_ARR(root));
	json_put_cstr(head, "log", s->log);
	statement_about(STATEMENT_TREE_HEAD, W_LOG, head, a, none);
}

/* Everything but what `without` says, and no stamp yet. */
static void pieces(struct archive *a, const struct scene *s, int without)
{
	json_t *approval = world_body(STATEMENT_APPROVAL);
	uint8_t application[32], decision[32], key[32];
	struct cert c;

	if (without != ARCHIVE_CERTIFICATE)
		assert_ok(archive_add(a, ARCHIVE_CERTIFICATE, buf_slice(&w.certificate[W_SUBSCRIBER])));
	assert_ok(archive_add(a, ARCHIVE_AUTHORITY, buf_slice(&w.certificate[W_SUBSCRIBER_CA])));
	assert_ok(archive_add(a, ARCHIVE_AUTHORITY, buf_slice(&early.root)));
	if (without != ARCHIVE_CRL)
		add_list(a, &w.key[W_SUBSCRIBER_CA], buf_slice(&w.certificate[W_SUBSCRIBER_CA]),
		         s->revoked ? 100 + W_SUBSCRIBER : 0, JUDGE_NOW - 60, JUDGE_NOW - 90);
	statement_about(STATEMENT_APPLICATION, W_CLERK, world_body(STATEMENT_APPLICATION), a, application);
	json_put_hex(approval, "application", SLICE_ARR(application));
	assert_ok(cert_parse(buf_slice(&w.certificate[W_SUBSCRIBER]), &c));
	pubkey_sm3(&c.key, key);
	key[0] ^= s->other_key;
	json_put_hex(approval, "spki", SLICE_ARR(key));
	if (without != ARCHIVE_STATEMENT)
		statement_about(STATEMENT_APPROVAL, W_REVIEWER, approval, a, decision);
	else
		json_decref(approval);
	if (without != ARCHIVE_ENTRY)
		add_entry(a, s, decision);
}

static void stamp(struct archive *a, const struct tsa *t, int64_t at)
{
	static const uint8_t serial[TSP_SERIAL] = {1};
	struct tsp_info i = {.serial = SLICE_ARR(serial), .at = at, .accuracy = TSP_ACCURACY};
	AUTO_BUF(info, TSP_MAX);
	AUTO_BUF(token, TSP_MAX);

	assert_ok(archive_imprint(a, i.imprint));
	assert_ok(tsp_info_build(&i, &info));
	assert_ok(tsp_token_sign(buf_slice(&info), &t->key, buf_slice(&t->certificate), &token));
	assert_ok(archive_stamp(a, buf_slice(&token)));
}

static struct archive *make(const struct scene *s, int without)
{
	struct archive *a;

	assert_ok(archive_new(&a));
	pieces(a, s, without);
	stamp(a, &early, JUDGE_NOW + 60);
	return a;
}

/* As a stranger has it: out of the bytes. */
static struct rc judge(const struct archive *a, int64_t now, struct archive_report *ret)
{
	AUTO(archive, again, NULL);
	AUTO_BUF(text, ARCHIVE_MAX);

	TRY(archive_write(a, &text));
	TRY(archive_read(buf_slice(&text), &again));
	return archive_verify(again, &trust, now, ret);
}

static const struct scene plain = {.log = ORG "/ca"};

/* ---- the years ---- */

static void year_nine(void **state)
{
	AUTO(archive, a, make(&plain, -1));
	struct archive_report r;

	(void)state;
	assert_ok(judge(a, JUDGE_NOW + 120, &r));
	assert_int_equal(r.count, 1);
	assert_int_equal(r.statements, 3);
	assert_int_equal(r.renew, JUDGE_NOW + 3 * YEAR);
	assert_false(r.subject[0].revoked);
	assert_int_equal(r.subject[0].until, JUDGE_NOW + 60);
	/* the world's certificates ended five days after the beginning, the first stamp's after three years
	 */
	assert_refused(judge(a, JUDGE_NOW + 9 * YEAR, &r), ARCHIVE_OVER);
	assert_ok(archive_add(a, ARCHIVE_AUTHORITY, buf_slice(&late.root)));
	add_list(a, &early.root_key, buf_slice(&early.root), 0, JUDGE_NOW + 2 * YEAR, 0);
	assert_refused(judge(a, JUDGE_NOW + 2 * YEAR, &r), ARCHIVE_UNSTAMPED);
	stamp(a, &late, JUDGE_NOW + 3 * YEAR - TIME_DAY);
	assert_ok(judge(a, JUDGE_NOW + 9 * YEAR, &r));
	assert_int_equal(r.stamps, 2);
	assert_int_equal(r.first, JUDGE_NOW + 60);
	assert_int_equal(r.subject[0].until, JUDGE_NOW + 60);
	assert_int_equal(r.renew, JUDGE_NOW + 10 * YEAR);
	assert_refused(judge(a, JUDGE_NOW + 11 * YEAR, &r), ARCHIVE_OVER);
	/* the same stamp once more adds nothing, and the last may not lie ahead */
	assert_refused(judge(a, JUDGE_NOW + YEAR, &r), ARCHIVE_LATE);
}

static void renewed_too_late(void **state)
{
	AUTO(archive, a, make(&plain, -1));
	struct archive_report r;

	(void)state;
	assert_ok(archive_add(a, ARCHIVE_AUTHORITY, buf_slice(&late.root)));
	stamp(a, &late, JUDGE_NOW + 3 * YEAR + TIME_DAY);
	assert_refused(judge(a, JUDGE_NOW + 4 * YEAR, &r), ARCHIVE_LATE);
}

static void renewed_after_a_revocation(void **state)
{
	AUTO(archive, a, make(&plain, -1));
	AUTO(archive, b, make(&plain, -1));
	struct archive_report r;

	(void)state;
	assert_ok(archive_add(a, ARCHIVE_AUTHORITY, buf_slice(&late.root)));
	add_list(a, &early.root_key, buf_slice(&early.root), 2, JUDGE_NOW + 2 * YEAR, JUDGE_NOW + YEAR);
	stamp(a, &late, JUDGE_NOW + 2 * YEAR + TIME_DAY);
	assert_refused(judge(a, JUDGE_NOW + 4 * YEAR, &r), ARCHIVE_LATE);
	/* revoked only after the renewal: it had done its work */
	assert_ok(archive_add(b, ARCHIVE_AUTHORITY, buf_slice(&late.root)));
	add_list(b, &early.root_key, buf_slice(&early.root), 2, JUDGE_NOW + 2 * YEAR,
	         JUDGE_NOW + 2 * YEAR + 2 * TIME_DAY);
	stamp(b, &late, JUDGE_NOW + 2 * YEAR + TIME_DAY);
	assert_ok(judge(b, JUDGE_NOW + 4 * YEAR, &r));
}

static void stamps_keep_their_order(void **state)
{
	AUTO(archive, a, make(&plain, -1));
	struct archive_report r;

	(void)state;
	stamp(a, &early, JUDGE_NOW + 30);
	assert_refused(judge(a, JUDGE_NOW + 120, &r), ARCHIVE_LATE);
}

/* ---- what must be there ---- */

static void what_is_missing_is_missed(void **state)
{
	static const int needed[] = {ARCHIVE_CERTIFICATE, ARCHIVE_CRL, ARCHIVE_STATEMENT, ARCHIVE_ENTRY};
	struct archive_report r;

	(void)state;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		AUTO(archive, a, make(&plain, needed[i]));

		assert_refused(judge(a, JUDGE_NOW + 120, &r), ARCHIVE_INCOMPLETE);
	}
}

static void what_does_not_fit_is_refused(void **state)
{
	static const struct scene ra = {.log = ORG "/ra"}, root = {.log = ORG "/ca", .other_root = true},
	                          gone = {.log = ORG "/ca", .revoked = true},
	                          key = {.log = ORG "/ca", .other_key = true};
	AUTO(archive, other_key, make(&key, -1));
	AUTO(archive, other_log, make(&ra, -1));
	AUTO(archive, other_root, make(&root, -1));
	AUTO(archive, revoked, make(&gone, -1));
	AUTO(archive, good, make(&plain, -1));
	struct archive_trust nobody = {.statements = w.trust};
	struct archive_report r;

	(void)state;
	assert_refused(judge(other_log, JUDGE_NOW + 120, &r), ARCHIVE_INCOMPLETE);
	assert_refused(judge(other_root, JUDGE_NOW + 120, &r), LOG_PROOF);
	assert_refused(judge(other_key, JUDGE_NOW + 120, &r), REQUEST_MISMATCH);
	assert_ok(judge(revoked, JUDGE_NOW + 120, &r));
	assert_true(r.subject[0].revoked);
	assert_int_equal(r.subject[0].until, JUDGE_NOW - 90);
	assert_refused(archive_verify(good, &nobody, JUDGE_NOW + 120, &r), CHAIN_ANCHOR);
}

static void a_stamp_is_over_this_archive(void **state)
{
	AUTO(archive, a, make(&plain, -1));
	AUTO(archive, b, make(&plain, -1));

	(void)state;
	assert_ok(archive_add(b, ARCHIVE_AUTHORITY, buf_slice(&late.root)));
	assert_refused(archive_stamp(b, buf_slice(&a->stamp[0])), TSP_IMPRINT);
}

/* ---- no byte may be another ---- */

static void every_byte_counts(void **state)
{
	AUTO(archive, a, make(&plain, -1));
	AUTO_BUF(text, ARCHIVE_MAX);
	struct archive_report r;

	(void)state;
	assert_ok(archive_add(a, ARCHIVE_AUTHORITY, buf_slice(&late.root)));
	stamp(a, &late, JUDGE_NOW + 2 * YEAR + TIME_DAY);
	assert_ok(archive_write(a, &text));
	for (size_t i = 0; i < text.len; i++) {
		AUTO(archive, again, NULL);
		uint8_t bit = (uint8_t)(1u << i % 8);

		text.p[i] ^= bit;
		if (rc_ok(archive_read(buf_slice(&text), &again)) &&
		    rc_ok(archive_verify(again, &trust, JUDGE_NOW + 9 * YEAR, &r)))
			fail_msg("byte %zu of %zu may be altered", i, text.len);
		text.p[i] ^= bit;
	}
	AUTO(archive, whole, NULL);
	assert_ok(archive_read(buf_slice(&text), &whole));
	assert_ok(archive_verify(whole, &trust, JUDGE_NOW + 9 * YEAR, &r));
	assert_refused(archive_read(slice_of(text.p, text.len - 1), &whole), ARCHIVE_FORM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(year_nine),
	        cmocka_unit_test(renewed_too_late),
	        cmocka_unit_test(renewed_after_a_revocation),
	        cmocka_unit_test(stamps_keep_their_order),
	        cmocka_unit_test(what_is_missing_is_missed),
	        cmocka_unit_test(what_does_not_fit_is_refused),
	        cmocka_unit_test(a_stamp_is_over_this_archive),
	        cmocka_unit_test(every_byte_counts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
