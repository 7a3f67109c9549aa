/* The vault holds the record before anything is signed (R24.2, design 3.4).  Its answer names the newest head
 * of our log that it has witnessed: a log that is shorter was put back to an older state, and signs nothing.
 */
#include "base/clock.h"
#include "base/log.h"
#include "ca/basis.h"
#include "ca/keep.h"
#include "evidence/bundle.h"
#include "evidence/log.h"
#include "http/client.h"

#include <time.h>

#define RETRY_MS 200
#define KEEP_DEADLINE_MS 30000
#define KEEP_ANSWER_MAX (4u << 20)
#define PIECES 7

struct keeping {
	struct ca *c;
	struct slice shared[BUNDLE_SHARED];
	size_t shared_count;
	struct bundle_record records[CA_BATCH];
	struct bundle_piece pieces[CA_BATCH][PIECES];
	size_t count;
	char policy[65]; /* SM3 of the CPS in force */
	struct rc_text why[CA_BATCH];
};

/* One exchange with the KMC stands behind many certificates: sent once. */
static unsigned share(struct keeping *k, struct slice der)
{
	for (size_t i = 0; i < k->shared_count; i++)
		if (k->shared[i].p == der.p)
			return (unsigned)i + 1;
	k->shared[k->shared_count++] = der;
	return (unsigned)k->shared_count;
}

static void add(struct bundle_record *r, const char *kind, struct slice content)
{
	if (content.len > 0)
		r->pieces[r->count++] = (struct bundle_piece){.kind = slice_text(kind), .content = content};
}

static void add_shared(struct keeping *k, struct bundle_record *r, const char *kind, const struct buf *der)
{
	if (der->len > 0 && k->shared_count < BUNDLE_SHARED)
		r->pieces[r->count++] =
		        (struct bundle_piece){.kind = slice_text(kind), .shared = share(k, buf_slice(der))};
}

static void add_encryption(struct keeping *k, struct bundle_record *r, const struct issue *i)
{
	add(r, "encrypt-tbs", buf_slice(&i->tbs[CA_ENCRYPT]));
	if (i->basis.kind == BASIS_EXTEND)
		add(r, "extended", buf_slice(&i->old_der[CA_ENCRYPT]));
	else if (i->km != NULL) {
		add_shared(k, r, "km-request", &i->km->request);
		add_shared(k, r, "km-respond", &i->km->der);
	}
}

static void add_issue(struct keeping *k, const struct issue *i)
{
	struct bundle_record *r = &k->records[k->count];

	r->pieces = k->pieces[k->count];
	memcpy(r->key, i->row.key, sizeof(r->key));
	if (i->row.state != REQUEST_PARTIAL_PREPARED) {
		add(r, "application", buf_slice(&i->application->der));
		add(r, "approval", buf_slice(&i->approval->der));
		add(r, "sign-tbs", buf_slice(&i->tbs[CA_SIGN]));
		add(r, "policy", slice_text(k->policy));
	}
	if (i->row.pair && i->row.state != REQUEST_HALF_PREPARED)
		add_encryption(k, r, i);
	k->count++;
}

/* ---- the answer ---- */

static RC check_head(struct ca *c, const json_t *answer)
{
	json_t *head = json_object_get(answer, "head");
	int64_t size;

	if (head == NULL)
		return OK;
	TRY(json_get_int(head, "size", 0, INT64_MAX, &size));
	REQUIRE((uint64_t)size <= log_size(instance_log(c->in)), LOG_ROLLBACK,
	        "the vault has seen %lld entries, here are %llu", (long long)size,
	        (unsigned long long)log_size(instance_log(c->in)));
	return OK;
}

/* Each record has its own outcome: what the vault does not take concerns that request alone. */
static RC check_answer(struct keeping *k, const json_t *answer)
{
	json_t *list;

	TRY(json_get_array(answer, "records", CA_BATCH, &list));
	NEED(json_array_size(list) == k->count, RC_BUG, "the vault answers for %zu of %zu records",
	     json_array_size(list), k->count);
	for (size_t i = 0; i < k->count; i++) {
		const json_t *one = json_array_get(list, i);
		struct slice state, text = SLICE_LIT("it does not say why");
		uint8_t key[32];

		TRY(json_get_hex(one, "key", key, sizeof(key)));
		TRY(json_get_text(one, "state", 16, &state));
		NEED(memcmp(key, k->records[i].key, sizeof(key)) == 0, RC_BUG, "the vault mixes up records");
		k->why[i] = (struct rc_text){.code = RC_OK};
		if (slice_is(state, "kept"))
			continue;
		(void)rc_ok(json_get_text(one, "text", 512, &text));
		(void)rc_ok(rc_refuse(ERR_VAULT_FAILED, "the vault does not take the record: %.*s",
		                      (int)text.len, (const char *)text.p));
		k->why[i] = *rc_last();
	}
	return check_head(k->c, answer);
}

static RC send(struct keeping *k)
{
	AUTO_BUF(body, BUNDLE_MAX);
	AUTO_ANSWER(a, KEEP_ANSWER_MAX);
	AUTO_JSON(answer, NULL);

	TRY(bundle_write(k->shared, k->shared_count, k->records, k->count, &body));
	TRY(http_call(k->c->vault,
	              &(struct http_call){.method = "POST",
	                                  .path = "/v1/records",
	                                  .media = BUNDLE_MEDIA,
	                                  .body = buf_slice(&body),
	                                  .deadline_ms = KEEP_DEADLINE_MS},
	              &a));
	TRY(json_read(buf_slice(&a.body), KEEP_ANSWER_MAX, &answer));
	return check_answer(k, answer);
}

static void failed(struct ca *c)
{
	log_failure("vault", NULL);
	atomic_store(&c->records_failed, clock_mono_ms());
	instance_alarm(c->in, rc_last()->err == ERR_LOG_ROLLBACK ? "log-rollback" : "vault-failed",
	               slice_text(instance_config(c->in)->vault_name), rc_last()->text);
}

static void policy_of(struct ca *c, char ret[65])
{
	AUTO(trust, t, instance_trust(c->in));
	AUTO_BUF(hex, 65);

	buf_hex(&hex, SLICE_ARR(trust_cps(t)->hash));
	(void)snprintf(ret, 65, "%s", buf_cstr(&hex));
}

/* Those that were not taken stay as they are in the database, and are taken up when somebody asks again. */
static size_t part(struct ca *c, const struct keeping *k, struct issue **items, size_t n)
{
	struct issue *out[CA_BATCH];
	size_t kept = 0, left = 0;

	for (size_t i = 0; i < n; i++) {
		items[i]->why = k->why[i];
		if (k->why[i].code == RC_OK)
			items[kept++] = items[i];
		else
			out[left++] = items[i];
	}
	if (left > 0)
		instance_alarm(c->in, "vault-failed", slice_text(instance_config(c->in)->vault_name),
		               out[0]->why.text);
	flight_finish(&c->flights, out, left, true);
	return kept;
}

size_t ca_keep(struct ca *c, struct issue **items, size_t n)
{
	AUTO_MEM(struct keeping, k, NULL);

	if (c->vault == NULL)
		return n;
	while ((k = mem_new(1, sizeof(*k))) == NULL && !flight_ending(&c->flights))
		nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
	if (k == NULL)
		return 0;
	k->c = c;
	policy_of(c, k->policy);
	for (size_t i = 0; i < n; i++)
		add_issue(k, items[i]);
	while (!rc_ok(send(k))) {
		failed(c);
		nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
		if (flight_ending(&c->flights)) {
			for (size_t i = 0; i < n; i++)
				k->why[i] = *rc_last();
			break;
		}
	}
	return part(c, k, items, n);
}
