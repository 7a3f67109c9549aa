/* The signer's rules for subscriber certificates, by attack: one good pair, then everything a CA that has
 * been taken over might send instead.  Each row changes one thing and names the refusal it must meet. R06.10,
 * R06.15, R30.4, requirements d.1. */
#include "ceremony/testing.h"

#include "pki/cms.h"
#include "pki/km.h"
#include "signer/serial.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

static struct test_officer entry, review;
static struct test_hand hand;
static struct test_signer ca;
static struct sm2_key applicant, stranger, kmc_key;

#define ENTITY "0f8fad5b-d9cb-469f-a165-70867728950e"

/* What is said; an attack changes it before or after it is built. */
struct scene {
	const struct test_officer *enterer, *reviewer;
	const char *reviewer_role;
	const char *profile, *class, *authority, *approved_class, *approved_authority, *approved_profile,
	        *subject, *key;
	json_t *identity, *tbs_identity;
	const struct sm2_key *csr_key, *approved_key, *tbs_key, *tbs_encrypt_key;
	int64_t entered, approved, not_before;
	int days, tbs_days;
	const char *region, *tbs_class;
	bool other_application, encrypt, spoil_csr;
	enum statement_kind approval_kind;
	/* what it follows */
	const char *basis;
	char basis_serial[CERT_SERIAL_TEXT];
	struct slice old;
	/* built */
	struct buf application, approval, tbs, km;
	uint8_t serial[16];
	struct profile_facts facts;
};

static json_t *person_json(const char *name)
{
	json_t *o = json_pack("{s:s,s:{s:s,s:s,s:s}}", "name", name, "document", "type", "passport", "number",
	                      "E12345678", "valid_until", "2099-12-31");
	assert_non_null(o);
	return o;
}

static void scene_new(struct scene *s)
{
	int64_t now = clock_now();
	*s = (struct scene){
	        .enterer = &entry,
	        .reviewer = &review,
	        .reviewer_role = "review",
	        .profile = "person",
	        .class = "GOV",
	        .authority = "sm2",
	        .csr_key = &applicant,
	        .approved_key = &applicant,
	        .tbs_key = &applicant,
	        .entered = now - 20,
	        .approved = now - 10,
	        .not_before = now,
	        .days = 730,
	        .region = "350000",
	        .approval_kind = STATEMENT_APPROVAL,
	        .application = BUF(STATEMENT_MAX),
	        .approval = BUF(STATEMENT_MAX),
	        .tbs = BUF(PROFILE_TBS_MAX),
	        .km = BUF(KM_RESPOND_MAX),
	        .key = "sm2",
	};
	s->identity = person_json("张三");
}

static void scene_free(struct scene *s)
{
	json_decref(s->identity);
	json_decref(s->tbs_identity);
	buf_free(&s->application);
	buf_free(&s->approval);
	buf_free(&s->tbs);
	buf_free(&s->km);
}

static void put_csr(const struct scene *s, json_t *body)
{
	AUTO_BUF(name, 512);
	AUTO_BUF(spki, 256);
	AUTO_BUF(tbs, 2048);
	AUTO_BUF(sig, 128);
	AUTO_BUF(der, 2048);
	struct sm2_sig raw;
	MUST(name_from_text(SLICE_LIT("CN=applicant"), &name));
	MUST(pubkey_put_sm2(&s->csr_key->pub, &spki));
	struct csr_template t = {.subject = buf_slice(&name), .spki = buf_slice(&spki)};
	MUST(csr_tbs(&t, &tbs));
	MUST(sm2_sign(s->spoil_csr ? &stranger : s->csr_key, SM2_ID, buf_slice(&tbs), &raw));
	sm2_sig_to_der(&raw, &sig);
	MUST(csr_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&sig), &der));
	json_put_base64(body, "csr", buf_slice(&der));
}

static void build_application(struct scene *s)
{
	AUTO_JSON(body, json_object());
	json_put_cstr(body, "profile", s->profile);
	json_put_cstr(body, "class", s->class);
	put_csr(s, body);
	json_put_take(body, "identity", json_deep_copy(s->identity));
	json_put_cstr(body, "purpose", "公文交换");
	json_put_cstr(body, "region", s->region);
	json_put_take(body, "agreement", json_pack("{s:s,s:b}", "version", "1", "accepted", 1));
	json_put_take(body, "evidence", json_array());
	if (s->basis != NULL)
		json_put_take(
		        body, "basis",
		        json_pack("{s:s,s:s,s:s}", "kind", s->basis, "ca", "sm2", "serial", s->basis_serial));
	test_say(s->enterer, STATEMENT_APPLICATION, "entry", s->entered, body, &s->application);
}

static void put_subject(const struct scene *s, json_t *body)
{
	AUTO(profile, p, NULL);
	AUTO_BUF(name, NAME_DER_MAX);
	AUTO_BUF(text, NAME_TEXT_MAX);
	if (s->subject != NULL) {
		json_put_cstr(body, "subject", s->subject);
		return;
	}
	MUST(profile_builtin("person", &p));
	MUST(profile_subject(p, s->identity, &name));
	MUST(name_to_text(buf_slice(&name), &text));
	json_put_text(body, "subject", buf_slice(&text));
}

static void build_approval(struct scene *s)
{
	AUTO_JSON(body, json_object());
	AUTO_BUF(spki, 256);
	uint8_t sm3[32];
	sm3_hash(buf_slice(&s->application), sm3);
	sm3[0] ^= s->other_application ? 1 : 0;
	json_put_hex(body, "application", SLICE_ARR(sm3));
	json_put_cstr(body, "id", "A-1");
	put_subject(s, body);
	json_put_cstr(body, "entity", ENTITY);
	MUST(pubkey_put_sm2(&s->approved_key->pub, &spki));
	sm3_hash(buf_slice(&spki), sm3);
	json_put_hex(body, "spki", SLICE_ARR(sm3));
	json_put_cstr(body, "profile", s->approved_profile != NULL ? s->approved_profile : s->profile);
	json_put_cstr(body, "class", s->approved_class != NULL ? s->approved_class : s->class);
	json_put_cstr(body, "authority",
	              s->approved_authority != NULL ? s->approved_authority : s->authority);
	json_put_int(body, "validity_days", s->days);
	test_say(s->reviewer, s->approval_kind, s->reviewer_role, s->approved, body, &s->approval);
}

/* From the signer, as the CA has it. */
static void build_serial(struct scene *s)
{
	AUTO_BUF(spki, 256);
	uint8_t approval[32], key[32], room[SIGNER_SERIAL_INPUT], value[1][16];
	sm3_hash(buf_slice(&s->approval), approval);
	MUST(pubkey_put_sm2(&s->csr_key->pub, &spki));
	sm3_hash(buf_slice(&spki), key);
	struct slice input = signer_serial_input(approval, key, s->encrypt, room);
	MUST(signer_prf(ca.role, &input, value, 1));
	signer_serial_take(value[0], s->serial);
}

/* As an honest CA would. */
static void build_tbs(struct scene *s)
{
	AUTO(profile, p, NULL);
	AUTO_BUF(ca_der, CERT_DER_MAX);
	AUTO_BUF(spki, 256);
	struct cert cert;
	struct authority a = {.id = s->authority};
	test_read(test_path("demo/ca/%s.der", s->authority), &ca_der);
	MUST(cert_parse(buf_slice(&ca_der), &cert));
	MUST(authority_from_cert(&cert, &a));
	a.crl_url = SLICE_LIT("http://127.0.0.1:23463/crl/sm2.crl");
	a.ocsp_url = SLICE_LIT("http://127.0.0.1:23463/ocsp");
	a.ca_url = SLICE_LIT("http://127.0.0.1:23463/ca/sm2.cer");
	MUST(profile_builtin("person", &p));
	const struct sm2_key *k = s->encrypt ? s->tbs_encrypt_key : s->tbs_key;
	MUST(pubkey_put_sm2(&k->pub, &spki));
	struct profile_facts f = {
	        .identity = s->tbs_identity != NULL ? s->tbs_identity : s->identity,
	        .class = slice_text(s->tbs_class != NULL ? s->tbs_class : s->class),
	        .entity = ENTITY,
	        .serial = SLICE_ARR(s->serial),
	        .spki = buf_slice(&spki),
	        .not_before = s->not_before,
	        .extended = s->basis != NULL,
	};
	f.not_after = f.not_before + (s->tbs_days != 0 ? s->tbs_days : s->days) * TIME_DAY - 1;
	MUST(profile_tbs(p, &a, &f, s->encrypt ? PROFILE_ENCRYPT : PROFILE_SIGN, &s->tbs));
}

static void build(struct scene *s)
{
	build_application(s);
	build_approval(s);
	build_serial(s);
	build_tbs(s);
}

static struct signer_result ask(struct scene *s)
{
	struct signer_result r = {0};
	struct signer_item i = {slice_text(s->key),      buf_slice(&s->tbs), buf_slice(&s->application),
	                        buf_slice(&s->approval), buf_slice(&s->km),  {s->old, SLICE_NONE}};
	MUST(signer_certificates(ca.role, &i, &r, 1));
	return r;
}

static void refused(struct scene *s, enum err want, const char *what)
{
	struct signer_result r = ask(s);
	if (r.ok)
		fail_msg("%s: was signed", what);
	if (r.why.err != want)
		fail_msg("%s: refused as %s (%s), want %s", what, err_info(r.why.err)->name, r.why.text,
		         err_info(want)->name);
}

/* OpenSSL over the very bytes. */
static bool openssl_verifies(const char *ca_file, struct slice tbs, struct slice sig)
{
	AUTO_BUF(der, CERT_DER_MAX);
	test_read(ca_file, &der);
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	assert_non_null(x);
	EVP_PKEY *k = X509_get0_pubkey(x);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k, NULL);
	assert_int_equal(EVP_PKEY_CTX_set1_id(ctx, "1234567812345678", 16), 1);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	assert_int_equal(EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, k), 1);
	int rc = EVP_DigestVerify(md, sig.p, sig.len, tbs.p, tbs.len);
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	X509_free(x);
	return rc == 1;
}

static void what_two_persons_signed_is_signed(void **state)
{
	struct scene s;
	(void)state;
	scene_new(&s);
	build(&s);
	struct signer_result r = ask(&s);
	if (!r.ok)
		fail_msg("refused: %s", r.why.text);
	assert_true(
	        openssl_verifies(test_path("demo/ca/sm2.der"), buf_slice(&s.tbs), slice_of(r.sig, r.len)));
	scene_free(&s);
}

/* ---- extension (R21.4): same key, same beginning, within the key's life ---- */

static void old_certificate(struct scene *s, struct buf *der)
{
	scene_new(s);
	s->days = 100;
	build(s);
	struct signer_result r = ask(s);
	assert_true(r.ok);
	MUST(cert_complete(buf_slice(&s->tbs), slice_of(r.sig, r.len), der));
}

static void follow(struct scene *s, const char *kind, struct slice old)
{
	struct cert c;
	MUST(cert_parse(old, &c));
	scene_new(s);
	s->basis = kind;
	s->old = old;
	s->not_before = c.not_before;
	s->days = 200;
	s->tbs_days = 199;
	cert_serial_text(c.serial, s->basis_serial);
}

static void extensions_keep_key_and_beginning(void **state)
{
	AUTO_BUF(old, CERT_DER_MAX);
	struct scene first, s;
	(void)state;
	old_certificate(&first, &old);
	follow(&s, "extend", buf_slice(&old));
	build(&s);
	struct signer_result r = ask(&s);
	if (!r.ok)
		fail_msg("refused: %s", r.why.text);
	s.old = SLICE_NONE;
	refused(&s, ERR_SIGNER_APPROVAL, "without the certificate that is extended");
	scene_free(&s);
	follow(&s, "extend", buf_slice(&old));
	s.basis_serial[0] = s.basis_serial[0] == '1' ? '2' : '1';
	build(&s);
	refused(&s, ERR_SIGNER_APPROVAL, "another certificate than the one named");
	scene_free(&s);
	follow(&s, "extend", buf_slice(&old));
	s.csr_key = s.approved_key = s.tbs_key = &stranger;
	build(&s);
	refused(&s, ERR_SIGNER_APPROVAL, "another key");
	scene_free(&s);
	follow(&s, "extend", buf_slice(&old));
	s.not_before += 50;
	build(&s);
	refused(&s, ERR_SIGNER_PROFILE, "another beginning");
	scene_free(&s);
	follow(&s, "extend", buf_slice(&old));
	s.tbs_days = 210;
	build(&s);
	refused(&s, ERR_SIGNER_PROFILE, "longer than approved");
	scene_free(&s);
	follow(&s, "update", buf_slice(&old));
	build(&s);
	refused(&s, ERR_SIGNER_APPROVAL, "an update keeps nothing");
	scene_free(&s);
	follow(&s, "extend", buf_slice(&old));
	old.p[old.len - 1] ^= 1;
	build(&s);
	refused(&s, ERR_SIGNER_APPROVAL, "a certificate that this authority did not sign");
	scene_free(&s);
	scene_free(&first);
}

/* ---- attacks ---- */
static void same_person(struct scene *s)
{
	s->reviewer = &entry;
}
static void no_role(struct scene *s)
{
	s->reviewer_role = "review";
	s->enterer = &review;
}
static void other_application(struct scene *s)
{
	s->other_application = true;
}
static void other_csr_key(struct scene *s)
{
	s->csr_key = &stranger;
}
static void no_possession(struct scene *s)
{
	s->spoil_csr = true;
}
static void other_key_certified(struct scene *s)
{
	s->tbs_key = &stranger;
}
static void other_subject(struct scene *s)
{
	s->tbs_identity = person_json("李四");
}
static void other_subject_approved(struct scene *s)
{
	s->subject = "CN=李四,C=CN";
}
static void other_class(struct scene *s)
{
	s->tbs_class = "PUBLIC";
}
static void other_class_approved(struct scene *s)
{
	s->approved_class = "PUBLIC";
}
static void longer_than_approved(struct scene *s)
{
	s->tbs_days = 731;
}
static void longer_than_profile(struct scene *s)
{
	s->days = 1096;
	s->tbs_days = 730;
}
static void backdated(struct scene *s)
{
	s->not_before -= 3600;
}
static void postdated(struct scene *s)
{
	s->not_before += 3600;
}
static void old_approval(struct scene *s)
{
	s->entered -= 100 * TIME_DAY;
	s->approved -= 100 * TIME_DAY;
}
static void approved_first(struct scene *s)
{
	s->entered += 220;
	s->approved = s->entered - 350;
}
static void internal_profile(struct scene *s)
{
	s->profile = "issuing";
	s->approved_profile = "issuing";
}
static void other_profile_approved(struct scene *s)
{
	s->approved_profile = "organisation";
}
static void other_authority_approved(struct scene *s)
{
	s->approved_authority = "ecdsa";
}
static void ecdsa_authority(struct scene *s)
{
	s->approved_authority = s->key = "ecdsa";
}
static void operator_authority(struct scene *s)
{
	s->approved_authority = s->key = "shifan-operator";
}
static void communication_key(struct scene *s)
{
	s->approved_authority = s->key = "ca-comm";
}
static void no_such_key(struct scene *s)
{
	s->key = "sm3";
}

static const struct attack {
	const char *what;
	void (*change)(struct scene *s);
	enum err want;
} attacks[] = {
        {"one person enters and reviews (R30.4)", same_person, ERR_SIGNER_PERSONS},
        {"the enterer has no role for it", no_role, ERR_STATEMENT_ROLE},
        {"approval of another application", other_application, ERR_SIGNER_APPROVAL},
        {"CSR with another key than approved", other_csr_key, ERR_SIGNER_APPROVAL},
        {"CSR without proof of possession", no_possession, ERR_CSR_PROOF},
        {"TBS with another key", other_key_certified, ERR_SIGNER_PROFILE},
        {"TBS with another subject", other_subject, ERR_SIGNER_PROFILE},
        {"another subject approved", other_subject_approved, ERR_SIGNER_APPROVAL},
        {"TBS with another class", other_class, ERR_SIGNER_PROFILE},
        {"another class approved", other_class_approved, ERR_SIGNER_APPROVAL},
        {"longer than approved", longer_than_approved, ERR_SIGNER_PROFILE},
        {"longer than the profile allows", longer_than_profile, ERR_PROFILE_VALIDITY},
        {"backdated", backdated, ERR_SIGNER_PROFILE},
        {"postdated", postdated, ERR_SIGNER_PROFILE},
        {"an approval from long ago", old_approval, ERR_STATEMENT_EXPIRED},
        {"approved before it was entered", approved_first, ERR_SIGNER_APPROVAL},
        {"an internal profile asked for", internal_profile, ERR_SIGNER_PROFILE},
        {"another profile approved", other_profile_approved, ERR_SIGNER_APPROVAL},
        {"another authority approved", other_authority_approved, ERR_SIGNER_APPROVAL},
        {"an authority of another algorithm", ecdsa_authority, ERR_AUTHORITY_WRONG},
        {"the operator authority's key", operator_authority, ERR_KEY_PURPOSE},
        {"the communication key", communication_key, ERR_KEY_PURPOSE},
        {"a key that is not there", no_such_key, ERR_GENERIC_NOTFOUND},
};

static void each_attack_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		struct scene s;
		scene_new(&s);
		attacks[i].change(&s);
		build(&s);
		refused(&s, attacks[i].want, attacks[i].what);
		scene_free(&s);
	}
}

/* ---- attacks on bytes ---- */
static void altered_statements_are_refused(void **state)
{
	struct scene s;
	(void)state;
	scene_new(&s);
	build(&s);
	for (size_t i = 0; i < 2; i++) {
		struct buf *b = i == 0 ? &s.application : &s.approval;
		/* Somewhere inside the JSON, then in the signature at the end. */
		size_t places[] = {b->len / 4, b->len - 3};
		for (size_t k = 0; k < 2; k++) {
			b->p[places[k]] ^= 1;
			struct signer_result r = ask(&s);
			assert_false(r.ok);
			b->p[places[k]] ^= 1;
		}
	}
	assert_true(ask(&s).ok);
	scene_free(&s);
}

static void statements_in_the_wrong_place_are_refused(void **state)
{
	struct scene s;
	struct buf swap;
	(void)state;
	scene_new(&s);
	build(&s);
	swap = s.application;
	s.application = s.approval;
	s.approval = swap;
	refused(&s, ERR_SIGNER_APPROVAL, "application and approval exchanged");
	swap = s.application;
	s.application = s.approval;
	refused(&s, ERR_SIGNER_APPROVAL, "the application as its own approval");
	s.approval = swap;
	swap = s.approval;
	s.approval = BUF(1);
	refused(&s, ERR_SIGNER_APPROVAL, "no approval");
	s.approval = swap;
	scene_free(&s);
}

/* "It never signs a bare digest with a CA key" (design.md 2). */
static void bytes_that_are_no_certificate_are_refused(void **state)
{
	struct scene s;
	uint8_t digest[32] = {1, 2, 3};
	(void)state;
	scene_new(&s);
	build(&s);
	buf_clear(&s.tbs);
	buf_add(&s.tbs, SLICE_ARR(digest));
	assert_false(ask(&s).ok);
	scene_free(&s);
}

static void every_changed_byte_of_the_tbs_is_refused(void **state)
{
	struct scene s;
	(void)state;
	scene_new(&s);
	build(&s);
	for (size_t i = 0; i < s.tbs.len; i += 3) {
		s.tbs.p[i] ^= 0x01;
		struct signer_result r = ask(&s);
		/* A not_after moved back, a not_before within the approval's time are the only freedoms. */
		struct cert c;
		bool free_part =
		        rc_ok(cert_parse_tbs(buf_slice(&s.tbs), &c)) &&
		        slice_equal(c.serial, SLICE_ARR(s.serial)) &&
		        (c.not_after < s.not_before + s.days * TIME_DAY - 1 || c.not_before != s.not_before);
		if (r.ok && !free_part)
			fail_msg("byte %zu changed and still signed", i);
		s.tbs.p[i] ^= 0x01;
	}
	scene_free(&s);
}

/* basicConstraints CA:TRUE added to an otherwise right TBS. */
static void a_smuggled_ca_is_refused(void **state)
{
	struct scene s;
	struct cert c;
	struct general_names *names = calloc(1, sizeof *names);
	AUTO_BUF(out, PROFILE_TBS_MAX);
	(void)state;
	scene_new(&s);
	build(&s);
	MUST(cert_parse_tbs(buf_slice(&s.tbs), &c));
	MUST(cert_names(&c, names));
	struct cert_template t = {
	        .serial = c.serial,
	        .alg = c.alg,
	        .issuer = c.issuer,
	        .subject = c.subject,
	        .not_before = c.not_before,
	        .not_after = c.not_after,
	        .spki = c.key.spki,
	        .ski = c.ski,
	        .aki = c.aki,
	        .basic = true,
	        .ca = true,
	        .path_length = -1,
	        .usage = c.usage,
	        .purposes = c.purposes,
	        .policies = c.policies,
	        .names = names->at,
	        .name_count = names->count,
	        .crl_url = c.crl.at[0],
	        .ocsp_url = c.ocsp.at[0],
	        .ca_url = c.ca_issuers.at[0],
	};
	MUST(cert_tbs(&t, &out));
	struct buf keep = s.tbs;
	s.tbs = out;
	refused(&s, ERR_SIGNER_PROFILE, "CA:TRUE");
	s.tbs = keep;
	t.basic = t.ca = false;
	buf_clear(&out);
	MUST(cert_tbs(&t, &out));
	/* Without it the template is the profile's: the test above failed for the right reason. */
	assert_true(slice_equal(buf_slice(&out), buf_slice(&s.tbs)));
	free(names);
	scene_free(&s);
}

/* ---- authorisation and trust on disk ---- */
static json_t *authorisation(void)
{
	uint8_t sm3[32];
	json_t *o = json_object(), *profiles = json_object();
	const char *ids[] = {"person", "organisation", "server"};
	for (size_t i = 0; i < 3; i++) {
		sm3_hash(profile_builtin_text(ids[i]), sm3);
		json_put_hex(profiles, ids[i], SLICE_ARR(sm3));
	}
	json_put_int(o, "number", 2);
	json_put_cstr(o, "institution", "shifan");
	json_put_take(o, "classes", json_pack("[s,s]", "GOV", "PUBLIC"));
	json_put_take(o, "regions", json_pack("[s]", "*"));
	json_put_take(o, "ra", json_pack("[s]", "shifan/ra"));
	json_put_take(o, "profiles", profiles);
	json_put_time(o, "not_before", clock_now() - 600);
	json_put_time(o, "not_after", clock_now() + TIME_DAY);
	json_put_bool(o, "demonstration", true);
	return o;
}

static void authorise(json_t *take)
{
	test_decide(&hand, STATEMENT_AUTHORISATION, "national", "authority", take,
	            test_path("shifan/ca/trust/authorisation.p7s"));
	json_decref(take);
}

static void refused_under(json_t *take, const char *what)
{
	struct scene s;
	authorise(take);
	scene_new(&s);
	build(&s);
	refused(&s, ERR_SIGNER_AUTHORISATION, what);
	scene_free(&s);
}

static json_t *with(const char *key, json_t *value)
{
	json_t *o = authorisation();
	json_put_take(o, key, value);
	return o;
}

static json_t *time_json(int64_t t)
{
	char text[21];
	time_text(t, text);
	return json_string(text);
}

static void the_authorisation_bounds_everything(void **state)
{
	struct scene s;
	(void)state;
	refused_under(with("not_after", time_json(clock_now() - 1)), "expired (E-03)");
	refused_under(with("not_before", time_json(clock_now() + 600)), "not begun");
	refused_under(with("institution", json_string("elsewhere")), "another institution (G01)");
	refused_under(with("classes", json_pack("[s]", "PUBLIC")), "class (G11)");
	refused_under(with("regions", json_pack("[s]", "110000")), "region");
	refused_under(with("profiles", json_object()), "profile not in it (G12)");
	refused_under(with("demonstration", json_false()), "test key outside a demonstration (G06)");
	assert_int_equal(rename(test_path("shifan/ca/trust/authorisation.p7s"), test_path("kept")), 0);
	scene_new(&s);
	build(&s);
	refused(&s, ERR_SIGNER_AUTHORISATION, "none at all");
	authorise(authorisation());
	assert_true(ask(&s).ok);
	scene_free(&s);
}

static void an_authorisation_by_a_stranger_stops_issuing(void **state)
{
	struct scene s;
	(void)state;
	json_t *body = authorisation();
	scene_new(&s);
	build(&s);
	AUTO_BUF(json, STATEMENT_JSON_MAX);
	AUTO_BUF(sig, 128);
	AUTO_BUF(out, STATEMENT_MAX);
	struct sm2_sig raw;
	struct statement_head head = {STATEMENT_AUTHORISATION, "national", clock_now(),
	                              buf_slice(&hand.der),    NULL,       "authority"};
	MUST(statement_build(&head, body, &json));
	MUST(sm2_sign(&stranger, SM2_ID, buf_slice(&json), &raw));
	sm2_sig_to_der(&raw, &sig);
	MUST(statement_assemble(buf_slice(&json), buf_slice(&sig), buf_slice(&hand.der), &out));
	MUST(file_write(test_path("shifan/ca/trust/authorisation.p7s"), buf_slice(&out), 0644));
	struct signer_result r = {0};
	struct signer_item i = {SLICE_LIT("sm2"), buf_slice(&s.tbs), buf_slice(&s.application),
	                        buf_slice(&s.approval), SLICE_NONE};
	assert_false(rc_ok(signer_certificates(ca.role, &i, &r, 1)));
	authorise(authorisation());
	assert_true(ask(&s).ok);
	json_decref(body);
	scene_free(&s);
}

static void a_profile_changed_on_disk_is_refused(void **state)
{
	struct scene s;
	AUTO_BUF(text, PROFILE_MAX);
	(void)state;
	test_read(test_path("shifan/ca/trust/profiles/person.json"), &text);
	buf_text(&text, "\n");
	MUST(file_write(test_path("shifan/ca/trust/profiles/person.json"), buf_slice(&text), 0644));
	scene_new(&s);
	build(&s);
	refused(&s, ERR_SIGNER_PROFILE, "a changed profile");
	text.len--;
	MUST(file_write(test_path("shifan/ca/trust/profiles/person.json"), buf_slice(&text), 0644));
	assert_true(ask(&s).ok);
	scene_free(&s);
}

static void roles_count_at_the_time_of_the_statement(void **state)
{
	struct scene s;
	int64_t now = clock_now();
	(void)state;
	scene_new(&s);
	build(&s);
	test_grant(&hand, &review, "review", now - TIME_DAY, now - 60,
	           test_path("shifan/ca/trust/grants/review.p7s"));
	refused(&s, ERR_STATEMENT_ROLE, "the reviewer's role ended before");
	test_grant(&hand, &review, "review", now - TIME_DAY, now - 5,
	           test_path("shifan/ca/trust/grants/review.p7s"));
	/* Ended since, but held when the statement was made ten seconds ago. */
	assert_true(ask(&s).ok);
	test_grant(&hand, &review, "review", now - TIME_DAY, now + TIME_DAY,
	           test_path("shifan/ca/trust/grants/review.p7s"));
	scene_free(&s);
}

/* ---- encryption certificates ---- */
struct answer {
	const struct sm2_key *signer, *delivered;
	uint8_t serial[16];
	bool revoke;
};

static void build_km(struct scene *s, const struct answer *a)
{
	AUTO_BUF(kmc_der, CERT_DER_MAX);
	AUTO_BUF(spki, 256);
	AUTO_BUF(envelope, 4096);
	AUTO_BUF(key, 256);
	AUTO_BUF(sig, 128);
	AUTO(km_respond, m, km_respond_new(1));
	struct sm2_sig raw;
	uint8_t hash[32], content[64] = {9}, sealed[112];
	test_read(test_path("shifan/ca/trust/kmc.cer"), &kmc_der);
	MUST(pubkey_put_sm2(&a->delivered->pub, &spki));
	const uint8_t keys[1][16] = {{7}};
	MUST(sm2_encrypt_keys(&applicant.pub, keys, &sealed, 1));
	MUST(sm2_cipher_to_der(SLICE_ARR(sealed), &key));
	MUST(sm2_sign(a->signer, SM2_ID, SLICE_ARR(content), &raw));
	sm2_sig_to_der(&raw, &sig);
	struct cms_seal seal = {.serial = SLICE_ARR(a->serial),
	                        .encrypted_key = buf_slice(&key),
	                        .ciphertext = SLICE_ARR(content),
	                        .by = {buf_slice(&kmc_der), buf_slice(&sig)}};
	MUST(cms_sealed_build(&seal, &envelope));
	MUST(km_name_from_certificate(buf_slice(&kmc_der), hash, &m->km));
	m->time = clock_now();
	m->task = SLICE_LIT("\x01");
	m->items[0] = (struct km_respond_item){.kind = a->revoke ? KM_REVOKE : KM_APPLY,
	                                       .serial = SLICE_ARR(a->serial),
	                                       .key = buf_slice(&spki),
	                                       .envelope = buf_slice(&envelope)};
	buf_free(&s->km);
	s->km = BUF(KM_RESPOND_MAX);
	MUST(km_respond_sign(m, a->signer, &s->km));
}

static void the_kmc_alone_gives_encryption_keys(void **state)
{
	struct scene s;
	struct sm2_key delivered;
	(void)state;
	MUST(sm2_key_new(&delivered));
	scene_new(&s);
	s.encrypt = true;
	s.tbs_encrypt_key = &delivered;
	build(&s);
	struct answer a = {.signer = &kmc_key, .delivered = &delivered};
	memcpy(a.serial, s.serial, 16);
	build_km(&s, &a);
	struct signer_result r = ask(&s);
	if (!r.ok)
		fail_msg("refused: %s", r.why.text);
	a.signer = &stranger;
	build_km(&s, &a);
	refused(&s, ERR_SIGNER_KMC, "an answer signed by a stranger (G07)");
	a.signer = &kmc_key;
	a.serial[15] ^= 1;
	build_km(&s, &a);
	refused(&s, ERR_SIGNER_KMC, "an answer for another serial number");
	a.serial[15] ^= 1;
	a.revoke = true;
	build_km(&s, &a);
	refused(&s, ERR_SIGNER_KMC, "an answer without a key");
	a.revoke = false;
	a.delivered = &stranger;
	build_km(&s, &a);
	refused(&s, ERR_SIGNER_PROFILE, "another key than the KMC's in the TBS");
	a.delivered = &delivered;
	build_km(&s, &a);
	s.km.p[s.km.len - 4] ^= 1;
	assert_false(ask(&s).ok);
	/* The encryption key as a signing certificate: without the answer the key must be the applicant's. */
	buf_clear(&s.km);
	refused(&s, ERR_SIGNER_SERIAL, "an encryption certificate without the KMC");
	s.encrypt = false;
	build_serial(&s);
	s.encrypt = true;
	buf_clear(&s.tbs);
	build_tbs(&s);
	refused(&s, ERR_SIGNER_PROFILE, "the same under the signing certificate's serial number");
	scene_free(&s);
}

/* ---- batches ---- */
static void a_batch_has_an_outcome_for_each(void **state)
{
	enum { N = 150 };
	static struct scene scenes[N];
	static struct signer_item items[N];
	static struct signer_result results[N];
	(void)state;
	for (size_t i = 0; i < N; i++) {
		scene_new(&scenes[i]);
		if (i % 7 == 3)
			scenes[i].tbs_key = &stranger;
		build(&scenes[i]);
		items[i] = (struct signer_item){SLICE_LIT("sm2"), buf_slice(&scenes[i].tbs),
		                                buf_slice(&scenes[i].application),
		                                buf_slice(&scenes[i].approval), SLICE_NONE};
	}
	MUST(signer_certificates(ca.role, items, results, N));
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(results[i].ok, i % 7 != 3);
		if (i % 7 == 3)
			assert_int_equal(results[i].why.err, ERR_SIGNER_PROFILE);
		else if (i < 20)
			assert_true(openssl_verifies(test_path("demo/ca/sm2.der"), items[i].tbs,
			                             slice_of(results[i].sig, results[i].len)));
		scene_free(&scenes[i]);
	}
}

/* ---- setting ---- */
/* Our own hand in place of the destroyed one; the enterer is given the reviewer's role too, so that only the
 * rule of two persons stands between. */
static void take_over_trust(void)
{
	const char *trust = "shifan/ca/trust";
	int64_t now = clock_now();
	char command[256];
	test_hand_make(&hand, "shifan/ca", "shifan");
	snprintf(command, sizeof command, "rm -f %s/grants/*", test_path("%s", trust));
	assert_int_equal(system(command), 0);
	MUST(file_write(test_path("%s/ceremony.cer", trust), buf_slice(&hand.der), 0644));
	MUST(file_write(test_path("%s/authority.cer", trust), buf_slice(&hand.der), 0644));
	test_grant(&hand, &entry, "entry", now - TIME_DAY, now + TIME_DAY,
	           test_path("%s/grants/entry.p7s", trust));
	test_grant(&hand, &entry, "review", now - TIME_DAY, now + TIME_DAY,
	           test_path("%s/grants/both.p7s", trust));
	test_grant(&hand, &review, "review", now - TIME_DAY, now + TIME_DAY,
	           test_path("%s/grants/review.p7s", trust));
	unlink(test_path("%s/cps.p7s", trust));
	unlink(test_path("%s/ra-approval.p7s", trust));
	authorise(authorisation());
	/* A KMC of our own, so that its answers can be forged and not. */
	struct test_hand kmc;
	test_hand_make(&kmc, "shifan/ca", "shifan");
	kmc_key = kmc.key;
	MUST(file_write(test_path("%s/kmc.cer", trust), buf_slice(&kmc.der), 0644));
	test_seal("shifan/ca", "shifan");
	buf_free(&kmc.der);
}

static int setup(void **state)
{
	(void)state;
	if (test_begin() != 0)
		return -1;
	test_officer_read("entry", &entry);
	test_officer_read("review", &review);
	MUST(sm2_key_new(&applicant));
	MUST(sm2_key_new(&stranger));
	take_over_trust();
	test_signer_start(&ca, "shifan/ca", true);
	MUST(test_unlock(&ca, "shifan"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_signer_stop(&ca);
	buf_free(&entry.der);
	buf_free(&review.der);
	buf_free(&hand.der);
	return test_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_two_persons_signed_is_signed),
	        cmocka_unit_test(extensions_keep_key_and_beginning),
	        cmocka_unit_test(each_attack_is_refused),
	        cmocka_unit_test(altered_statements_are_refused),
	        cmocka_unit_test(statements_in_the_wrong_place_are_refused),
	        cmocka_unit_test(bytes_that_are_no_certificate_are_refused),
	        cmocka_unit_test(every_changed_byte_of_the_tbs_is_refused),
	        cmocka_unit_test(a_smuggled_ca_is_refused),
	        cmocka_unit_test(the_authorisation_bounds_everything),
	        cmocka_unit_test(an_authorisation_by_a_stranger_stops_issuing),
	        cmocka_unit_test(a_profile_changed_on_disk_is_refused),
	        cmocka_unit_test(roles_count_at_the_time_of_the_statement),
	        cmocka_unit_test(the_kmc_alone_gives_encryption_keys),
	        cmocka_unit_test(a_batch_has_an_outcome_for_each),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
