/* The vault from what is handed over to the end of the term: complete records or none (R24.2), reading with a
 * reason (R24.4), terms that only grow (R24.7, R24.8, I-08), holds (R24.9), disposal by two persons
 * (R24.10), and a clock that nobody turns (C13). */
#include "../../tests/lib/small_world.h"

#include "asn1/der.h"
#include "evidence/alarm.h"
#include "http/route.h"
#include "http/route_check.h"
#include "vault/vault.h"

#define NUMBER "110101199003070011"
#define ORIGINAL "a photograph of a document"
#define CLERK W_CHIEF /* of the institution, as are these */
#define SECOND W_REVIEW

static struct instance *in;
static uint8_t serials;

static struct vault *v(void)
{
	return in->state;
}

static void grant(enum world_key who, const char *role, const char *file)
{
	json_t *o = json_object();
	uint8_t sm3[32];

	sm3_hash(buf_slice(&world.cert[who]), sm3);
	json_put_cstr(o, "person", world_person[who]);
	json_put_cstr(o, "name", "某人");
	json_put_cstr(o, "role", role);
	json_put_hex(o, "certificate", SLICE_ARR(sm3));
	world_times(o, "from", "until", 300);
	world_file(file, STATEMENT_ROLE_GRANT, W_CEREMONY, "shifan", "ceremony", o);
}

static void trust(void)
{
	grant(CLERK, "institution", "shifan/ca/trust/grants/institution-1.p7s");
	grant(SECOND, "institution", "shifan/ca/trust/grants/institution-2.p7s");
}

/* New people and keys of today, as after the ceremonies of the years between. */
static void trust_anew(void)
{
	char path[256];

	world_certify();
	trust();
	trust_drop(in->trust);
	in->trust = NULL;
	snprintf(path, sizeof(path), "%s/shifan/ca/trust", world.dir);
	assert_ok(trust_load(path, "shifan", &in->trust));
}

static int open_vault(void **state)
{
	char clock[128];

	(void)state;
	world_open();
	snprintf(clock, sizeof(clock), "%s/clock", world.dir);
	assert_ok(clock_create(clock));
	assert_ok(clock_open(clock));
	trust();
	in = world_instance("shifan/ca", &role_vault, NULL);
	assert_ok(role_vault.start(in));
	serials = 0;
	return 0;
}

static int close_vault(void **state)
{
	(void)state;
	world_end(in);
	world_close();
	assert_ok(clock_open("/nonexistent/clock"));
	return 0;
}

static void step(int64_t days)
{
	char clock[128];

	snprintf(clock, sizeof(clock), "%s/clock", world.dir);
	assert_ok(clock_step(clock, days * W_DAY));
}

/* ---- calls ---- */

static struct peer peer_of(enum world_key who, uint32_t roles)
{
	struct peer p = {.kind = PEER_OFFICER, .roles = roles, .org = "shifan"};

	snprintf(p.person, sizeof(p.person), "%s", world_person[who] != NULL ? world_person[who] : "");
	return p;
}

static struct peer of_instance(const char *name, uint32_t roles)
{
	struct peer p = {.kind = PEER_INSTANCE, .roles = roles, .org = "shifan"};

	snprintf(p.instance, sizeof(p.instance), "%s", name);
	return p;
}

typedef struct rc door(struct vault *v, const struct request *q, json_t **ret);

static RC call(door *d, const struct peer *p, struct slice body, json_t **ret)
{
	struct request q = {.peer = p, .body = body};

	*ret = NULL;
	return d(v(), &q, ret);
}

static RC call_statement(door *d, enum world_key who, enum statement_kind kind, const json_t *body,
                         json_t **ret)
{
	struct peer p = peer_of(who, OFFICER(INSTITUTION));
	AUTO_BUF(der, STATEMENT_MAX);

	world_statement(kind, who, "shifan", "institution", body, &der);
	return call(d, &p, buf_slice(&der), ret);
}

/* ---- one record as the CA hands it over ---- */

struct subject {
	uint8_t key[32], application[32];
	char hex[65];
	struct buf statements[2]; /* application, approval */
	const char *class;
	uint8_t serial[2];
};

static void make(struct subject *s, const char *class, const char *original, const struct subject *follows)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(approval, NULL);
	AUTO_BUF(hex, 65);
	json_t *list = json_array(), *one = json_object(), *basis;
	uint8_t sm3[32];
	char text[16];

	*s = (struct subject){.class = class, .serial = {0x5a, ++serials}};
	sm3_hash(slice_text(original), sm3);
	json_put_cstr(one, "type", "identity-document");
	json_put_hex(one, "sm3", SLICE_ARR(sm3));
	json_put_int(one, "size", (int64_t)strlen(original));
	assert_int_equal(json_array_append_new(list, one), 0);
	json_put_cstr(body, "profile", "person");
	json_put_cstr(body, "class", class);
	json_put_cstr(body, "csr", "MAA=");
	json_put_take(body, "identity",
	              world_json("{\"name\":\"张三\",\"document\":{\"type\":\"citizen\",\"number\":\"" NUMBER
	                         "\"}}"));
	json_put_cstr(body, "purpose", "报税");
	json_put_cstr(body, "region", "110000");
	json_put_take(body, "agreement", world_json("{\"version\":\"1\",\"accepted\":true}"));
	json_put_take(body, "evidence", list);
	if (follows != NULL) {
		basis = world_json("{\"kind\":\"update\",\"ca\":\"sm2\"}");
		snprintf(text, sizeof(text), "%02x%02x", follows->serial[0], follows->serial[1]);
		json_put_cstr(basis, "serial", text);
		json_put_take(body, "basis", basis);
	}
	s->statements[0] = BUF(STATEMENT_MAX);
	s->statements[1] = BUF(STATEMENT_MAX);
	world_statement(STATEMENT_APPLICATION, W_ENTRY, "shifan", "entry", body, &s->statements[0]);
	sm3_hash(buf_slice(&s->statements[0]), s->application);
	approval = world_json("{\"id\":\"APP-1\",\"subject\":\"CN=张三,C=CN\",\"entity\":\"" UUID_OF(
	        "4") "\",\"spki\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
	             "\"profile\":\"person\",\"authority\":\"sm2\",\"validity_days\":730}");
	json_put_cstr(approval, "class", class);
	json_put_hex(approval, "application", SLICE_ARR(s->application));
	world_statement(STATEMENT_APPROVAL, W_REVIEW, "shifan", "review", approval, &s->statements[1]);
	sm3_hash(buf_slice(&s->statements[1]), s->key);
	buf_hex(&hex, SLICE_ARR(s->key));
	snprintf(s->hex, sizeof(s->hex), "%s", buf_cstr(&hex));
}

static void subject_free(struct subject *s)
{
	buf_free(&s->statements[0]);
	buf_free(&s->statements[1]);
}
#define AUTO_SUBJECT(name) __attribute__((cleanup(subject_free))) struct subject name

static void evidence(const char *original)
{
	struct peer ra = of_instance("shifan/ra", WHO_OWN | WHO_OWN_RA);
	AUTO_DER(w, 1024);
	AUTO_BUF(body, 1024);
	AUTO_JSON(o, NULL);

	der_begin(&w, DER_SEQUENCE);
	der_put_octets(&w, slice_text(original));
	der_end(&w);
	assert_ok(der_finish(&w, &body));
	assert_ok(call(vault_take_evidence, &ra, buf_slice(&body), &o));
}

/* Outcome of the first record: "kept", or the refusal's code. */
static const char *hand_over(struct subject *s, const uint8_t *key, json_t **ret)
{
	struct peer ca = of_instance("shifan/ca", WHO_OWN | WHO_CA);
	struct slice shared = SLICE_LIT("KMRespond of a batch");
	struct bundle_piece pieces[] = {{SLICE_LIT("application"), buf_slice(&s->statements[0]), 0, false},
	                                {SLICE_LIT("approval"), buf_slice(&s->statements[1]), 0, false},
	                                {SLICE_LIT("sign-tbs"), SLICE_LIT("tbs"), 0, false},
	                                {SLICE_LIT("km-respond"), SLICE_NONE, 1, false}};
	struct bundle_record r = {.pieces = pieces, .count = 4};
	AUTO_BUF(body, BUNDLE_MAX);
	const json_t *one;

	memcpy(r.key, key != NULL ? key : s->key, 32);
	assert_ok(bundle_write(&shared, 1, &r, 1, &body));
	assert_ok(call(vault_take_records, &ca, buf_slice(&body), ret));
	one = json_array_get(json_object_get(*ret, "records"), 0);
	return strcmp(json_string_value(json_object_get(one, "state")), "kept") == 0
	               ? "kept"
	               : json_string_value(json_object_get(one, "code"));
}

/* ---- the CA's log ---- */

static struct feed feed;

static void tell(const char *kind, json_t *data, const char *beside, const char *value)
{
	AUTO_JSON(answer, json_object());
	AUTO_BUF(bytes, LOG_ENTRY_MAX);
	json_t *list = json_array(), *e = json_object(), *entry = json_object();
	uint8_t leaf[32];
	size_t n;

	json_put_time(entry, "at", clock_now());
	json_put_cstr(entry, "kind", kind);
	json_put_take(entry, "data", data);
	json_put_take(entry, "sealed", json_null());
	assert_ok(json_canonical(entry, &bytes));
	log_leaf(buf_slice(&bytes), leaf);
	json_put_int(e, "index", (int64_t)feed.next);
	json_put_take(e, "entry", entry);
	json_put_hex(e, "leaf", SLICE_ARR(leaf));
	if (beside != NULL)
		json_put_cstr(e, beside, value);
	assert_int_equal(json_array_append_new(list, e), 0);
	json_put_take(answer, "entries", list);
	json_put_int(answer, "size", (int64_t)feed.next + 1);
	assert_ok(vault_tail_apply(&feed, answer, &n));
}

static json_t *named(const struct subject *s)
{
	json_t *o = json_object();
	char serial[8];

	snprintf(serial, sizeof(serial), "%02x%02x", s->serial[0], s->serial[1]);
	json_put_cstr(o, "ca", "sm2");
	json_put_cstr(o, "serial", serial);
	json_put_cstr(o, "request", s->hex);
	return o;
}

static void issued(const struct subject *s, int64_t days)
{
	json_t *o = named(s);

	json_put_cstr(o, "class", s->class);
	json_put_cstr(o, "part", "single");
	json_put_time(o, "not_after", clock_now() + days * W_DAY);
	json_put_hex(o, "certificate", SLICE_ARR(s->application));
	feed = (struct feed){.v = v(), .name = "shifan/ca", .next = feed.v == v() ? feed.next : 0};
	tell("issued", o, "certificate", "MAA=");
}

static void revoked(const struct subject *s)
{
	json_t *o = named(s);

	json_put_time(o, "at", clock_now());
	tell("revoked", o, NULL, NULL);
}

static void complete(struct subject *s, const char *class, const struct subject *follows, int64_t days)
{
	AUTO_JSON(o, NULL);

	make(s, class, ORIGINAL, follows);
	assert_string_equal(hand_over(s, NULL, &o), "kept");
	issued(s, days);
}

/* ---- what is kept ---- */

static void a_record_counts_only_as_a_whole(void **state)
{
	AUTO_SUBJECT(s);
	AUTO_JSON(o, NULL);
	AUTO_JSON(again, NULL);
	AUTO_JSON(wrong, NULL);
	AUTO_JSON(early, NULL);
	uint8_t other[32] = {1};

	(void)state;
	make(&s, "GOV", ORIGINAL, NULL);
	assert_string_equal(hand_over(&s, NULL, &early), "original-missing");
	evidence(ORIGINAL);
	assert_string_equal(hand_over(&s, other, &wrong), "input");
	assert_string_equal(hand_over(&s, NULL, &o), "kept");
	assert_string_equal(hand_over(&s, NULL, &again), "kept"); /* after a lost answer */
}

static int64_t find(const char *word)
{
	/* what root sees: every byte of both places and the database */
	char command[512];
	FILE *f;
	long n = -1;

	snprintf(command, sizeof(command),
	         "grep -r -c -a -l -F '%s' %s/shifan/ca/first %s/shifan/ca/second %s/shifan/ca/data.db* | wc "
	         "-l",
	         word, world.dir, world.dir, world.dir);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld", &n), 1);
	assert_int_equal(pclose(f), 0);
	return n;
}

static void no_disk_shows_who_it_is_about(void **state)
{
	AUTO_SUBJECT(s);

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "GOV", NULL, 700);
	assert_int_equal(find(NUMBER), 0);
	assert_int_equal(find(ORIGINAL), 0);
	assert_true(find("YDF1") > 0); /* the search does find what is there */
}

static RC show(const struct subject *s, const char *reason, bool originals, json_t **ret)
{
	struct peer p = peer_of(W_ENTRY, OFFICER(AUDITOR));
	struct http_param params[] = {{SLICE_LIT("key"), slice_text(s->hex)}},
	                  query[] = {{SLICE_LIT("reason"), slice_text(reason != NULL ? reason : "")},
	                             {SLICE_LIT("originals"), slice_text(originals ? "true" : "false")}};
	struct request q = {.peer = &p, .query = query, .query_count = 2, .param_count = 1};

	memcpy(q.params, params, sizeof(params));
	*ret = NULL;
	return vault_show(v(), &q, ret);
}

static void reading_needs_a_reason_and_is_masked(void **state)
{
	AUTO_SUBJECT(s);
	AUTO_JSON(o, NULL);
	AUTO_JSON(whole, NULL);
	AUTO_BUF(text, JSON_MAX);
	uint64_t before;

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "GOV", NULL, 700);
	before = log_size(in->log);
	assert_false(rc_ok(show(&s, NULL, false, &o)));
	assert_int_equal(rc_last()->err, ERR_REASON_MISSING);
	assert_ok(show(&s, "投诉 2026-7", false, &o));
	assert_int_equal(log_size(in->log), before + 1);
	assert_ok(json_canonical(o, &text));
	assert_null(memmem(text.p, text.len, NUMBER, strlen(NUMBER)));
	assert_non_null(memmem(text.p, text.len, "张三", strlen("张三")));
	assert_ok(show(&s, "法院调取", true, &whole));
	buf_clear(&text);
	assert_ok(json_canonical(whole, &text));
	/* base64 of the original */
	assert_non_null(memmem(text.p, text.len, "YSBwaG90b2dyYXBoIG9mIGEgZG9jdW1lbnQ=", 36));
}

/* ---- terms ---- */

static struct vault_lock lock_of(const struct subject *s)
{
	AUTO(db_lease, lease, NULL);
	struct vault_record r;
	struct vault_lock l;

	assert_ok(db_pool_lease(in->readers, &lease));
	assert_ok(vault_store_record(lease->db, s->key, &r));
	assert_ok(vault_lock_of(lease->db, &r, &l));
	return l;
}

static void updates_move_the_lock_of_the_first(void **state)
{
	AUTO_SUBJECT(a);
	AUTO_SUBJECT(b);
	AUTO_SUBJECT(c);
	AUTO_SUBJECT(d);
	int64_t lock[4];

	(void)state;
	evidence(ORIGINAL);
	complete(&a, "PUBLIC", NULL, 100);
	lock[0] = lock_of(&a).lock;
	complete(&b, "PUBLIC", &a, 200);
	lock[1] = lock_of(&a).lock;
	complete(&c, "PUBLIC", &b, 300);
	lock[2] = lock_of(&a).lock;
	complete(&d, "GOV", &c, 400); /* one of both classes takes the longer term (I-09) */
	lock[3] = lock_of(&a).lock;
	assert_true(lock[0] < lock[1] && lock[1] < lock[2] && lock[2] < lock[3]);
	assert_int_equal(lock_of(&d).lock, lock[3]);
	assert_true(lock[3] - lock[2] > 4 * 365 * W_DAY);
}

static void rows_that_root_changed_are_put_right(void **state)
{
	AUTO_SUBJECT(s);
	AUTO_JSON(o, NULL);
	struct vault_lock before;
	char command[512];

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "GOV", NULL, 700);
	revoked(&s);
	before = lock_of(&s);
	snprintf(command, sizeof(command),
	         "sqlite3 %s/shifan/ca/data.db \"UPDATE record SET class='PUBLIC'; UPDATE certificate SET "
	         "not_after=1000, ended_at=NULL\"",
	         world.dir);
	assert_int_equal(system(command), 0);
	assert_true(lock_of(&s).lock < before.lock);
	assert_ok(vault_scrub_now(v(), &o));
	assert_int_equal(json_integer_value(json_object_get(o, "records_altered")), 1);
	assert_int_equal(lock_of(&s).lock, before.lock);
	assert_int_equal(lock_of(&s).legal, before.legal);
}

/* ---- the end ---- */

static json_t *list_of(const struct subject *s)
{
	json_t *o = json_object(), *list = json_array();

	assert_int_equal(json_array_append_new(list, json_string(s->hex)), 0);
	json_put_take(o, "records", list);
	json_put_cstr(o, "reason", "保存期满");
	return o;
}

static RC propose(const struct subject *s, enum world_key who, char hash[65])
{
	AUTO_JSON(body, list_of(s));
	AUTO_JSON(o, NULL);

	TRY(call_statement(vault_dispose, who, STATEMENT_DISPOSAL, body, &o));
	snprintf(hash, 65, "%s", json_string_value(json_object_get(o, "disposal")));
	return OK;
}

static RC approve(const char *hash, enum world_key who)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(o, NULL);

	json_put_cstr(body, "disposal", hash);
	json_put_bool(body, "approve", true);
	return call_statement(vault_decide, who, STATEMENT_DISPOSAL_APPROVAL, body, &o);
}

static RC attest(enum world_key who)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(o, NULL);

	json_put_time(body, "time", clock_now());
	json_put_cstr(body, "source", "国家授时中心");
	json_put_cstr(body, "reason", "停机后核对");
	return call_statement(vault_attest, who, STATEMENT_TIME_ATTESTATION, body, &o);
}

static RC hold(const struct subject *s, const char *release, char hash[65])
{
	AUTO_JSON(body, list_of(s));
	AUTO_JSON(o, NULL);

	json_put_cstr(body, "action", release != NULL ? "release" : "hold");
	if (release != NULL) {
		(void)json_object_del(body, "records");
		json_put_cstr(body, "hold", release);
	} else {
		json_put_cstr(body, "authority", "示范市中级人民法院");
	}
	TRY(call_statement(vault_hold, CLERK, STATEMENT_LEGAL_HOLD, body, &o));
	if (hash != NULL)
		snprintf(hash, 65, "%s", json_string_value(json_object_get(o, "hold")));
	return OK;
}

#define refused(call, error)                                                                                 \
	do {                                                                                                 \
		assert_false(rc_ok(call));                                                                   \
		assert_int_equal(rc_last()->err, ERR_##error);                                               \
	} while (0)

/* What is shown of the record's own bundle. */
static const json_t *bundle_of(const json_t *shown)
{
	const json_t *list = json_object_get(shown, "pieces"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *kind = json_string_value(json_object_get(one, "kind"));

		if (strncmp(kind, "application", 11) == 0)
			return one;
	}
	return NULL;
}

static void nothing_goes_before_its_term(void **state)
{
	AUTO_SUBJECT(s);
	char hash[65];

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "PUBLIC", NULL, 1);
	refused(propose(&s, CLERK, hash), RECORD_LOCKED);
	revoked(&s);
	refused(propose(&s, CLERK, hash), RECORD_LOCKED);
	/* C13: eleven years by turning the clock */
	step(11 * 366);
	trust_anew();
	refused(propose(&s, CLERK, hash), CLOCK_DOUBTED);
	assert_ok(vault_clock_run(in, 0)); /* the jobs go on */
	refused(propose(&s, CLERK, hash), CLOCK_DOUBTED);
	assert_int_equal(lock_of(&s).held, false);
}

static void two_persons_dispose_after_the_term(void **state)
{
	AUTO_SUBJECT(s);
	AUTO_SUBJECT(stays);
	AUTO_JSON(o, NULL);
	AUTO_JSON(alike, NULL);
	char hash[65], held[65];

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "PUBLIC", NULL, 1);
	complete(&stays, "GOV", NULL, 900); /* with the same original */
	assert_ok(hold(&s, NULL, held));
	step(7 * 366);
	trust_anew();
	refused(propose(&s, CLERK, hash), CLOCK_DOUBTED);
	assert_ok(attest(CLERK));
	refused(attest(CLERK), SECOND_PERSON);
	refused(propose(&s, CLERK, hash), CLOCK_DOUBTED);
	assert_ok(attest(SECOND));
	refused(propose(&s, CLERK, hash), RECORD_HELD);
	assert_ok(hold(&s, held, NULL));
	refused(propose(&stays, CLERK, hash), RECORD_LOCKED);
	assert_ok(propose(&s, CLERK, hash));
	refused(approve(hash, CLERK), SECOND_PERSON);
	assert_ok(show(&s, "仍在", false, &alike)); /* nothing has gone yet */
	assert_ok(approve(hash, SECOND));
	assert_false(rc_ok(approve(hash, SECOND)));
	/* a stub stays; the content is gone, though not what another record needs */
	assert_ok(show(&s, "核对销毁", true, &o));
	assert_non_null(json_object_get(o, "disposed_at"));
	assert_null(json_object_get(bundle_of(o), "content"));
	assert_non_null(json_object_get(bundle_of(o), "destroyed_at"));
	json_decref(alike);
	alike = NULL;
	assert_ok(show(&stays, "核对", true, &alike));
	refused(propose(&s, CLERK, hash), RECORD_DISPOSED);
	/* CA and RA hear of it, and of no original that is still needed */
	{
		struct peer ra = of_instance("shifan/ra", WHO_OWN_RA);
		struct request q = {.peer = &ra};
		AUTO_JSON(gone, NULL);
		const json_t *one;

		assert_ok(vault_disposed(v(), &q, &gone));
		assert_int_equal(json_array_size(json_object_get(gone, "records")), 1);
		one = json_array_get(json_object_get(gone, "records"), 0);
		assert_int_equal(json_array_size(json_object_get(one, "originals")), 0);
		assert_int_equal(json_string_length(json_object_get(one, "record")), 64);
		assert_int_equal(json_string_length(json_object_get(one, "application")), 64);
	}
}

/* Root puts the key slots of before the disposal back on one place: the other, and the rows, know better. */
static void what_was_destroyed_stays_destroyed(void **state)
{
	AUTO_SUBJECT(s);
	AUTO_JSON(o, NULL);
	AUTO_JSON(shown, NULL);
	char hash[65], command[512];

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "PUBLIC", NULL, 1);
	snprintf(command, sizeof(command), "cp %s/shifan/ca/second/00000001.key %s/old.key", world.dir,
	         world.dir);
	assert_int_equal(system(command), 0);
	step(7 * 366);
	trust_anew();
	refused(propose(&s, CLERK, hash), CLOCK_DOUBTED);
	assert_ok(attest(CLERK));
	assert_ok(attest(SECOND));
	assert_ok(propose(&s, CLERK, hash));
	assert_ok(approve(hash, SECOND));
	snprintf(command, sizeof(command), "cp %s/old.key %s/shifan/ca/second/00000001.key", world.dir,
	         world.dir);
	assert_int_equal(system(command), 0);
	assert_ok(vault_scrub_now(v(), &o));
	assert_true(json_integer_value(json_object_get(o, "repaired")) > 0);
	assert_int_equal(json_integer_value(json_object_get(o, "lost")), 0);
	snprintf(command, sizeof(command),
	         "cmp -s %s/shifan/ca/first/00000001.key %s/shifan/ca/second/00000001.key", world.dir,
	         world.dir);
	assert_int_equal(system(command), 0);
	assert_ok(show(&s, "核对", true, &shown));
	assert_null(json_object_get(bundle_of(shown), "content"));
	/* A backup brought them back on both: a restored vault begins by destroying them again. */
	snprintf(command, sizeof(command),
	         "cd %s/shifan/ca && cp first/00000001.key ../../new.key && cp ../../old.key "
	         "first/00000001.key && cp ../../old.key second/00000001.key && ! cmp -s ../../old.key "
	         "../../new.key",
	         world.dir);
	assert_int_equal(system(command), 0);
	assert_ok(vault_destroy_again(v()));
	snprintf(command, sizeof(command),
	         "cd %s/shifan/ca && cmp -s first/00000001.key ../../new.key && cmp -s second/00000001.key "
	         "../../new.key",
	         world.dir);
	assert_int_equal(system(command), 0);
}

static void sql(const char *text)
{
	AUTO(db, db, NULL);
	char path[256];

	snprintf(path, sizeof(path), "%s/shifan/ca/data.db", world.dir);
	assert_ok(db_open(path, false, &db));
	assert_ok(db_script(db, text));
}

/* R24.7: rows that root deletes are made again from the copies, with what they said. */
static void rows_that_root_deleted_are_made_again(void **state)
{
	AUTO_SUBJECT(s);
	AUTO_JSON(before, NULL);
	AUTO_JSON(after, NULL);
	AUTO_JSON(o, NULL);
	AUTO_JSON(again, NULL);
	struct vault_lock lock;

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "GOV", NULL, 900);
	revoked(&s);
	lock = lock_of(&s);
	assert_ok(show(&s, "核对", true, &before));
	sql("DELETE FROM kept; DELETE FROM certificate; DELETE FROM item; DELETE FROM record;");
	assert_false(rc_ok(show(&s, "核对", true, &after)));
	assert_ok(vault_scrub_now(v(), &o));
	assert_true(json_integer_value(json_object_get(o, "indexed")) > 0);
	assert_ok(show(&s, "核对", true, &after));
	assert_int_equal(json_array_size(json_object_get(after, "pieces")),
	                 json_array_size(json_object_get(before, "pieces")));
	assert_int_equal(lock_of(&s).lock, lock.lock);
	assert_int_equal(lock_of(&s).legal, lock.legal);
	assert_ok(vault_scrub_now(v(), &again));
	assert_int_equal(json_integer_value(json_object_get(again, "indexed")), 0);
}

/* R24.9: the log knows of a hold, whatever root makes of its rows. */
static void holds_that_root_lifted_stand(void **state)
{
	static const char *const attempts[] = {
	        "UPDATE hold SET released = x'00'",
	        "DELETE FROM held",
	        "DELETE FROM held; DELETE FROM hold",
	};
	AUTO_SUBJECT(s);
	char hash[65], held[65];

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "PUBLIC", NULL, 1);
	assert_ok(hold(&s, NULL, held));
	step(7 * 366);
	trust_anew();
	refused(propose(&s, CLERK, hash), CLOCK_DOUBTED);
	assert_ok(attest(CLERK));
	assert_ok(attest(SECOND));
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		sql(attempts[i]);
		assert_false(lock_of(&s).held);
		refused(propose(&s, CLERK, hash), RECORD_HELD);
		assert_true(lock_of(&s).held);
	}
	assert_ok(hold(&s, held, NULL));
	assert_ok(propose(&s, CLERK, hash));
}

/* R24.10: rows are no order to destroy anything. */
static void rows_dispose_of_nothing(void **state)
{
	AUTO_SUBJECT(s);
	AUTO_SUBJECT(other);
	AUTO_JSON(o, NULL);
	AUTO_JSON(shown, NULL);
	char hash[65];

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "PUBLIC", NULL, 1);
	complete(&other, "GOV", NULL, 900);
	step(7 * 366);
	trust_anew();
	refused(propose(&s, CLERK, hash), CLOCK_DOUBTED);
	assert_ok(attest(CLERK));
	assert_ok(attest(SECOND));
	assert_ok(propose(&s, CLERK, hash));
	/* approved by nobody */
	sql("UPDATE disposal SET state = 1, approval = statement");
	assert_ok(vault_dispose_resume(v()));
	assert_ok(show(&s, "核对", true, &o));
	assert_null(json_object_get(o, "disposed_at"));
	assert_non_null(json_object_get(bundle_of(o), "content"));
	/* approved by two, and another record slipped in */
	sql("DELETE FROM disposal_record; DELETE FROM disposal;");
	assert_ok(propose(&s, CLERK, hash));
	sql("UPDATE disposal_record SET record = (SELECT max(id) FROM record)");
	assert_ok(approve(hash, SECOND));
	assert_ok(show(&other, "核对", true, &shown));
	assert_null(json_object_get(shown, "disposed_at"));
	assert_non_null(json_object_get(bundle_of(shown), "content"));
}

static void a_clock_set_back_is_doubted_too(void **state)
{
	(void)state;
	assert_ok(vault_clock(v()));
	step(-1);
	refused(vault_clock(v()), CLOCK_DOUBTED);
	step(1); /* back where it was: people have to look all the same */
	refused(vault_clock(v()), CLOCK_DOUBTED);
}

/* ---- damage ---- */

static void one_bad_copy_is_mended_two_are_told(void **state)
{
	AUTO_SUBJECT(s);
	AUTO_JSON(first, NULL);
	AUTO_JSON(second, NULL);
	AUTO_JSON(shown, NULL);
	char command[512];

	(void)state;
	evidence(ORIGINAL);
	complete(&s, "GOV", NULL, 700);
	snprintf(command, sizeof(command), "rm %s/shifan/ca/first/00000001.seg", world.dir);
	assert_int_equal(system(command), 0);
	assert_ok(show(&s, "仍可查阅", true, &shown));
	assert_ok(vault_scrub_now(v(), &first));
	assert_true(json_integer_value(json_object_get(first, "repaired")) > 0);
	assert_int_equal(json_integer_value(json_object_get(first, "lost")), 0);
	snprintf(command, sizeof(command),
	         "cmp -s %s/shifan/ca/first/00000001.seg %s/shifan/ca/second/00000001.seg && for p in first "
	         "second; do "
	         "printf X | dd of=%s/shifan/ca/$p/00000001.seg bs=1 seek=100 conv=notrunc status=none; done",
	         world.dir, world.dir, world.dir);
	assert_int_equal(system(command), 0);
	assert_ok(vault_scrub_now(v(), &second));
	assert_int_equal(json_integer_value(json_object_get(second, "lost")), 1);
}

/* ---- exceptions ---- */

static void what_was_issued_without_a_record_is_an_exception(void **state)
{
	AUTO_SUBJECT(good);
	AUTO_SUBJECT(bad);
	AUTO_JSON(o, NULL);
	struct peer p = peer_of(W_ENTRY, OFFICER(AUDITOR));
	struct request q = {.peer = &p};
	const json_t *list;

	(void)state;
	evidence(ORIGINAL);
	complete(&good, "GOV", NULL, 700);
	make(&bad, "GOV", ORIGINAL, NULL);
	issued(&bad, 700);
	assert_ok(vault_exceptions(v(), &q, &o));
	list = json_object_get(o, "exceptions");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "record")), bad.hex);
}

/* ---- doors ---- */

static void every_door_asks_who_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < VAULT_ROUTES; i++) {
		struct peer nobody = {0}, entry = peer_of(W_ENTRY, OFFICER(ENTRY) | OFFICER(REVIEW));
		struct peer status = of_instance("shifan/status", WHO_OWN | WHO_OWN_STATUS);

		assert_non_null(vault_routes[i].path);
		assert_false(route_may(&vault_routes[i], &nobody));
		assert_false(route_may(&vault_routes[i], &entry));
		assert_false(route_may(&vault_routes[i], &status));
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_vault, close_vault)
	const struct CMUnitTest tests[] = {
	        TEST(a_record_counts_only_as_a_whole),
	        TEST(no_disk_shows_who_it_is_about),
	        TEST(reading_needs_a_reason_and_is_masked),
	        TEST(updates_move_the_lock_of_the_first),
	        TEST(rows_that_root_changed_are_put_right),
	        TEST(nothing_goes_before_its_term),
	        TEST(two_persons_dispose_after_the_term),
	        TEST(rows_that_root_deleted_are_made_again),
	        TEST(holds_that_root_lifted_stand),
	        TEST(rows_dispose_of_nothing),
	        TEST(what_was_destroyed_stays_destroyed),
	        TEST(a_clock_set_back_is_doubted_too),
	        TEST(one_bad_copy_is_mended_two_are_told),
	        TEST(what_was_issued_without_a_record_is_an_exception),
	        TEST(every_door_asks_who_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
