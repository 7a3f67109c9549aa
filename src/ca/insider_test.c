/* The signer against its own host: whoever has taken over the CA's role asks it for what the approvals do
 * not say (design 2, G13, R06.9, R06.11). */
#include "../../tests/lib/small_world.h"

#include "ca/store.h"
#include "pki/profile.h"
#include "signer/anchors.h"
#include "signer/message.h"
#include "signer/seal.h"
#include "signer/serial.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define HOLDER UUID_OF("9")
#define USER 90

static struct signer *signer;
static struct trust *trust;

static void import(struct key_session *k, const char *name, enum key_purpose purpose, enum world_key from)
{
	struct key_new n = {.name = name, .purpose = purpose, .kind = KEY_SM2, .test = true, .stored = true};
	uint32_t index;

	n.created = clock_now();
	assert_ok(key_import_sm2(k, &n, world.key[from].d, &index));
}

static void make_keys(void)
{
	char dir[128];
	AUTO(key_device, d, NULL);
	AUTO(key_session, k, NULL);

	world_write("shifan/ca/signer/keys/ca-comm.cer", buf_slice(&world.cert[W_COMM]));
	snprintf(dir, sizeof(dir), "%s/shifan/ca/signer/keys", world.dir);
	assert_ok(key_device_open("soft", dir, &d));
	assert_ok(key_session_open(d, &k));
	assert_ok(key_access(k, SLICE_LIT(SECRET)));
	import(k, "sm2", KEY_CA, W_CA);
	import(k, "ca-comm", KEY_COMM, W_COMM);
	assert_ok(signer_seal(world.dir, "shifan/ca", SLICE_LIT(SECRET)));
}

static struct rc ask(enum signer_permit channel, enum signer_type type, const struct der_writer *w,
                     struct buf *answer)
{
	struct signer_call q = {channel, (uint8_t)type, buf_slice(&w->out), -1};
	struct der_reader r;

	buf_free(answer);
	*answer = BUF(SIGNER_FRAME_MAX);
	assert_ok(signer_dispatch(signer, &q, answer));
	r = der_read(buf_slice(answer));
	der_enter(&r, DER_SEQUENCE);
	return signer_get_result(&r);
}

static int open_signer(void **state)
{
	char path[128];
	AUTO_DER(w, 4096);
	AUTO_BUF(answer, SIGNER_FRAME_MAX);

	(void)state;
	world_open();
	make_keys();
	snprintf(path, sizeof(path), "%s/shifan/ca/trust", world.dir);
	assert_ok(trust_load(path, "shifan", &trust));
	assert_ok(signer_new(&(struct signer_options){.name = "shifan/ca", .data = world.dir}, &signer));
	msg_put_two(&w, SLICE_LIT(SECRET), SLICE_NONE);
	assert_ok(ask(SIGNER_BY_CONTROL, SIGNER_UNLOCK, &w, &answer));
	return 0;
}

static int close_signer(void **state)
{
	(void)state;
	signer_free(signer);
	trust_drop(trust);
	world_close();
	return 0;
}

/* ---- papers ---- */

struct paper {
	struct buf application, approval, spki;
	uint8_t hash[32], spki_sm3[32]; /* of the approval, of the subscriber's key */
	json_t *identity;
};

static void paper_free(struct paper *p)
{
	buf_free(&p->application);
	buf_free(&p->approval);
	buf_free(&p->spki);
	json_decref(p->identity);
}
#define AUTO_PAPER(name) __attribute__((cleanup(paper_free))) struct paper name = {0}

static void put_csr(json_t *body, const struct sm2_key *user, struct slice spki)
{
	AUTO_BUF(subject, 256);
	AUTO_BUF(tbs, 1024);
	AUTO_BUF(sig, 128);
	AUTO_BUF(der, CSR_DER_MAX);
	struct sm2_sig s;

	world_name("anybody", &subject);
	assert_ok(csr_tbs(&(struct csr_template){.subject = buf_slice(&subject), .spki = spki}, &tbs));
	assert_ok(sm2_sign(user, SM2_ID, buf_slice(&tbs), &s));
	sm2_sig_to_der(&s, &sig);
	assert_ok(csr_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&sig), &der));
	json_put_base64(body, "csr", buf_slice(&der));
}

/* An application and its approval; `instead` replaces members of the approval. */
static void paper_make(struct paper *p, const char *instead)
{
	struct sm2_key user = judge_scalar(USER);
	uint8_t sm3[32];
	AUTO_BUF(name, NAME_DER_MAX);
	AUTO_BUF(subject, NAME_TEXT_MAX);
	AUTO_JSON(more, world_json(instead));
	AUTO_JSON(a,
	          world_json("{\"profile\":\"person\",\"class\":\"PUBLIC\",\"identity\":{\"name\":\"张三\","
	                     "\"document\":{\"type\":\"passport\",\"number\":\"E12345678\",\"valid_until\":"
	                     "\"2099-12-31\"}},"
	                     "\"purpose\":\"报税\",\"region\":\"110000\",\"agreement\":{\"version\":\"1\","
	                     "\"accepted\":true},\"evidence\":[]}"));
	AUTO_JSON(v, world_json("{\"id\":\"1\",\"entity\":\"" HOLDER "\",\"profile\":\"person\","
	                        "\"class\":\"PUBLIC\",\"authority\":\"sm2\",\"validity_days\":365}"));

	p->application = p->approval = BUF(STATEMENT_MAX);
	p->spki = BUF(256);
	p->identity = json_incref(json_object_get(a, "identity"));
	assert_ok(pubkey_put_sm2(&user.pub, &p->spki));
	sm3_hash(buf_slice(&p->spki), p->spki_sm3);
	put_csr(a, &user, buf_slice(&p->spki));
	world_statement(STATEMENT_APPLICATION, W_ENTRY, "shifan", "entry", a, &p->application);
	sm3_hash(buf_slice(&p->application), sm3);
	json_put_hex(v, "application", SLICE_ARR(sm3));
	json_put_hex(v, "spki", SLICE_ARR(p->spki_sm3));
	assert_ok(profile_subject(trust_profile(trust, "person")->profile, p->identity, &name));
	assert_ok(name_to_text(buf_slice(&name), &subject));
	json_put_text(v, "subject", buf_slice(&subject));
	assert_int_equal(json_object_update(v, more), 0);
	world_statement(STATEMENT_APPROVAL, W_REVIEW, "shifan", "review", v, &p->approval);
	sm3_hash(buf_slice(&p->approval), p->hash);
}

/* What the role would use: the signer's own function. */
static void serial_of(const uint8_t approval[32], const uint8_t spki[32], bool encrypt,
                      uint8_t ret[SIGNER_SERIAL_LEN])
{
	uint8_t room[SIGNER_SERIAL_INPUT];
	struct slice input = signer_serial_input(approval, spki, encrypt, room);
	AUTO_DER(w, 4096);
	AUTO_BUF(answer, SIGNER_FRAME_MAX);

	msg_put_list(&w, &input, 1);
	assert_ok(ask(SIGNER_BY_ROLE, SIGNER_PRF, &w, &answer));
	assert_true(answer.len > SIGNER_SERIAL_LEN);
	signer_serial_take(answer.p + answer.len - SIGNER_SERIAL_LEN, ret);
}

/* ---- asking for a certificate ---- */

struct want {
	enum profile_part part;
	const uint8_t *serial;
	struct slice spki, km;
};

static struct rc certificate(const struct paper *p, const struct want *v)
{
	int64_t now = clock_now();
	struct profile_facts f = {.identity = p->identity,
	                          .class = SLICE_LIT("PUBLIC"),
	                          .policy = trust_policy(trust, SLICE_LIT("PUBLIC")),
	                          .entity = HOLDER,
	                          .serial = slice_of(v->serial, SIGNER_SERIAL_LEN),
	                          .spki = v->spki,
	                          .not_before = now,
	                          .not_after = now + 30 * W_DAY};
	struct signer_item item = {.key = SLICE_LIT("sm2"),
	                           .application = buf_slice(&p->application),
	                           .approval = buf_slice(&p->approval),
	                           .km_respond = v->km};
	struct signer_result result;
	size_t taken;
	struct der_reader r;
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	AUTO_DER(w, SIGNER_FRAME_MAX);
	AUTO_BUF(answer, SIGNER_FRAME_MAX);

	assert_ok(profile_tbs(trust_profile(trust, "person")->profile, &trust_authority(trust, "sm2")->issue,
	                      &f, v->part, &tbs));
	item.tbs = buf_slice(&tbs);
	assert_ok(msg_put_certificates(&w, &item, 1, 1, &taken));
	TRY(ask(SIGNER_BY_ROLE, SIGNER_CERTIFICATES, &w, &answer));
	r = der_read(buf_slice(&answer));
	der_enter(&r, DER_SEQUENCE);
	assert_ok(signer_get_result(&r));
	assert_ok(msg_get_results(&r, &result, 1));
	return result.ok ? OK : rc_restore(&result.why);
}

static struct rc sign_part(const struct paper *p, const uint8_t serial[SIGNER_SERIAL_LEN])
{
	return certificate(p, &(struct want){PROFILE_SIGN, serial, buf_slice(&p->spki), SLICE_NONE});
}

/* Who signs as KMC. */
static enum world_key kmc = W_KMC;

/* The KMC says: this key belongs to that serial number. */
static void km_answer(const struct sm2_key *key, const uint8_t serial[SIGNER_SERIAL_LEN], struct buf *ret)
{
	static const uint8_t task[] = {7};
	struct sm2_key user = judge_scalar(USER);
	struct km_respond *m = km_respond_new(1);
	struct envelope_item item = {
	        .key = key, .receiver = user.pub, .serial = slice_of(serial, SIGNER_SERIAL_LEN)};
	uint8_t hash[32];
	AUTO_BUF(envelope, 8192);
	AUTO_BUF(spki, 256);

	assert_non_null(m);
	assert_ok(envelope_make(&item, 1, &world.key[kmc], buf_slice(&world.cert[kmc]), &envelope));
	assert_ok(pubkey_put_sm2(&key->pub, &spki));
	assert_ok(km_name_from_certificate(buf_slice(&world.cert[kmc]), hash, &m->km));
	m->time = clock_now();
	m->task = SLICE_ARR(task);
	m->items[0] = (struct km_respond_item){.kind = KM_APPLY,
	                                       .serial = item.serial,
	                                       .key = buf_slice(&spki),
	                                       .envelope = buf_slice(&envelope)};
	assert_ok(km_respond_sign(m, &world.key[kmc], ret));
	km_respond_free(m);
}

static struct rc encrypt_part(const struct paper *p, uint8_t key, const uint8_t serial[SIGNER_SERIAL_LEN])
{
	struct sm2_key k = judge_scalar(key);
	AUTO_BUF(spki, 256);
	AUTO_BUF(km, KM_RESPOND_MAX);

	assert_ok(pubkey_put_sm2(&k.pub, &spki));
	km_answer(&k, serial, &km);
	return certificate(p, &(struct want){PROFILE_ENCRYPT, serial, buf_slice(&spki), buf_slice(&km)});
}

/* ---- tests ---- */

static void what_was_approved_is_signed(void **state)
{
	uint8_t sign[SIGNER_SERIAL_LEN], encrypt[SIGNER_SERIAL_LEN];
	AUTO_PAPER(p);

	(void)state;
	paper_make(&p, "{}");
	serial_of(p.hash, p.spki_sm3, false, sign);
	serial_of(p.hash, p.spki_sm3, true, encrypt);
	assert_ok(sign_part(&p, sign));
	assert_ok(encrypt_part(&p, 91, encrypt));
}

/* The application says PUBLIC: an approval that says GOV is of something else (R02.1). */
static void the_class_is_the_approved_one(void **state)
{
	uint8_t serial[SIGNER_SERIAL_LEN];
	AUTO_PAPER(p);

	(void)state;
	paper_make(&p, "{\"class\":\"GOV\"}");
	serial_of(p.hash, p.spki_sm3, false, serial);
	assert_refused(sign_part(&p, serial), SIGNER_APPROVAL);
}

static void nobody_approves_himself(void **state)
{
	uint8_t serial[SIGNER_SERIAL_LEN];
	AUTO_PAPER(p);

	(void)state;
	paper_make(&p, "{\"entity\":\"" UUID_OF("2") "\"}");
	serial_of(p.hash, p.spki_sm3, false, serial);
	assert_refused(sign_part(&p, serial), SIGNER_PERSONS);
}

/* R06.11: one approval, one serial number for each part; no other certificate can be had for it. */
static void the_serial_number_is_the_approvals(void **state)
{
	uint8_t sign[SIGNER_SERIAL_LEN], encrypt[SIGNER_SERIAL_LEN], other[SIGNER_SERIAL_LEN];
	AUTO_PAPER(p);

	(void)state;
	paper_make(&p, "{}");
	serial_of(p.hash, p.spki_sm3, false, sign);
	serial_of(p.hash, p.spki_sm3, true, encrypt);
	memcpy(other, sign, sizeof(other));
	other[15] ^= 1;
	assert_refused(sign_part(&p, other), SIGNER_SERIAL);
	assert_refused(sign_part(&p, encrypt), SIGNER_SERIAL);
	assert_refused(encrypt_part(&p, 91, sign), SIGNER_SERIAL);
	assert_refused(encrypt_part(&p, 91, other), SIGNER_SERIAL);
}

static void the_two_keys_of_a_pair_differ(void **state)
{
	uint8_t encrypt[SIGNER_SERIAL_LEN];
	AUTO_PAPER(p);

	(void)state;
	paper_make(&p, "{}");
	serial_of(p.hash, p.spki_sm3, true, encrypt);
	assert_refused(encrypt_part(&p, USER, encrypt), SIGNER_KMC);
}

/* ---- asking the KMC ---- */

static struct rc km_request(enum km_kind kind, const uint8_t serial[SIGNER_SERIAL_LEN], uint8_t user,
                            struct slice approvals)
{
	static const uint8_t task[] = {8};
	struct sm2_key key = judge_scalar(user);
	struct km_request *m = km_request_new(1);
	uint8_t hash[32];
	AUTO_BUF(spki, 256);
	AUTO_BUF(tbs, KM_REQUEST_MAX);
	AUTO_DER(w, SIGNER_FRAME_MAX);
	AUTO_BUF(answer, SIGNER_FRAME_MAX);

	assert_non_null(m);
	assert_ok(pubkey_put_sm2(&key.pub, &spki));
	assert_ok(km_name_from_certificate(buf_slice(&world.cert[W_COMM]), hash, &m->ca));
	m->time = clock_now();
	m->task = SLICE_ARR(task);
	m->items[0] = (struct km_request_item){.kind = kind,
	                                       .serial = slice_of(serial, SIGNER_SERIAL_LEN),
	                                       .user_key = buf_slice(&spki),
	                                       .not_before = clock_now(),
	                                       .not_after = clock_now() + W_DAY};
	assert_ok(km_request_tbs(m, &tbs));
	km_request_free(m);
	msg_put_km_request(&w, &(struct msg_km_request){SLICE_LIT("ca-comm"), buf_slice(&tbs), approvals});
	return ask(SIGNER_BY_ROLE, SIGNER_KM_REQUEST, &w, &answer);
}

/* R06.10: the KMC seals the subscriber's private key to the key in the request.  With the CA's host alone
 * nobody gets it sealed to a key of his own and certified for the subscriber. */
static void keys_are_sealed_to_the_approved_key_only(void **state)
{
	uint8_t serial[SIGNER_SERIAL_LEN], own[SIGNER_SERIAL_LEN], sm3[32];
	struct sm2_key thief = judge_scalar(92);
	AUTO_BUF(spki, 256);
	AUTO_PAPER(p);

	(void)state;
	paper_make(&p, "{}");
	serial_of(p.hash, p.spki_sm3, true, serial);
	assert_ok(km_request(KM_APPLY, serial, USER, SLICE_ARR(p.hash)));
	assert_refused(km_request(KM_APPLY, serial, 92, SLICE_ARR(p.hash)), SIGNER_SERIAL);
	assert_refused(km_request(KM_APPLY, serial, USER, SLICE_NONE), SIGNER_CONTENT);
	/* a serial number for the thief's key exists, but no certificate of the subscriber gets it */
	assert_ok(pubkey_put_sm2(&thief.pub, &spki));
	sm3_hash(buf_slice(&spki), sm3);
	serial_of(p.hash, sm3, true, own);
	assert_ok(km_request(KM_APPLY, own, 92, SLICE_ARR(p.hash)));
	assert_refused(encrypt_part(&p, 93, own), SIGNER_SERIAL);
}

static void restore_needs_an_order(void **state)
{
	uint8_t serial[SIGNER_SERIAL_LEN];
	AUTO_PAPER(p);

	(void)state;
	paper_make(&p, "{}");
	serial_of(p.hash, p.spki_sm3, true, serial);
	assert_refused(km_request(KM_RESTORE, serial, USER, SLICE_ARR(p.hash)), SIGNER_CONTENT);
	assert_ok(km_request(KM_REVOKE, serial, USER, SLICE_ARR(p.hash)));
}

/* Whoever writes the trust folder but has not the secret names no officers, authorities or KMC of his own:
 * each anchor in turn is replaced, taken away or added; nothing is issued until all is as it was sealed. */
static void only_sealed_anchors_are_believed(void **state)
{
	static const struct {
		const char *file;
		enum world_key own;
	} anchors[] = {
	        {"operator.cer", W_OPERATOR},     {"authority.cer", W_AUTHORITY},
	        {"ceremony.cer", W_CEREMONY},     {"kmc.cer", W_KMC},
	        {"ca-comm.cer", W_COMM},          {"authorities/sm2.cer", W_CA},
	        {"authorities/root.cer", W_ROOT}, {"authorities/new.cer", W_KEYS},
	};
	uint8_t sign[SIGNER_SERIAL_LEN], encrypt[SIGNER_SERIAL_LEN];
	AUTO_PAPER(p);

	(void)state;
	paper_make(&p, "{}");
	serial_of(p.hash, p.spki_sm3, false, sign);
	serial_of(p.hash, p.spki_sm3, true, encrypt);
	for (size_t i = 0; i < sizeof(anchors) / sizeof(anchors[0]); i++) {
		char name[64], path[192];

		snprintf(name, sizeof(name), "shifan/ca/trust/%s", anchors[i].file);
		snprintf(path, sizeof(path), "%s/%s", world.dir, name);
		world_write(name, buf_slice(&world.cert[W_STRANGER]));
		assert_false(rc_ok(sign_part(&p, sign)));
		assert_int_equal(unlink(path), 0);
		if (anchors[i].own == W_KEYS)
			break;
		assert_false(rc_ok(sign_part(&p, sign)));
		world_write(name, buf_slice(&world.cert[anchors[i].own]));
		assert_ok(sign_part(&p, sign));
	}
	/* a whole false KMC: its answers would be good */
	world_write("shifan/ca/trust/kmc.cer", buf_slice(&world.cert[W_STRANGER]));
	kmc = W_STRANGER;
	assert_refused(encrypt_part(&p, 91, encrypt), TRUST_SEAL);
	kmc = W_KMC;
	world_write("shifan/ca/trust/kmc.cer", buf_slice(&world.cert[W_KMC]));
	assert_ok(encrypt_part(&p, 91, encrypt));
	/* a seal of another secret */
	world_write("shifan/ca/signer/keys/" SEAL_FILE, SLICE_LIT("0123456789abcdef"));
	assert_refused(sign_part(&p, sign), TRUST_SEAL);
	assert_ok(signer_seal(world.dir, "shifan/ca", SLICE_LIT(SECRET)));
	assert_ok(sign_part(&p, sign));
}

/* Every kind of request by every channel: the role never unlocks, the supervisor never issues. */
static void each_channel_has_its_requests(void **state)
{
	AUTO_DER(w, 64);
	AUTO_BUF(answer, SIGNER_FRAME_MAX);

	(void)state;
	for (unsigned type = 0; type < SIGNER_TYPES + 2; type++) {
		bool control = type == SIGNER_TLS || type == SIGNER_UNLOCK || type == SIGNER_INFO;
		bool role = type > 0 && type < SIGNER_TYPES && type != SIGNER_TLS && type != SIGNER_UNLOCK;

		(void)rc_ok(ask(SIGNER_BY_ROLE, (enum signer_type)type, &w, &answer));
		assert_int_equal(rc_last()->err == ERR_SIGNER_CHANNEL, !role || type == SIGNER_CRL);
		(void)rc_ok(ask(SIGNER_BY_CONTROL, (enum signer_type)type, &w, &answer));
		assert_int_equal(rc_last()->err == ERR_SIGNER_CHANNEL, !control);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_approved_is_signed),
	        cmocka_unit_test(the_class_is_the_approved_one),
	        cmocka_unit_test(nobody_approves_himself),
	        cmocka_unit_test(the_serial_number_is_the_approvals),
	        cmocka_unit_test(the_two_keys_of_a_pair_differ),
	        cmocka_unit_test(keys_are_sealed_to_the_approved_key_only),
	        cmocka_unit_test(restore_needs_an_order),
	        cmocka_unit_test(only_sealed_anchors_are_believed),
	        cmocka_unit_test(each_channel_has_its_requests),
	};

	return cmocka_run_group_tests(tests, open_signer, close_signer);
}
