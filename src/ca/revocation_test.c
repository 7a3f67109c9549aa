/* Revocation and the lists made of it (R21.6, R21.7, R21.9, R31.2, R31.3, R31.5; design 9.8). */
#include "../../tests/lib/small_ca.h"

/* ---- revocation ---- */

static RC revoke_as(enum world_key who, const char *role, const char *serial, const char *reason,
                    json_t **ret)
{
	AUTO_JSON(body, json_object());
	AUTO_BUF(der, STATEMENT_MAX);

	json_put_cstr(body, "ca", "sm2");
	json_put_cstr(body, "serial", serial);
	json_put_cstr(body, "reason", reason);
	world_statement(STATEMENT_REVOCATION, who, "shifan", role, body, &der);
	return ca_revoke(ca_of(), buf_slice(&der), ret);
}

static void read_list(struct buf *der)
{
	int64_t number;
	char path[2048];

	buf_clear(der);
	assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
	assert_ok(file_read(path, CRL_FILE_MAX, der));
}

/* libcrypto finds the serial in the list, or does not. */
static bool judge_listed(struct slice der, const char *serial)
{
	const unsigned char *p = der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.len);
	AUTO(bignum_st, n, NULL);
	X509_REVOKED *entry = NULL;
	ASN1_INTEGER *i;
	bool found;

	assert_non_null(crl);
	assert_true(BN_hex2bn(&n, serial) > 0);
	i = BN_to_ASN1_INTEGER(n, NULL);
	found = X509_CRL_get0_by_serial(crl, &entry, i) == 1;
	ASN1_INTEGER_free(i);
	X509_CRL_free(crl);
	return found;
}

static bool listed(const char *serial)
{
	AUTO_BUF(der, CRL_FILE_MAX);

	read_list(&der);
	return judge_listed(buf_slice(&der), serial);
}

static void revocation_reaches_the_list(void **state)
{
	AUTO(evp_pkey_st, ca, judge_sm2(&world.key[W_CA]));
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);
	AUTO_BUF(before, CRL_FILE_MAX);
	AUTO_BUF(after, CRL_FILE_MAX);
	const char *serial = text_at(o, "serial");
	struct crl a, b;

	(void)state;
	read_list(&before);
	assert_false(judge_listed(buf_slice(&before), serial));
	assert_ok(revoke_as(W_REVIEW, "review", serial, "keyCompromise", &done));
	assert_string_equal(text_at(done, "serial"), serial);
	/* both of the pair, unless the statement or the CPS says otherwise (R31.3) */
	assert_int_equal(entries_of("revoked", serial), 1);
	assert_int_equal(entries_of("revoked", text_at(o, "encrypt_serial")), 1);
	world_until(listed(serial));
	read_list(&after);
	assert_ok(crl_parse(buf_slice(&before), &a));
	assert_ok(crl_parse(buf_slice(&after), &b));
	assert_true(judge_verify(ca, b.tbs, b.signature));
	assert_true(crl_number(&b) > crl_number(&a)); /* R21.6: rises */
	assert_true(judge_listed(buf_slice(&after), text_at(o, "encrypt_serial")));
	/* final; unknown stays unknown */
	json_t *no = NULL;

	assert_refused(revoke_as(W_CHIEF, "ca-operator", serial, "superseded", &no), ALREADY_REVOKED);
	assert_int_equal(revoke_as(W_CHIEF, "ca-operator", "5a5a5a", "superseded", &no).code, RC_NOTFOUND);
	assert_refused(revoke_as(W_ENTRY, "entry", serial, "superseded", &no), REVOCATION_RIGHT);
	assert_refused(revoke_as(W_STRANGER, "review", serial, "superseded", &no), STATEMENT_ROLE);
	assert_refused(revoke_as(W_CHIEF, "ca-operator", serial, "removeFromCRL", &no), ALREADY_REVOKED);
	assert_refused(revoke_as(W_CHIEF, "ca-operator", serial, "certificateHold", &no), ALREADY_REVOKED);
	assert_int_equal(entries_of("revoked", ""), 2);
}

static struct rc run_sql(struct db_tx *tx, void *arg)
{
	return db_run(tx->db, NULL, arg, DB_NOARGS);
}

static void sql(struct instance *in, const char *text)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	assert_ok(writer_run(instance_writer(in), run_sql, copy));
}

static enum life_state state_of(const char *serial)
{
	AUTO_MEM(struct ca_certificate, c, mem_new(1, sizeof(*c)));
	AUTO_BUF(magnitude, CERT_SERIAL_MAX);
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	AUTO(db_lease, lease, NULL);
	struct revocation last;
	enum life_state ret;

	assert_ok(db_pool_lease(instance_readers(ca_in), &lease));
	assert_ok(cert_serial_from_text(slice_text(serial), &magnitude));
	assert_ok(ca_store_certificate(lease->db, "sm2", buf_slice(&magnitude), c, &tbs));
	assert_ok(ca_life(lease->db, c, clock_now(), &ret, &last));
	return ret;
}

/* R21.7: hold shows and goes, the same statement again changes nothing, and holders cannot lift it. */
static void a_hold_comes_and_goes(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(held, NULL);
	AUTO_JSON(freed, NULL);
	json_t *no = NULL;
	const char *serial = text_at(o, "serial"), *pair = text_at(o, "encrypt_serial");

	(void)state;
	assert_refused(revoke_as(W_REVIEW, "review", serial, "removeFromCRL", &no), CERTIFICATE_STATE);
	/* a clerk alone stops, and neither ends nor lifts (R31.2) */
	assert_ok(revoke_as(W_ENTRY, "entry", serial, "certificateHold", &held));
	assert_string_equal(text_at(held, "state"), "on-hold");
	assert_string_equal(text_at(held, "ground"), "holder");
	assert_int_equal(state_of(serial), LIFE_ON_HOLD);
	assert_int_equal(state_of(pair), LIFE_ON_HOLD);
	world_until(listed(serial) && listed(pair));
	assert_refused(revoke_as(W_ENTRY, "entry", serial, "removeFromCRL", &no), REVOCATION_RIGHT);
	assert_refused(revoke_as(W_REVIEW, "review", serial, "certificateHold", &no), CERTIFICATE_STATE);
	assert_ok(revoke_as(W_REVIEW, "review", serial, "removeFromCRL", &freed));
	assert_string_equal(text_at(freed, "state"), "active");
	assert_int_equal(state_of(serial), LIFE_ACTIVE);
	assert_int_equal(state_of(pair), LIFE_ACTIVE);
	world_until(!listed(serial) && !listed(pair));
	assert_int_equal(entries_of("released", serial), 1);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM certificate WHERE status = 1"), 0);
}

static RC hold_again(struct slice der, json_t **ret)
{
	return ca_revoke(ca_of(), der, ret);
}

/* A statement counts once: sent again it is answered as before, also after its hold was lifted. */
static void an_old_hold_does_not_come_back(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(body, json_object());
	AUTO_JSON(first, NULL);
	AUTO_JSON(again, NULL);
	AUTO_JSON(freed, NULL);
	AUTO_BUF(der, STATEMENT_MAX);

	(void)state;
	json_put_cstr(body, "ca", "sm2");
	json_put_cstr(body, "serial", text_at(o, "serial"));
	json_put_cstr(body, "reason", "certificateHold");
	json_put_time(body, "reported", clock_now() - 60);
	world_statement(STATEMENT_REVOCATION, W_REVIEW, "shifan", "review", body, &der);
	assert_ok(hold_again(buf_slice(&der), &first));
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o, "serial"), "removeFromCRL", &freed));
	assert_ok(hold_again(buf_slice(&der), &again));
	assert_true(json_equal(first, again));
	assert_non_null(json_object_get(first, "reported")); /* R31.5: both times */
	assert_int_equal(state_of(text_at(o, "serial")), LIFE_ACTIVE);
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM revocation"), 4);
}

/* R21.7: the longest time is over, once; who was released or is expired is left alone. */
static void a_hold_ends_by_rule(void **state)
{
	struct subject other = {2, "8", "李四", "GOV", W_REVIEW, "sm2"};
	AUTO_PAPER(p, &zhang);
	AUTO_PAPER(q, &other);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(o2, post(&q));
	AUTO_JSON(held, NULL);
	AUTO_JSON(held2, NULL);
	AUTO_JSON(freed, NULL);

	(void)state;
	assert_int_equal(ca_hold_due(ca_of()), INT64_MAX);
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o, "serial"), "certificateHold", &held));
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o2, "serial"), "certificateHold", &held2));
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o2, "serial"), "removeFromCRL", &freed));
	assert_true(ca_hold_due(ca_of()) > clock_now() + 29 * W_DAY);
	assert_ok(ca_hold_run(ca_of()));
	assert_int_equal(state_of(text_at(o, "serial")), LIFE_ON_HOLD);
	sql(ca_in, "UPDATE revocation SET at = at - 31 * 86400, since = since - 31 * 86400");
	assert_true(ca_hold_due(ca_of()) < clock_now());
	world.signer_fails = RC_BUSY;
	assert_int_equal(ca_hold_run(ca_of()).code, RC_BUSY);
	assert_int_equal(state_of(text_at(o, "serial")), LIFE_ON_HOLD);
	world.signer_fails = RC_OK;
	assert_ok(ca_hold_run(ca_of()));
	assert_int_equal(state_of(text_at(o, "serial")), LIFE_REVOKED);
	assert_int_equal(state_of(text_at(o, "encrypt_serial")), LIFE_REVOKED);
	assert_int_equal(state_of(text_at(o2, "serial")), LIFE_ACTIVE);
	assert_int_equal(ca_hold_due(ca_of()), INT64_MAX);
	assert_ok(ca_hold_run(ca_of()));
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM revocation WHERE event = 0"), 2);
	/* since the hold, not since its end (X.509 8.5.2.2) */
	assert_int_equal(
	        scalar(ca_in, "SELECT count(*) FROM revocation WHERE event = 0 AND at - since > 30 * 86400"),
	        2);
}

/* The key's certificate is gone for good: a revoked key is never certified again (design 9.8). */
static void a_revoked_key_stays_out(void **state)
{
	struct subject again = zhang;
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);

	(void)state;
	assert_ok(revoke_as(W_CHIEF, "ca-operator", text_at(o, "serial"), "superseded", &done));
	again.class = "PUBLIC";
	AUTO_PAPER(q, &again);
	refused_with(&q, ERR_SAME_KEY);
}

/* "Always on": no gate, no signer, no KMC stands in its way. */
static void revocation_waits_for_nobody(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);

	(void)state;
	remove_file("authorisation.p7s");
	remove_file("cps.p7s");
	remove_file("ra-approval.p7s");
	world.signer_fails = RC_BUSY;
	world.kmc_fails = RC_BUSY;
	assert_ok(revoke_as(W_CHIEF, "ca-operator", text_at(o, "serial"), "superseded", &done));
	assert_int_equal(scalar(ca_in, "SELECT count(*) FROM revocation"), 2);
	world.signer_fails = RC_OK;
	world_until(listed(text_at(o, "serial")));
}

/* A revoked encryption certificate ends its key at the KMC (GB/T 25056), even if the KMC was away. */
static void an_ended_key_moves_to_history(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);

	(void)state;
	world.kmc_fails = RC_BUSY;
	assert_ok(revoke_as(W_CHIEF, "ca-operator", text_at(o, "encrypt_serial"), "superseded", &done));
	assert_int_equal(scalar(kmc_in, "SELECT count(*) FROM history"), 0);
	world.kmc_fails = RC_OK;
	world_until(scalar(kmc_in, "SELECT count(*) FROM history") == 1);
	world_until(scalar(ca_in, "SELECT count(*) FROM km_notice") == 0);
	world_until(listed(text_at(o, "encrypt_serial")));
}

/* ---- lists by period; after a restart numbers go on ---- */

static void numbers_go_on_after_a_restart(void **state)
{
	AUTO_BUF(a, CRL_FILE_MAX);
	AUTO_BUF(b, CRL_FILE_MAX);
	AUTO_BUF(c, CRL_FILE_MAX);
	struct crl x, y;
	char path[2048];
	int64_t number;

	(void)state;
	read_list(&a);
	assert_int_equal(crl_maker_due(ca_of()->lists) / W_DAY, (clock_now() + W_DAY / 2) / W_DAY);
	world_end(ca_in);
	start_ca();
	read_list(&b);
	assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
	/* a list whose file was lost or changed is made anew */
	assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
	world_end(ca_in);
	assert_int_equal(truncate(path, 100), 0);
	start_ca();
	read_list(&c);
	assert_ok(crl_parse(buf_slice(&b), &x));
	assert_ok(crl_parse(buf_slice(&c), &y));
	assert_true(crl_number(&y) > crl_number(&x));
}

/* Who learns of a list from the log finds that list, or a newer one. */
static void a_follower_finds_the_list_it_heard_of(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		uint64_t size = log_size(ca_in->log), now = 0;
		AUTO(db_lease, lease, NULL);
		AUTO_JSON(list, NULL);
		char path[2048];
		int64_t number;

		crl_maker_revoked(ca_of()->lists, "sm2");
		assert_ok(log_wait(ca_in->log, size, 20000, &now));
		assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
		assert_ok(db_pool_lease(ca_in->readers, &lease));
		assert_ok(log_read(lease->db, size, 1, &list));
		const json_t *e = json_object_get(json_array_get(list, 0), "entry");

		assert_string_equal(text_at(e, "kind"), "crl");
		const json_t *data = json_object_get(e, "data");

		/* a delta list in between is a list of its own */
		if (json_object_get(data, "list") == NULL)
			assert_true(number >= json_integer_value(json_object_get(data, "number")));
		assert_int_equal(access(path, R_OK), 0);
	}
}

/* ---- delta lists (R21.9), holds and their release (R21.7) ---- */

static X509_CRL *judge_list(const char *id, struct buf *der)
{
	const unsigned char *p;
	char path[2048];
	int64_t number;
	X509_CRL *x;

	buf_clear(der);
	assert_ok(crl_maker_file(ca_of()->lists, id, path, sizeof(path), &number));
	assert_ok(file_read(path, CRL_FILE_MAX, der));
	p = der->p;
	x = d2i_X509_CRL(NULL, &p, (long)der->len);
	assert_non_null(x);
	return x;
}

static int64_t judge_number(X509_CRL *x, int nid, int critical)
{
	int was = -1;
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(x, nid, &was, NULL);
	int64_t v = n != NULL ? ASN1_INTEGER_get(n) : -1;

	assert_int_equal(was, critical);
	ASN1_INTEGER_free(n);
	return v;
}

/* -1: not in the list */
static long judge_reason(X509_CRL *x, const char *serial)
{
	AUTO(bignum_st, n, NULL);
	X509_REVOKED *entry = NULL;
	ASN1_INTEGER *i;
	long reason = -1;

	assert_true(BN_hex2bn(&n, serial) > 0);
	i = BN_to_ASN1_INTEGER(n, NULL);
	if (X509_CRL_get0_by_serial(x, &entry, i) != 0) {
		ASN1_ENUMERATED *e = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);

		reason = e != NULL ? ASN1_ENUMERATED_get(e) : 0;
		ASN1_ENUMERATED_free(e);
	}
	ASN1_INTEGER_free(i);
	return reason;
}

/* Full list of number `full`: does the delta list say the same as that full list and what came since? */
static void same_as_delta(const char *serial, long in_full, long in_delta)
{
	AUTO_BUF(a, CRL_FILE_MAX);
	AUTO_BUF(b, CRL_FILE_MAX);
	X509_CRL *full = judge_list("sm2", &a), *delta = judge_list("sm2-delta", &b);
	AUTO(evp_pkey_st, ca, judge_sm2(&world.key[W_CA]));
	struct crl c;

	assert_ok(crl_parse(buf_slice(&b), &c));
	assert_true(judge_verify(ca, c.tbs, c.signature));
	assert_int_equal(judge_reason(full, serial), in_full);
	assert_int_equal(judge_reason(delta, serial), in_delta);
	assert_true(judge_number(delta, NID_delta_crl, 1) < judge_number(delta, NID_crl_number, 0));
	assert_true(X509_CRL_get_ext_by_NID(full, NID_freshest_crl, -1) >= 0);
	assert_true(X509_CRL_get_ext_by_NID(full, NID_delta_crl, -1) < 0);
	assert_int_equal(judge_number(full, NID_crl_number, 0), judge_number(delta, NID_crl_number, 0));
	X509_CRL_free(full);
	X509_CRL_free(delta);
}

static int64_t number_now(void)
{
	char path[2048];
	int64_t number;

	assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
	return number;
}

/* From now on lists are made when they are asked for. */
static void lists_rest(void)
{
	int64_t before;

	world_end(ca_in);
	world.crl_rests = true;
	start_ca();
	world.crl_rests = false;
	before = number_now();
	crl_maker_revoked(ca_of()->lists, "sm2");
	world_until(number_now() > before);
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", false, &(struct crl_made){0}));
}

static void delta_lists_tell_what_came_since(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(held, NULL);
	AUTO_JSON(freed, NULL);
	const char *serial = text_at(o, "serial");
	struct crl_made made = {0}, anew = {0};

	(void)state;
	lists_rest();
	assert_ok(revoke_as(W_REVIEW, "review", serial, "certificateHold", &held));
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", false, &made));
	same_as_delta(serial, REASON_HOLD, REASON_HOLD);
	assert_ok(revoke_as(W_REVIEW, "review", serial, "removeFromCRL", &freed));
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", false, &made));
	/* it has left the full list; who has the one before is told */
	same_as_delta(serial, -1, REASON_REMOVE);
	/* the rows alone give the same entries */
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", true, &anew));
	assert_int_equal(anew.entries, made.entries);
	assert_true(anew.number > made.number);
}

/* R21.6: a list never grows out of one that is not what was published. */
static void a_damaged_list_is_made_from_rows(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO_JSON(done, NULL);
	AUTO_BUF(der, CRL_FILE_MAX);
	struct crl_made made = {0}, again = {0};
	char path[2048];
	int64_t number;
	struct crl c;

	(void)state;
	assert_ok(revoke_as(W_REVIEW, "review", text_at(o, "serial"), "superseded", &done));
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", true, &made));
	assert_ok(crl_maker_file(ca_of()->lists, "sm2", path, sizeof(path), &number));
	assert_ok(file_read(path, CRL_FILE_MAX, &der));
	assert_ok(crl_parse(buf_slice(&der), &c));
	/* another serial number where the first one stands */
	der.p[(size_t)(c.entries.p - der.p) + 12] ^= 1;
	assert_ok(file_write(path, buf_slice(&der), 0640));
	assert_ok(crl_maker_build(ca_of()->lists, "sm2", false, &again));
	assert_int_equal(again.entries, made.entries);
	assert_true(again.number > made.number);
	assert_true(listed(text_at(o, "serial")));
}

/* What followers of the log get: the certificate with its entry. */
static void the_feed_carries_certificates(void **state)
{
	AUTO_PAPER(p, &zhang);
	AUTO_JSON(o, post(&p));
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(list, NULL);
	size_t with = 0;

	(void)state;
	assert_ok(db_pool_lease(ca_in->readers, &lease));
	assert_ok(log_read(lease->db, 0, 100, &list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *e = json_array_get(list, i);

		assert_ok(ca_log_entry(ca_in, lease->db, NULL, e));
		if (json_object_get(e, "certificate") == NULL)
			continue;
		with++;
		assert_true(json_equal(json_object_get(e, "certificate"),
		                       json_array_get(json_object_get(o, "certificates"), with - 1)));
	}
	assert_int_equal(with, 2);
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
	        FRESH(revocation_reaches_the_list),
	        FRESH(a_revoked_key_stays_out),
	        FRESH(a_hold_comes_and_goes),
	        FRESH(an_old_hold_does_not_come_back),
	        FRESH(a_hold_ends_by_rule),
	        FRESH(revocation_waits_for_nobody),
	        FRESH(an_ended_key_moves_to_history),
	        FRESH(numbers_go_on_after_a_restart),
	        FRESH(a_follower_finds_the_list_it_heard_of),
	        FRESH(the_feed_carries_certificates),
	        FRESH(delta_lists_tell_what_came_since),
	        FRESH(a_damaged_list_is_made_from_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
