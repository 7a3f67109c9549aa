/* Trust folders: what is there must verify, roles follow grants, no TLS authority names another organisation.
 */
#include "../../tests/lib/small_world.h"

static int open_world(void **state)
{
	(void)state;
	world_open();
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	world_close();
	return 0;
}

static RC load(struct trust **ret)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/shifan/ca/trust", world.dir);
	return trust_load(path, "shifan", ret);
}

static void a_folder_is_read_whole(void **state)
{
	const struct trust_authority *a;
	const char *crl = "http://127.0.0.1:7452/crl/sm2.crl";
	struct trust *t = NULL;

	(void)state;
	assert_ok(load(&t));
	a = trust_authority(t, "sm2");
	assert_non_null(a);
	assert_false(a->self_signed);
	assert_true(slice_is(a->issue.crl_url, crl));
	assert_true(slice_is(a->issue.ocsp_url, "http://127.0.0.1:7452/ocsp"));
	assert_true(slice_is(a->issue.ca_url, "http://127.0.0.1:7452/ca/sm2.cer"));
	assert_true(trust_authority(t, "root")->self_signed);
	assert_null(trust_authority(t, "nobody"));
	assert_null(trust_authority_at(t, 2));
	assert_true(trust_authorisation(t)->present && trust_authorisation(t)->demonstration);
	assert_string_equal(trust_authorisation(t)->institution, "shifan");
	assert_int_equal(trust_cps(t)->crl_period_seconds, 86400);
	assert_string_equal(trust_ra(t)->ra, "shifan/ra");
	assert_string_equal(profile_id(trust_profile(t, "person")->profile), "person");
	assert_string_equal(trust_policy(t, SLICE_LIT("GOV")), "1.3.6.1.4.1.32473.1.1");
	assert_null(trust_policy(t, SLICE_LIT("OTHER")));
	assert_true(slice_equal(trust_kmc(t), buf_slice(&world.cert[W_KMC])));
	trust_drop(t);
}

static void roles_follow_grants(void **state)
{
	struct trust *t = NULL;
	int64_t now = clock_now();

	(void)state;
	assert_ok(load(&t));
	assert_int_equal(trust_roles(t, "shifan", world_person[W_ENTRY], now), OFFICER(ENTRY));
	assert_int_equal(trust_roles(t, "shifan", world_person[W_REVIEW], now), OFFICER(REVIEW));
	assert_int_equal(trust_roles(t, "shifan", world_person[W_STRANGER], now), 0);
	assert_int_equal(trust_roles(t, "national", world_person[W_ENTRY], now), 0);
	assert_int_equal(trust_roles(t, "shifan", world_person[W_ENTRY], now - 2 * W_DAY), 0);
	assert_int_equal(trust_roles(t, "shifan", world_person[W_ENTRY], now + 301 * W_DAY), 0);
	trust_drop(t);
}

/* Whichever statement or certificate has one bit changed, the folder is not taken. */
static void a_changed_file_fails_the_load(void **state)
{
	static const char *const files[] = {
	        "authorisation.p7s",   "cps.p7s",      "ra-approval.p7s",     "grants/entry.p7s",
	        "authorities/sm2.cer", "operator.cer", "profiles/person.json"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		AUTO_BUF(content, 1u << 20);
		struct trust *t = NULL;
		char name[128], path[256];

		snprintf(name, sizeof(name), "shifan/ca/trust/%s", files[i]);
		snprintf(path, sizeof(path), "%s/%s", world.dir, name);
		assert_ok(file_read(path, 1u << 20, &content));
		content.p[content.len / 3] ^= 0x80;
		world_write(name, buf_slice(&content));
		if (rc_ok(load(&t)))
			fail_msg("%s was changed and taken", files[i]);
		content.p[content.len / 3] ^= 0x80;
		world_write(name, buf_slice(&content));
		assert_ok(load(&t));
		trust_drop(t);
	}
}

/* A statement of the right form in the wrong place. */
static void a_statement_of_another_kind_is_refused(void **state)
{
	AUTO_BUF(content, 1u << 20);
	struct trust *t = NULL;
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/shifan/ca/trust/ra-approval.p7s", world.dir);
	assert_ok(file_read(path, 1u << 20, &content));
	world_write("shifan/ca/trust/cps.p7s", buf_slice(&content));
	assert_refused(load(&t), TRUST);
}

static void absent_files_are_absent(void **state)
{
	struct trust *t = NULL;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/keycentre/kmc/trust", world.dir);
	assert_ok(trust_load(path, "keycentre", &t));
	assert_false(trust_authorisation(t)->present || trust_cps(t)->present || trust_ra(t)->present);
	assert_int_equal(trust_kmc(t).len, 0);
	assert_null(trust_profile_at(t, 0));
	trust_drop(t);
}

/* ---- who calls ---- */

static struct peer identify(struct instance *in, const char *uri, enum world_key issuer)
{
	struct peer p = {.kind = PEER_NONE};
	struct world_cert w = {W_STRANGER, issuer, "peer", false, USAGE_SIGN, uri};

	buf_free(&world.cert[W_STRANGER]);
	world_certificate(&w);
	p.certificate = buf_slice(&world.cert[W_STRANGER]);
	assert_ok(frame_identify(in, &p));
	return p;
}

/* R06.16; design 2: no supervised party can name its supervisor's officers. */
static void peers_are_who_their_ca_may_name(void **state)
{
	static const struct role role = {.name = "ca"};
	struct instance *in;
	struct peer p;

	(void)state;
	world_write("shifan/ca/trust/peers/keycentre-tls.cer", buf_slice(&world.cert[W_ROOT]));
	in = world_instance("shifan/ca", &role, NULL);
	p = identify(in, "yuandian://shifan/ra-2", W_OPERATOR);
	assert_int_equal(p.kind, PEER_INSTANCE);
	assert_string_equal(p.instance, "shifan/ra-2");
	assert_string_equal(p.role, "ra");
	assert_int_equal(p.roles, WHO_OWN | WHO_OWN_RA);
	p = identify(in, "yuandian://keycentre/ca", W_ROOT);
	assert_int_equal(p.kind, PEER_INSTANCE);
	assert_int_equal(p.roles, WHO_CA);
	p = identify(in, "yuandian://shifan/ra", W_ROOT);
	assert_int_equal(p.kind, PEER_NONE);
	assert_true(p.reason[0] != 0);
	p = identify(in, "yuandian://national/source", W_OPERATOR);
	assert_int_equal(p.kind, PEER_NONE);
	p = identify(in, "urn:uuid:" UUID_OF("2"), W_OPERATOR);
	assert_int_equal(p.kind, PEER_OFFICER);
	assert_string_equal(p.org, "shifan");
	assert_int_equal(p.roles, OFFICER(REVIEW));
	p = identify(in, "urn:uuid:" UUID_OF("2"), W_ROOT);
	assert_int_equal(p.kind, PEER_OFFICER);
	assert_string_equal(p.org, "keycentre");
	assert_int_equal(p.roles, 0);
	p = identify(in, "urn:uuid:" UUID_OF("2"), W_CA);
	assert_int_equal(p.kind, PEER_NONE);
	p = identify(in, "yuandian://shifan", W_OPERATOR);
	assert_int_equal(p.kind, PEER_NONE);
	p = identify(in, "yuandian:///ra", W_OPERATOR);
	assert_int_equal(p.kind, PEER_NONE);
	p = identify(in, "http://shifan/ra", W_OPERATOR);
	assert_int_equal(p.kind, PEER_NONE);
	/* nothing behind role and number: that would be a name that only looks like one */
	static const char *const longer[] = {"yuandian://shifan/ra/../ca", "yuandian://shifan/ra-",
	                                     "yuandian://shifan/ra-2x", "yuandian://shifan/ra%20",
	                                     "yuandian://shifan/ra-2-3"};

	for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
		p = identify(in, longer[i], W_OPERATOR);
		assert_int_equal(p.kind, PEER_NONE);
		assert_int_equal(p.roles, 0);
	}
	world_end(in);
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = {
	        FRESH(a_folder_is_read_whole),        FRESH(roles_follow_grants),
	        FRESH(a_changed_file_fails_the_load), FRESH(a_statement_of_another_kind_is_refused),
	        FRESH(absent_files_are_absent),       FRESH(peers_are_who_their_ca_may_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
