/* Codes of the counter, recovery cases, mass operations, the registry, what applications follow: no failing
 * database call goes unnoticed or leaves half a change (R21.3, R21.5, R21.6, R31.2). */
#include "../../tests/lib/fault_walk.h"

#include "base/json.h"
#include "ra/basis.h"
#include "ra/loss.h"
#include "ra/mass.h"
#include "ra/recover.h"
#include "ra/registry.h"
#include "ra/store.h"

static const uint8_t mark[32] = {1}, mac[32] = {4}, token[32] = {5}, key[32] = {6}, hash[32] = {8};
static const uint8_t sign[16] = {0x31, 1}, encrypt[16] = {0x32, 1};
static const char *const holder = "00000000-0000-0000-0000-00000000000a";
static const char *const clerk = "11111111-0000-0000-0000-000000000001";
static const char *const reviewer = "22222222-0000-0000-0000-000000000002";
static const char mass[] = "mass000000000001";

static RC enter(struct db *db, uint8_t n)
{
	struct ra_application a = {.at = 1000 + n,
	                           .hash = {n},
	                           .spki = {n, n},
	                           .profile = "person",
	                           .class = "GOV",
	                           .authority = "sm2",
	                           .subject = "CN=张三,C=CN",
	                           .days = 730,
	                           .days_max = 1095};
	char id[RA_UUID + 1];

	snprintf(a.id, sizeof(a.id), "application%05u", n);
	memcpy(a.entity, holder, RA_UUID);
	memcpy(a.entry, clerk, RA_UUID);
	TRY(ra_store_entity(db, mark, "document", 1, holder, id));
	return ra_store_enter(db, &a, SLICE_LIT("statement"));
}

static struct ra_recovery recovery_of(uint8_t n)
{
	struct ra_recovery r = {.state = RECOVERY_REQUESTED, .spki = {6}, .at = n, .ca = "sm2"};

	memset(r.id, 'a' + n, RECOVERY_ID);
	memcpy(r.entity, holder, RA_UUID);
	memcpy(r.entry, clerk, RA_UUID);
	return r;
}

static struct ra_basis basis_of(void)
{
	struct ra_basis b = {.b = {.kind = BASIS_EXTEND, .ca = "sm2", .serial_len = sizeof(sign)}, .old = 1};

	memcpy(b.b.serial, sign, sizeof(sign));
	return b;
}

static struct mass_item item_of(uint8_t n)
{
	return (struct mass_item){
	        .n = n, .ca = SLICE_LIT("sm2"), .serial = slice_of(n == 1 ? sign : encrypt, 16)};
}

static RC put_certificates(struct db *db)
{
	TRY(ra_store_certificate_put(
	        db, 1,
	        &(struct ra_certificate){
	                .ca = "sm2", .serial = SLICE_ARR(sign), .der = SLICE_LIT("sign"), .part = RA_SIGN}));
	return ra_store_certificate_put(db, 1,
	                                &(struct ra_certificate){.ca = "sm2",
	                                                         .serial = SLICE_ARR(encrypt),
	                                                         .der = SLICE_LIT("encrypt"),
	                                                         .part = RA_ENCRYPT});
}

static struct rc setup(struct db *db)
{
	struct ra_recovery r = recovery_of(1);
	struct mass_row m = {.event = ORDER_HOLD, .at = 7};
	struct mass_item i = item_of(1);

	TRY(enter(db, 1));
	TRY(enter(db, 2));
	TRY(put_certificates(db));
	TRY(ra_store_envelope(db, 1, SLICE_LIT("envelope")));
	TRY(ra_store_code_put(db, 1, mac, clerk));
	TRY(ra_store_recovery_put(db, &r, SLICE_LIT("statement")));
	memcpy(m.id, mass, MASS_ID);
	memcpy(m.by, clerk, RA_UUID);
	TRY(ra_store_mass_put(db, &m, token));
	TRY(ra_store_mass_item(db, mass, &i));
	return ra_store_revocation_put(db, &(struct ra_revocation){.hash = {8},
	                                                           .at = 5,
	                                                           .ca = "sm2",
	                                                           .by = "someone",
	                                                           .serial = SLICE_ARR(sign),
	                                                           .statement = SLICE_LIT("revocation")});
}

/* ---- codes ---- */

static struct rc code_new(struct db *db)
{
	struct ra_code c;

	TRY(ra_store_code_failed(db, 1, 100, 60));
	TRY(ra_store_code_put(db, 1, token, clerk));
	TRY(ra_store_code(db, "sm2", SLICE_ARR(sign), &c));
	NEED(c.fresh && c.failures == 0 && c.mac[0] == 5, RC_BUG, "an old code");
	return OK;
}

static struct rc code_failed(struct db *db)
{
	struct ra_code c;

	TRY(ra_store_code_failed(db, 1, 100, 60));
	TRY(ra_store_code_failed(db, 1, 101, 60));
	TRY(ra_store_code(db, "sm2", SLICE_ARR(sign), &c));
	NEED(c.failures == 2, RC_BUG, "a failure does not count");
	return OK;
}

static struct rc code_used(struct db *db)
{
	struct ra_code c;

	TRY(ra_store_code_used(db, 1, 100));
	TRY(ra_store_code(db, "sm2", SLICE_ARR(sign), &c));
	NEED(!c.fresh, RC_BUG, "usable twice");
	return OK;
}

/* ---- certificates ---- */

static struct rc look_up(struct db *db)
{
	struct ra_application a;
	char id[RA_ID + 1];
	bool same;
	AUTO_BUF(der, 64);

	TRY(ra_store_certified(db, SLICE_LIT("sm2"), SLICE_ARR(encrypt), id));
	TRY(ra_store_same_pair(db, "sm2", SLICE_ARR(encrypt), SLICE_ARR(sign), &same));
	NEED(same, RC_BUG, "not a pair");
	TRY(ra_store_find_certificate(db, "sm2", SLICE_ARR(sign), &a, &der));
	NEED(a.seq == 1, RC_BUG, "another application");
	return ra_store_encryption(db, "sm2", SLICE_ARR(encrypt), &der);
}

static struct rc find_revocation(struct db *db)
{
	struct ra_revocation r;

	TRY(ra_store_revocation_find(db, hash, &r));
	NEED(strcmp(r.by, "someone") == 0, RC_BUG, "another revocation");
	return OK;
}

static struct rc follow(struct db *db)
{
	struct ra_basis b = basis_of(), got;

	TRY(ra_store_basis_put(db, 2, &b));
	TRY(ra_store_basis(db, 2, &got));
	NEED(got.b.kind == BASIS_EXTEND && got.old == 1, RC_BUG, "another basis");
	return ra_store_envelope_kept(db, 2);
}

static struct rc warn_once(struct db *db)
{
	bool first;

	TRY(ra_registry_warned(db, 1, 30, 1000, &first));
	NEED(first, RC_BUG, "not the first time");
	TRY(ra_registry_warned(db, 1, 30, 1001, &first));
	NEED(!first, RC_BUG, "the first time again");
	return OK;
}

/* ---- recovery ---- */

static struct rc count_id(void *arg, const char *id)
{
	(void)id;
	(*(int *)arg)++;
	return OK;
}

static struct rc count_pair(void *arg, struct slice a, struct slice b)
{
	(void)a;
	(void)b;
	(*(int *)arg)++;
	return OK;
}

static struct rc count_recovery(void *arg, const struct ra_recovery *r)
{
	(void)r;
	(*(int *)arg)++;
	return OK;
}

static struct rc recover(struct db *db)
{
	struct ra_recovery r = recovery_of(1), got;
	int n = 0;

	TRY(ra_store_recovery_decide(db, r.id, RECOVERY_APPROVED, reviewer, SLICE_LIT("decision")));
	TRY(ra_store_recovered_put(db, r.id, SLICE_ARR(encrypt), SLICE_LIT("envelope")));
	TRY(ra_store_recovery_release(db, r.id));
	TRY(ra_store_recovery(db, r.id, &got, NULL, NULL));
	NEED(got.state == RECOVERY_RELEASED, RC_BUG, "not released");
	TRY(ra_store_recovered_each(db, r.id, count_pair, &n));
	TRY(ra_store_recovered_for(db, key, count_id, &n));
	TRY(ra_store_encryption_each(db, "sm2", holder, count_pair, &n));
	NEED(n == 3, RC_BUG, "something is lost");
	return OK;
}

static struct rc ask_recovery(struct db *db)
{
	struct ra_recovery r = recovery_of(2);
	int n = 0;

	TRY(ra_store_recovery_put(db, &r, SLICE_LIT("statement")));
	TRY(ra_store_recovery_each(db, 9, count_recovery, &n));
	NEED(n == 2, RC_BUG, "a case is lost");
	return OK;
}

/* ---- mass operations ---- */

static struct rc mass_order(struct db *db)
{
	struct mass_row m = {.event = ORDER_REVOKE, .at = 9}, got;
	struct mass_item i = item_of(2);

	memcpy(m.id, "mass000000000002", MASS_ID);
	memcpy(m.by, clerk, RA_UUID);
	TRY(ra_store_mass_put(db, &m, hash));
	TRY(ra_store_mass_item(db, m.id, &i));
	TRY(ra_mass_find(db, slice_text(m.id), &got));
	NEED(got.event == ORDER_REVOKE, RC_BUG, "another order");
	return OK;
}

static struct rc mass_end(struct db *db)
{
	struct mass_item i = item_of(1);
	enum mass_state state;
	AUTO_JSON(counts, json_object());
	AUTO_JSON(list, json_array());

	i.state = MASS_REFUSED;
	i.code = "not-found";
	TRY(ra_store_mass_end(db, mass, &i));
	TRY(ra_store_mass_state(db, mass, "sm2", i.serial, &state));
	NEED(state == MASS_REFUSED, RC_BUG, "another state");
	TRY(ra_store_mass_counts(db, mass, counts));
	TRY(ra_store_mass_list(db, mass, MASS_REFUSED, list));
	NEED(json_array_size(list) == 1, RC_BUG, "an item is lost");
	return OK;
}

static void every_failing_call_is_noticed(void **state)
{
	static const struct walk_case cases[] = {
	        {"code_new", code_new},     {"code_failed", code_failed},
	        {"code_used", code_used},   {"look_up", look_up},
	        {"follow", follow},         {"find_revocation", find_revocation},
	        {"warn_once", warn_once},   {"recover", recover},
	        {"mass_order", mass_order}, {"ask_recovery", ask_recovery},
	        {"mass_end", mass_end},
	};

	(void)state;
	walk_faults(&(struct walk){"ra", setup, cases, sizeof(cases) / sizeof(cases[0])});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(every_failing_call_is_noticed, walk_open_folder,
	                                        walk_remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
