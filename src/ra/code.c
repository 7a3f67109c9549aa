/* Ways in without a client certificate (R31.1): the code that was given at the counter, and the certificate's
 * own signing key.  Both may only stop or end, never begin. */
#include "base/clock.h"
#include "base/rand.h"
#include "base/time.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "ra/loss.h"
#include "sm/sm3.h"

#define CODE_CHARS 20
#define CODE_TRIES 10               /* wrong ones in … */
#define CODE_WINDOW (TIME_DAY / 24) /* … so many seconds; then nobody can use it for as long */
#define CODE_MEDIA_MAX 64

/* Without I, L, O, U: read over the telephone. */
static const char alphabet[33] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static RC make(char code[RA_CODE_TEXT])
{
	uint8_t random[CODE_CHARS];
	size_t n = 0;

	TRY(rand_bytes(random, sizeof(random)));
	for (size_t i = 0; i < CODE_CHARS; i++) {
		if (i > 0 && i % 4 == 0)
			code[n++] = '-';
		code[n++] = alphabet[random[i] & 31];
	}
	code[n] = '\0';
	wipe(random, sizeof(random));
	return OK;
}

/* Case, spaces and dashes do not count. */
static RC normal(struct slice text, char ret[CODE_CHARS])
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = (char)text.p[i];

		if (c == '-' || c == ' ' || c == '\n' || c == '\r')
			continue;
		REQUIRE(n < CODE_CHARS, CODE_WRONG, "not a code of twenty characters");
		ret[n++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	REQUIRE(n == CODE_CHARS, CODE_WRONG, "not a code of twenty characters");
	return OK;
}

static void mac_of(const struct ra *ra, int64_t application, const char code[CODE_CHARS],
                   uint8_t ret[SM3_LEN])
{
	char text[64];
	int n = snprintf(text, sizeof(text), "revocation-code %lld ", (long long)application);
	struct sm3_hmac h;

	sm3_hmac_init(&h, slice_of(ra->registry->p, ra->registry->len));
	sm3_hmac_update(&h, slice_of(text, (size_t)n));
	sm3_hmac_update(&h, slice_of(code, CODE_CHARS));
	sm3_hmac_final(&h, ret);
}

RC ra_code_new(struct ra *ra, struct db_tx *tx, const struct ra_application *a, const char *by,
               char code[RA_CODE_TEXT])
{
	char plain[CODE_CHARS];
	uint8_t mac[SM3_LEN];

	TRY(make(code));
	TRY(normal(slice_text(code), plain));
	mac_of(ra, a->seq, plain, mac);
	wipe(plain, sizeof(plain));
	return ra_store_code_put(tx->db, a->seq, mac, by);
}

/* ---- giving one ---- */

struct giving {
	struct ra *ra;
	const struct request *q;
	struct ra_application a;
	char code[RA_CODE_TEXT];
};

static RC application_of(struct db *db, const struct request *q, struct ra_application *ret)
{
	AUTO_BUF(serial, RA_SERIAL_MAX);
	char id[RA_ID + 1];

	TRY(cert_serial_from_text(request_param(q, "serial"), &serial));
	TRY(ra_store_certified(db, request_param(q, "ca"), buf_slice(&serial), id));
	return ra_store_find(db, id, ret);
}

static struct rc give_write(struct db_tx *tx, void *arg)
{
	struct giving *g = arg;
	AUTO_JSON(o, json_object());

	TRY(application_of(tx->db, g->q, &g->a));
	TRY(ra_may_see(g->q->peer, &g->a));
	TRY(ra_code_new(g->ra, tx, &g->a, g->q->peer->person, g->code));
	json_put_cstr(o, "id", g->a.id);
	json_put_cstr(o, "by", g->q->peer->person);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(g->ra->in), tx, "revocation-code", o, NULL, NULL);
}

RC ra_code_issue(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_MEM(struct giving, g, mem_new(1, sizeof(*g)));

	NEED(g != NULL, RC_NOMEM, "no memory");
	g->ra = ra;
	g->q = q;
	TRY(writer_run(instance_writer(ra->in), give_write, g));
	*ret = json_object();
	json_put_cstr(*ret, "id", g->a.id);
	json_put_cstr(*ret, "code", g->code);
	wipe(g->code, sizeof(g->code));
	return json_put_result();
}

/* ---- using one ---- */

struct code_use {
	struct ra *ra;
	struct revoking v;
	int64_t application;
	char ca[RA_NAME + 1];
	struct buf serial;
	char code[CODE_CHARS];
	bool right;
};

/* Right, wrong and unknown take the same way and give the same answer. */
static RC check(struct code_use *u, struct db *db, int64_t now)
{
	uint8_t mac[SM3_LEN];
	struct ra_code k;
	struct rc rc = ra_store_code(db, u->ca, buf_slice(&u->serial), &k);

	if (rc.code != RC_NOTFOUND)
		TRY(rc);
	REQUIRE(k.failures < CODE_TRIES || k.failed + CODE_WINDOW <= now, CODE_LOCKED, "%d wrong codes",
	        CODE_TRIES);
	u->application = k.application;
	mac_of(u->ra, u->application, u->code, mac);
	u->right = ct_equal(mac, k.mac, sizeof(mac)) && k.fresh;
	return OK;
}

static struct rc failure_write(struct db_tx *tx, void *arg)
{
	struct code_use *u = arg;

	return ra_store_code_failed(tx->db, u->application, clock_now(), CODE_WINDOW);
}

/* The code is used up in the transaction that makes the revocation durable. */
static struct rc use_write(struct db_tx *tx, void *arg)
{
	struct code_use *u = arg;

	TRY(check(u, tx->db, clock_now()));
	REQUIRE(u->right, CODE_WRONG, "the code does not fit, or was used");
	TRY(ra_store_code_used(tx->db, u->application, clock_now()));
	return revoking_put(tx, &u->v);
}

static RC first_look(struct code_use *u)
{
	AUTO(db_lease, lease, NULL);

	TRY(db_pool_lease(instance_readers(u->ra->in), &lease));
	TRY(check(u, lease->db, clock_now()));
	if (u->right)
		return OK;
	TRY(writer_run(instance_writer(u->ra->in), failure_write, u));
	REFUSE(CODE_WRONG, "the code does not fit, or was used");
}

static RC read_use(struct code_use *u, const json_t *body)
{
	struct slice ca, serial, code;

	TRY(json_only(body, "ca", "serial", "code", "reason", NULL));
	TRY(json_get_text(body, "ca", RA_NAME, &ca));
	TRY(json_get_text(body, "serial", 2 * RA_SERIAL_MAX, &serial));
	TRY(json_get_text(body, "code", CODE_MEDIA_MAX, &code));
	memcpy(u->ca, ca.p, ca.len);
	TRY(cert_serial_from_text(serial, &u->serial));
	return normal(code, u->code);
}

/* The RA vouches for the code by its own statement. */
static RC state_it(struct code_use *u, const json_t *body, struct buf *der)
{
	AUTO_JSON(o, json_object());
	const char *reason = json_string_value(json_object_get(body, "reason"));
	char serial[CERT_SERIAL_TEXT];

	cert_serial_text(buf_slice(&u->serial), serial);
	json_put_cstr(o, "ca", u->ca);
	json_put_cstr(o, "serial", serial);
	json_put_cstr(o, "reason", reason != NULL ? reason : crl_reason_name(REASON_KEY_COMPROMISE));
	json_put_cstr(o, "ground", "holder");
	json_put_time(o, "reported", clock_now());
	json_put_cstr(o, "case", "R31.1: code of the counter");
	TRY(json_put_result());
	return instance_statement(u->ra->in, STATEMENT_REVOCATION, o, der);
}

static RC use(struct code_use *u, const json_t *body, json_t **ret)
{
	AUTO_BUF(der, RA_STATEMENT_MAX);
	AUTO(statement, s, NULL);

	TRY(first_look(u));
	TRY(state_it(u, body, &der));
	TRY(statement_open(buf_slice(&der), &s));
	TRY(revoking_open(&u->v, u->ra, s, instance_name(u->ra->in)));
	u->v.way = RA_WAY_CODE;
	u->v.r.state = RA_REVOCATION_QUEUED;
	TRY(writer_run_first(instance_writer(u->ra->in), use_write, u));
	revoking_queued(&u->v);
	return revoking_queued_answer(&u->v, ret);
}

RC ra_revoke_by_code(struct ra *ra, const struct request *q, json_t **ret, bool *queued)
{
	AUTO_MEM(struct code_use, u, mem_new(1, sizeof(*u)));
	AUTO_BUF(serial, RA_SERIAL_MAX);
	AUTO_JSON(body, NULL);
	struct rc rc;

	NEED(u != NULL, RC_NOMEM, "no memory");
	TRY(request_json(q, &body));
	u->ra = ra;
	u->serial = buf_take(&serial);
	rc = read_use(u, body);
	rc = rc_ok(rc) ? use(u, body, ret) : rc;
	buf_free(&u->serial);
	wipe(u->code, sizeof(u->code));
	TRY(rc);
	*queued = true;
	atomic_fetch_add(&ra->revocations, 1);
	return OK;
}

/* ---- by the certificate's own key ---- */

/* The signer's certificate is the one to end, or the other of its pair. */
static RC own_pair(struct ra *ra, const struct revoking *v)
{
	AUTO(db_lease, lease, NULL);
	struct cert cert;
	bool same;

	TRY(cert_parse(v->s->certificate, &cert));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_same_pair(lease->db, v->r.ca, v->r.serial, cert.serial, &same));
	REQUIRE(same, NOT_YOURS, "signed with the key of another certificate");
	return OK;
}

RC ra_revoke_by_key(struct ra *ra, const struct request *q, json_t **ret, bool *queued)
{
	AUTO(trust, t, instance_trust(ra->in));
	AUTO(statement, s, NULL);
	struct revoking v;
	char by[RA_UUID + 1] = "";

	TRY(statement_open(q->body, &s));
	REQUIRE(s->kind == STATEMENT_REVOCATION && slice_is(s->role, "subscriber"), STATEMENT_ROLE,
	        "here holders revoke with the certificate's own key");
	REQUIRE(slice_is(s->organisation, instance_org(ra->in)), STATEMENT_CERTIFICATE,
	        "only holders of certificates of %s", instance_org(ra->in));
	TRY(statement_verify(s, trust_statements(t), clock_now()));
	NEED(s->person.len < sizeof(by), RC_INPUT, "no holder");
	memcpy(by, s->person.p, s->person.len);
	TRY(revoking_open(&v, ra, s, by));
	TRY(own_pair(ra, &v));
	TRY(revoking_send(&v, ret));
	*queued = v.queued;
	atomic_fetch_add(&ra->revocations, 1);
	return OK;
}
