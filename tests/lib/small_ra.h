#ifndef YD_TESTS_SMALL_RA_H
#define YD_TESTS_SMALL_RA_H
/* An RA in a small world: officers with real statements, a CA that answers as the test wants.  Include it in
 * one file of a test program only. */
#include "small_world.h"

#include "evidence/record.h"
#include "http/problem.h"
#include "ra/ra.h"

#define ZHANG                                                                                                \
	"\"name\":\"张三\",\"document\":{\"type\":\"citizen\",\"number\":\"11010519491231002X\",\"valid_"  \
	"until\":\"long-term\"}"
#define TERMS "\"purpose\":\"办公\",\"region\":\"350000\",\"agreement\":{\"version\":\"1\",\"accepted\":true}"
#define PLAIN "{\"profile\":\"person\",\"class\":\"GOV\"," TERMS ",\"identity\":{" ZHANG "}}"

static struct instance *ra_in;
static struct peer entry = {
        .kind = PEER_OFFICER, .roles = OFFICER(ENTRY), .org = "shifan", .person = UUID_OF("1")};
static struct peer review = {
        .kind = PEER_OFFICER, .roles = OFFICER(REVIEW), .org = "shifan", .person = UUID_OF("2")};
static struct peer stranger = {.kind = PEER_OFFICER, .org = "shifan", .person = UUID_OF("4")};
static uint8_t next_key = 100;

static struct db_faults *ra_faults;  /* of its writer; NULL: none */
static char *ra_source_url;          /* NULL: no authoritative source */
static bool ra_fresh_serials;        /* each request gets certificates of its own */
static const char *ra_source_answer; /* NULL: it is down */

/* ---- the CA of the test ---- */

enum ca_mood { CA_DOWN, CA_HALF, CA_WHOLE, CA_REFUSES, CA_BUSY };
static struct {
	pthread_mutex_t lock;
	enum ca_mood mood, revocations;
	unsigned calls, revoked;
} ca = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void set_mood(enum ca_mood mood, enum ca_mood revocations)
{
	pthread_mutex_lock(&ca.lock);
	ca.mood = mood;
	ca.revocations = revocations;
	pthread_mutex_unlock(&ca.lock);
}

/* The encryption certificate is the chief's, its key enveloped for whoever asks: here always for scalar 1. */
static inline void put_envelope(json_t *o)
{
	struct sm2_key receiver = judge_scalar(1);
	uint8_t serial[1] = {9};
	struct envelope_item item = {
	        .key = &world.key[W_CHIEF], .receiver = receiver.pub, .serial = SLICE_ARR(serial)};
	AUTO_BUF(saed, 8192);

	assert_ok(envelope_make(&item, 1, &world.key[W_KMC], buf_slice(&world.cert[W_KMC]), &saed));
	json_put_base64(o, "envelope", buf_slice(&saed));
}

/* The world's serials are 01 00 … key: a number for the request goes between. */
static inline void put_certificate(json_t *list, enum world_key k, const char *request)
{
	static const uint8_t serial[] = {0x02, 0x09, 0x01, 0x00};
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(text, 16384);
	uint8_t *at;

	buf_add(&der, buf_slice(&world.cert[k]));
	at = memmem(der.p, der.len, serial, sizeof(serial));
	assert_non_null(at);
	if (ra_fresh_serials)
		memcpy(at + sizeof(serial), request, 4);
	buf_base64(&text, buf_slice(&der));
	json_array_append_new(list, json_string(buf_cstr(&text)));
}

static inline json_t *result_of(const json_t *request)
{
	json_t *o = json_object(), *list = json_array();
	const char *state = "issued";

	json_put_take(o, "key", json_incref(json_object_get(request, "key")));
	json_put_take(o, "certificates", list);
	if (ca.mood == CA_REFUSES || ca.mood == CA_BUSY) {
		(void)rc_ok(ca.mood == CA_BUSY ? rc_refuse(ERR_SIGNER_GONE, "busy")
		                               : rc_refuse(ERR_G11, "no such class"));
		json_put_take(o, "error", problem_of(rc_last(), true));
		state = "refused";
	} else {
		put_certificate(list, W_ENTRY, json_string_value(json_object_get(request, "key")));
		if (ca.mood == CA_WHOLE) {
			put_certificate(list, W_CHIEF, json_string_value(json_object_get(request, "key")));
			put_envelope(o);
		} else {
			state = "issued-partial";
		}
	}
	json_put_cstr(o, "state", state);
	return o;
}

static inline RC requests(const struct http_call *call, struct buf *answer)
{
	AUTO_JSON(q, NULL);
	AUTO_JSON(o, json_object());
	json_t *list = NULL, *one, *results;
	size_t i;

	if (ca.mood == CA_DOWN)
		REFUSE(UNREACHABLE, "the test wants no CA");
	assert_ok(json_read(call->body, JSON_MAX, &q));
	assert_ok(json_get_array(q, "requests", 256, &list));
	results = json_array();
	json_array_foreach(list, i, one) json_array_append_new(results, result_of(one));
	json_put_take(o, "results", results);
	return json_canonical(o, answer);
}

static inline RC revocation(struct slice der, struct buf *answer)
{
	AUTO(statement, s, NULL);

	if (ca.revocations == CA_DOWN)
		REFUSE(UNREACHABLE, "the test wants no CA");
	assert_ok(statement_open(der, &s));
	assert_int_equal(s->kind, STATEMENT_REVOCATION);
	if (ca.revocations == CA_REFUSES)
		REFUSE(ALREADY_REVOKED, "once is enough");
	ca.revoked++;
	buf_text(answer, "{\"ca\":\"sm2\",\"serial\":\"9\",\"at\":\"2026-01-02T03:04:05Z\","
	                 "\"revoked_at\":\"2026-01-02T03:04:05Z\"}");
	return OK;
}

/* Those that waited come together. */
static inline RC bulk(const struct http_call *call, struct buf *answer)
{
	AUTO_JSON(q, NULL);
	AUTO_JSON(o, json_object());
	json_t *list = NULL, *one, *results = json_array();
	size_t i;

	json_put_take(o, "results", results);
	assert_ok(json_read(call->body, JSON_MAX, &q));
	assert_ok(json_get_array(q, "statements", 256, &list));
	json_array_foreach(list, i, one)
	{
		AUTO_BUF(der, STATEMENT_MAX);
		AUTO_BUF(text, 1024);
		json_t *item = json_object();

		assert_ok(text_base64(slice_text(json_string_value(one)), &der));
		if (!rc_ok(revocation(buf_slice(&der), &text))) {
			if (ca.revocations == CA_DOWN) {
				json_decref(item);
				return rc_restore(rc_last());
			}
			json_put_take(item, "error", problem_of(rc_last(), true));
		} else {
			json_decref(item);
			assert_ok(json_read(buf_slice(&text), JSON_MAX, &item));
		}
		json_array_append_new(results, item);
	}
	return json_canonical(o, answer);
}

static inline struct rc source_door(struct http_answer *answer)
{
	if (ra_source_answer == NULL)
		REFUSE(UNREACHABLE, "the test wants no source");
	buf_text(&answer->body, ra_source_answer);
	return OK;
}

static inline struct rc ca_door(const struct http_call *call, struct http_answer *answer)
{
	struct rc rc;

	if (strncmp(call->path, "/identity", 9) == 0)
		return source_door(answer);
	pthread_mutex_lock(&ca.lock);
	ca.calls++;
	rc = strcmp(call->path, "/v1/requests") == 0           ? requests(call, &answer->body)
	     : strcmp(call->path, "/v1/revocations/bulk") == 0 ? bulk(call, &answer->body)
	                                                       : revocation(call->body, &answer->body);
	pthread_mutex_unlock(&ca.lock);
	return rc;
}

/* ---- the world ---- */

static inline void start_ra(void)
{
	static char ca_url[] = "https://ca", ca_name[] = "shifan/ca", every[] = "*";
	char path[128];

	ra_in = world_instance("shifan/ra", &role_ra, ra_faults);
	ra_in->config.value.ca_url = ca_url;
	ra_in->config.value.ca_name = ca_name;
	ra_in->config.value.source_url = ra_source_url;
	ra_in->config.value.source_profiles = every;
	ra_in->config.value.refused_days = 10;
	(void)snprintf(path, sizeof(path), "%s/shifan/ra/records", world.dir);
	assert_ok(record_open(path, (const uint8_t[RECORD_KEY]){1}, &ra_in->records));
	assert_ok(role_ra.start(ra_in));
}

static inline void stop_ra(void)
{
	struct record_store *records = ra_in->records;

	world_end(ra_in);
	record_close(records);
}

static inline int open_all(void **state)
{
	char path[128];

	(void)state;
	world_open();
	world.door = ca_door;
	set_mood(CA_DOWN, CA_DOWN);
	(void)snprintf(path, sizeof(path), "%s/shifan/ra", world.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/shifan/ra/trust", world.dir);
	assert_int_equal(symlink("../ca/trust", path), 0);
	start_ra();
	return 0;
}

static inline int close_all(void **state)
{
	(void)state;
	stop_ra();
	world_close();
	return 0;
}

static inline struct ra *ra_of(void)
{
	return instance_state(ra_in);
}

/* ---- what officers send ---- */

static inline void csr_of(uint8_t n, struct slice id, struct buf *ret)
{
	struct sm2_key key = judge_scalar(n);
	AUTO_BUF(spki, 256);
	AUTO_BUF(name, 256);
	AUTO_BUF(tbs, 1024);
	AUTO_BUF(sig, 128);
	struct sm2_sig s;

	assert_ok(pubkey_put_sm2(&key.pub, &spki));
	world_name("csr", &name);
	assert_ok(
	        csr_tbs(&(struct csr_template){.subject = buf_slice(&name), .spki = buf_slice(&spki)}, &tbs));
	assert_ok(sm2_sign(&key, id, buf_slice(&tbs), &s));
	sm2_sig_to_der(&s, &sig);
	assert_ok(csr_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&sig), ret));
}

/* Hands a piece in and names it in the body. */
static inline void put_evidence(json_t *body, const char *type)
{
	struct http_param query = {SLICE_LIT("type"), slice_text(type)};
	struct request q = {.peer = &entry, .body = SLICE_LIT("a scan"), .query = &query, .query_count = 1};
	json_t *answer = NULL, *list = json_array();

	assert_ok(ra_evidence_take(ra_of(), &q, &answer));
	json_put_cstr(answer, "type", type);
	json_array_append_new(list, answer);
	json_put_take(body, "evidence", list);
}

static inline json_t *body_of(const char *text, uint8_t key)
{
	AUTO_BUF(csr, 2048);
	json_t *o = world_json(text);

	csr_of(key, SM2_ID, &csr);
	json_put_base64(o, "csr", buf_slice(&csr));
	json_put_cstr(o, "duplicate", "accepted");
	put_evidence(o, "identity-document");
	return o;
}

struct paper {
	struct buf der;
	uint8_t sm3[32];
};
static inline void paper_free(struct paper *p)
{
	buf_free(&p->der);
}
#define AUTO_PAPER(name) __attribute__((cleanup(paper_free))) struct paper name = {.der = BUF(STATEMENT_MAX)}

static inline void sign(struct paper *p, enum statement_kind kind, enum world_key by, const char *role,
                 const json_t *body)
{
	buf_free(&p->der); /* a DER writer hands its own buffer over */
	p->der = BUF(STATEMENT_MAX);
	world_statement(kind, by, "shifan", role, body, &p->der);
	sm3_hash(buf_slice(&p->der), p->sm3);
}

/* One call of a decision; *state of the answer goes into ret when it succeeds. */
static inline struct rc decide(struct rc (*door)(struct ra *ra, const struct request *q, json_t **ret),
                        const struct peer *by, const char *id, const struct paper *p, json_t **ret)
{
	struct request q = {.peer = by, .body = buf_slice(&p->der), .param_count = 1};

	q.params[0] = (struct http_param){SLICE_LIT("id"), slice_text(id)};
	return door(ra_of(), &q, ret);
}

static inline struct rc enter_paper(const struct paper *p, char id[RA_ID + 1])
{
	AUTO_JSON(answer, NULL);

	TRY(decide(ra_enter, &entry, "", p, &answer));
	(void)snprintf(id, RA_ID + 1, "%s", json_string_value(json_object_get(answer, "id")));
	return OK;
}

/* An application of the text under a fresh key; the body is changed by fix (may be NULL) first. */
static inline struct rc enter_text(const char *text, void (*fix)(json_t *body), char id[RA_ID + 1],
                                   struct paper *p)
{
	AUTO_JSON(body, body_of(text, next_key++));

	if (fix != NULL)
		fix(body);
	sign(p, STATEMENT_APPLICATION, W_ENTRY, "entry", body);
	return enter_paper(p, id);
}

static inline struct ra_application row_of(const char *id)
{
	AUTO(db_lease, lease, NULL);
	struct ra_application a;

	assert_ok(db_pool_lease(ra_in->readers, &lease));
	assert_ok(ra_store_find(lease->db, id, &a));
	return a;
}

static inline bool is_in(const char *id, enum application_state state)
{
	return row_of(id).state == state;
}

static inline json_t *approval_of(const struct ra_application *a)
{
	json_t *o = json_object();

	json_put_cstr(o, "id", a->id);
	json_put_hex(o, "application", SLICE_ARR(a->hash));
	json_put_cstr(o, "subject", a->subject);
	json_put_cstr(o, "entity", a->entity);
	json_put_hex(o, "spki", SLICE_ARR(a->spki));
	json_put_cstr(o, "profile", a->profile);
	json_put_cstr(o, "class", a->class);
	json_put_cstr(o, "authority", a->authority);
	json_put_int(o, "validity_days", a->days);
	return o;
}

static inline struct rc approve(const char *id)
{
	struct ra_application a = row_of(id);
	AUTO_JSON(body, approval_of(&a));
	AUTO_JSON(answer, NULL);
	AUTO_PAPER(p);

	sign(&p, STATEMENT_APPROVAL, W_REVIEW, "review", body);
	return decide(ra_review, &review, id, &p, &answer);
}

#endif
