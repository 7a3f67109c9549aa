#include "ca/sign.h"

#include "base/clock.h"
#include "base/log.h"
#include "ca/basis.h"
#include "ca/keep.h"
#include "ca/revoke.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "http/server.h"
#include "pki/cert.h"
#include "signer/client.h"
#include "sm/sm3.h"

#include <time.h>

#define RETRY_MS 200 /* the signer is locked or gone, the database busy */

struct signing {
	struct ca *c;
	struct issue **items;
	size_t n;
	bool again; /* the outcome of the first try is unknown */
	struct signer_item ask[CA_BATCH * CA_PARTS];
	struct signer_result got[CA_BATCH * CA_PARTS];
	size_t asked;
	enum request_event event[CA_BATCH];
	enum request_state next[CA_BATCH];
	bool left[CA_BATCH]; /* neither signed nor refused: stays as it is in the database */
	json_t *entry[CA_BATCH][CA_PARTS];
};

/* What this state still lacks. */
static bool lacks(const struct issue *i, enum ca_part part)
{
	if (part == CA_SIGN)
		return i->row.state == REQUEST_PREPARED || i->row.state == REQUEST_HALF_PREPARED;
	return i->row.pair && (i->row.state == REQUEST_PREPARED || i->row.state == REQUEST_PARTIAL_PREPARED);
}

/* The signer sees from the old certificates themselves what an extension may keep. */
static void extension(const struct issue *i, enum ca_part p, struct signer_item *to)
{
	to->old[CA_SIGN] = buf_slice(&i->old_der[CA_SIGN]);
	if (p == CA_ENCRYPT)
		to->old[CA_ENCRYPT] = buf_slice(&i->old_der[CA_ENCRYPT]);
}

static void ask(struct signing *s)
{
	s->asked = 0;
	for (size_t n = 0; n < s->n; n++) {
		struct issue *i = s->items[n];

		for (enum ca_part p = CA_SIGN; p < CA_PARTS; p++) {
			if (!lacks(i, p))
				continue;
			s->ask[s->asked++] = (struct signer_item){
			        .key = slice_text(i->row.ca),
			        .tbs = buf_slice(&i->tbs[p]),
			        .application = buf_slice(&i->application->der),
			        .approval = buf_slice(&i->approval->der),
			        .km_respond = p == CA_ENCRYPT && i->km != NULL ? buf_slice(&i->km->der)
			                                                       : SLICE_NONE,
			};
			if (i->basis.kind == BASIS_EXTEND)
				extension(i, p, &s->ask[s->asked - 1]);
		}
	}
}

static bool for_good(enum rc_code code)
{
	return code == RC_INPUT || code == RC_DENIED || code == RC_CONFLICT || code == RC_NOTFOUND;
}

static RC take_signature(struct issue *i, enum ca_part p, const struct signer_result *r)
{
	NEED(r->len <= sizeof(i->signature[p]), RC_BUG, "a signature of %zu bytes", r->len);
	memcpy(i->signature[p], r->sig, r->len);
	i->signature_len[p] = r->len;
	return OK;
}

static RC next_of(struct signing *s, size_t n, enum request_event event)
{
	s->event[n] = event;
	return request_next(s->items[n]->row.state, event, &s->next[n]);
}

/* One outcome for each issue out of one or two results. */
static void sort_results(struct signing *s)
{
	size_t at = 0;

	for (size_t n = 0; n < s->n; n++) {
		struct issue *i = s->items[n];

		i->why = (struct rc_text){.code = RC_OK};
		s->left[n] = false;
		for (enum ca_part p = CA_SIGN; p < CA_PARTS; p++) {
			if (!lacks(i, p))
				continue;
			if (!s->got[at].ok && i->why.code == RC_OK)
				i->why = s->got[at].why;
			else if (s->got[at].ok && !rc_ok(take_signature(i, p, &s->got[at])))
				i->why = *rc_last();
			at++;
		}
		s->left[n] = i->why.code != RC_OK && !for_good(i->why.code);
		if (!s->left[n] &&
		    !rc_ok(next_of(s, n, i->why.code == RC_OK ? REQUEST_SIGNED : REQUEST_REFUSED))) {
			s->left[n] = true;
			i->why = *rc_last();
		}
	}
}

/* ---- log entries, made outside the writer's thread ---- */

static RC issued_entry(const struct issue *i, enum ca_part p, json_t **ret)
{
	AUTO_BUF(der, CA_CERTIFICATE_MAX);
	char serial[CERT_SERIAL_TEXT], pair[CERT_SERIAL_TEXT];
	uint8_t hash[32];
	json_t *o;

	TRY(cert_complete(buf_slice(&i->tbs[p]), slice_of(i->signature[p], i->signature_len[p]), &der));
	sm3_hash(buf_slice(&der), hash);
	cert_serial_text(slice_of(i->row.serial[p], CA_SERIAL), serial);
	cert_serial_text(slice_of(i->row.serial[p == CA_SIGN ? CA_ENCRYPT : CA_SIGN], CA_SERIAL), pair);
	o = json_object();
	json_put_cstr(o, "ca", i->row.ca);
	json_put_cstr(o, "serial", serial);
	json_put_time(o, "not_before", i->row.not_before);
	json_put_time(o, "not_after", i->row.not_after);
	json_put_cstr(o, "profile", i->row.profile);
	json_put_cstr(o, "class", i->row.class);
	json_put_cstr(o, "part", !i->row.pair ? "single" : p == CA_SIGN ? "sign" : "encrypt");
	json_put_hex(o, "certificate", SLICE_ARR(hash));
	if (i->row.pair)
		json_put_cstr(o, "pair", pair);
	json_put_hex(o, "request", SLICE_ARR(i->row.key));
	NEED(o != NULL, RC_NOMEM, "no memory");
	*ret = o;
	return json_put_result();
}

static json_t *refused_entry(const struct issue *i)
{
	json_t *o = json_object();

	json_put_cstr(o, "what", "request");
	json_put_hex(o, "subject", SLICE_ARR(i->row.key));
	json_put_cstr(o, "code", err_info(i->why.err)->name);
	json_put_cstr(o, "clause", err_info(i->why.err)->clause);
	json_put_cstr(o, "text", i->why.text);
	return o;
}

static RC entries(struct signing *s)
{
	for (size_t n = 0; n < s->n; n++) {
		struct issue *i = s->items[n];

		if (s->left[n])
			continue;
		if (s->event[n] == REQUEST_REFUSED) {
			s->entry[n][CA_SIGN] = refused_entry(i);
			NEED(s->entry[n][CA_SIGN] != NULL, RC_NOMEM, "no memory");
			TRY(json_put_result());
			continue;
		}
		for (enum ca_part p = CA_SIGN; p < CA_PARTS; p++) {
			if (lacks(i, p))
				TRY(issued_entry(i, p, &s->entry[n][p]));
		}
	}
	return OK;
}

static void entries_free(struct signing *s)
{
	for (size_t n = 0; n < s->n; n++) {
		for (enum ca_part p = CA_SIGN; p < CA_PARTS; p++) {
			json_decref(s->entry[n][p]);
			s->entry[n][p] = NULL;
		}
	}
}

/* ---- transaction B ---- */

/* After an uncertain commit the row tells whether it happened. */
static RC done_already(struct db_tx *tx, struct signing *s, size_t n, bool *done)
{
	struct ca_request row;
	struct rc rc = ca_store_find(tx->db, s->items[n]->row.key, &row);

	*done = false;
	if (rc.code == RC_NOTFOUND) {
		*done = s->next[n] == REQUEST_NONE;
		return OK;
	}
	TRY(rc);
	*done = row.state == s->next[n];
	return OK;
}

static RC write_refused(struct db_tx *tx, struct signing *s, size_t n)
{
	struct issue *i = s->items[n];

	if (s->next[n] == REQUEST_NONE)
		TRY(ca_store_drop(tx->db, i->row.id));
	else
		TRY(ca_store_move(tx->db, i->row.id, i->row.state, s->next[n]));
	return log_append(instance_log(s->c->in), tx, "refused", s->entry[n][CA_SIGN], NULL, NULL);
}

static RC write_issued(struct db_tx *tx, struct signing *s, size_t n)
{
	struct issue *i = s->items[n];

	for (enum ca_part p = CA_SIGN; p < CA_PARTS; p++) {
		if (!lacks(i, p))
			continue;
		TRY(ca_store_certificate_put(tx->db, &i->row, p,
		                             slice_of(i->signature[p], i->signature_len[p])));
		TRY(log_append(instance_log(s->c->in), tx, "issued", s->entry[n][p], NULL, NULL));
		if (p == CA_ENCRYPT && i->row.state == REQUEST_PARTIAL_PREPARED)
			TRY(ca_revoke_late(s->c, tx, &i->row));
		if (p == CA_SIGN)
			TRY(ca_supersede(s->c, tx, i));
	}
	return ca_store_move(tx->db, i->row.id, i->row.state, s->next[n]);
}

static struct rc sign_write(struct db_tx *tx, void *arg)
{
	struct signing *s = arg;
	bool done;

	for (size_t n = 0; n < s->n; n++) {
		if (s->left[n])
			continue;
		done = false;
		if (s->again)
			TRY(done_already(tx, s, n, &done));
		if (done)
			continue;
		TRY(s->event[n] == REQUEST_REFUSED ? write_refused(tx, s, n) : write_issued(tx, s, n));
	}
	return OK;
}

/* ---- */

static bool rest(struct ca *c)
{
	nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
	return !flight_ending(&c->flights);
}

/* The batch is durable: it waits for its signer as long as we live. */
static bool get_signatures(struct signing *s)
{
	struct ca *c = s->c;

	ask(s);
	for (;;) {
		struct rc rc = signer_certificates(instance_signer(c->in), s->ask, s->got, s->asked);

		if (rc_ok(rc))
			break;
		log_failure("signer", NULL);
		instance_alarm(c->in, "signer-failed", slice_text(instance_name(c->in)), rc_last()->text);
		if (!rest(c))
			return false;
	}
	sort_results(s);
	return true;
}

static bool write_down(struct signing *s)
{
	struct ca *c = s->c;
	struct rc rc = entries(s);

	while (rc_ok(rc)) {
		rc = writer_run(instance_writer(c->in), sign_write, s);
		if (rc_ok(rc))
			return true;
		log_failure("issue", NULL);
		instance_alarm(c->in, "issue-not-written", slice_text(instance_name(c->in)), rc_last()->text);
		atomic_store(&c->records_failed, clock_mono_ms());
		s->again = true;
		if (rc.code == RC_BUG || !rest(c))
			return false;
		rc = OK;
	}
	log_failure("issue", NULL);
	return false;
}

uint64_t ca_wait_key(const uint8_t key[32])
{
	return http_key(slice_of(key, 32));
}

static void count(struct ca *c, const struct issue *i)
{
	if (i->why.code != RC_OK)
		atomic_fetch_add(&c->refused, 1);
	else if (i->row.state == REQUEST_ISSUED)
		atomic_fetch_add(&c->issued, 1);
	else
		atomic_fetch_add(&c->partial, 1);
	if (i->row.state == REQUEST_PARTIAL)
		atomic_store(&c->partial_waiting, true);
}

static void settle(struct signing *s)
{
	struct ca *c = s->c;

	for (size_t n = 0; n < s->n; n++) {
		struct issue *i = s->items[n];

		if (s->left[n])
			instance_alarm(c->in, "signature-failed", slice_text(i->row.ca), i->why.text);
		else
			i->row.state = s->next[n];
		if (!s->left[n] && s->event[n] == REQUEST_SIGNED && i->basis.kind == BASIS_REPLACE) {
			crl_maker_revoked(c->lists, i->old.ca);
			atomic_store(&c->notices_waiting, true);
		}
		count(c, i);
	}
	atomic_store(&c->latest, clock_now());
}

struct signing *ca_signing_new(void)
{
	return mem_new(1, sizeof(struct signing));
}

void ca_signing_free(struct signing *s)
{
	mem_free(s);
}

void ca_sign(struct ca *c, struct signing *s, struct issue **items, size_t n)
{
	uint8_t keys[CA_BATCH][32];
	bool done;

	n = ca_keep(c, items, n);
	if (n == 0)
		return;
	for (size_t j = 0; j < n; j++)
		memcpy(keys[j], items[j]->row.key, 32);
	s->c = c;
	s->items = items;
	s->n = n;
	s->again = false;
	done = get_signatures(s) && write_down(s);
	if (done)
		settle(s);
	entries_free(s);
	/* what is durable is taken up again when somebody asks, or at the next start */
	for (size_t j = 0; j < n && !done; j++)
		items[j]->why = *rc_last();
	flight_finish(&c->flights, items, n, true);
	for (size_t j = 0; j < n && done; j++)
		instance_wake(c->in, ca_wait_key(keys[j]));
}

/* ---- refusals that never reached the database ---- */

/* What only came at a bad moment (busy, locked) is no decision. */
static bool is_decision(const struct rc_text *why)
{
	return for_good(why->code) || why->err == ERR_G07 || why->err == ERR_G14 || why->err == ERR_G17;
}

struct rc ca_note_refused(struct ca *c, const struct issue *i, const struct peer *by)
{
	static const struct peer nobody;
	AUTO_BUF(key, 64);
	struct rc rc = rc_restore(&i->why);

	if (!is_decision(&i->why))
		return rc;
	buf_hex(&key, SLICE_ARR(i->row.key));
	return instance_refused(c->in, rc, "request", buf_slice(&key), by != NULL ? by : &nobody);
}
