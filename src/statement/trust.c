/* Anchors, grants and the memory of verified certificates. */
#include "statement/trust.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "sm/sm3.h"

#include <stdlib.h>

/* ---- life ---- */

RC statement_trust_new(struct statement_trust **ret)
{
	AUTO(statement_trust, t, mem_new(1, sizeof(*t)));

	NEED(t != NULL, RC_NOMEM, "trust: out of memory");
	t->state = mem_new(1, sizeof(*t->state));
	NEED(t->state != NULL, RC_NOMEM, "trust: out of memory");
	NEED(pthread_rwlock_init(&t->state->lock, NULL) == 0 &&
	             pthread_mutex_init(&t->state->cache_lock, NULL) == 0,
	     RC_NOMEM, "trust: no locks");
	*ret = MOVE(t);
	return OK;
}

void statement_trust_free(struct statement_trust *t)
{
	if (t != NULL && t->state != NULL) {
		for (size_t i = 0; i < t->state->anchor_count; i++)
			buf_free(&t->state->anchors[i].der);
		(void)pthread_rwlock_destroy(&t->state->lock);
		(void)pthread_mutex_destroy(&t->state->cache_lock);
		mem_free(t->state->grants);
		mem_free(t->state);
	}
	mem_free(t);
}

/* ---- anchors ---- */

static RC copy_name(char ret[STATEMENT_NAME_MAX + 1], const char *name)
{
	size_t len = name != NULL ? strlen(name) : 0;

	NEED(len <= STATEMENT_NAME_MAX, RC_INPUT, "trust: a name of %zu bytes, limit %d", len,
	     STATEMENT_NAME_MAX);
	memcpy(ret, name != NULL ? name : "", len + 1);
	return OK;
}

static RC push_anchor(struct trust_state *t, const struct anchor *a)
{
	NEED(t->anchor_count < TRUST_ANCHORS, RC_INPUT, "trust: more than %d anchors", TRUST_ANCHORS);
	t->anchors[t->anchor_count++] = *a;
	return OK;
}

static RC add_anchor(struct statement_trust *t, struct anchor a, const char *organisation,
                     struct slice certificate)
{
	struct rc rc;

	TRY(copy_name(a.organisation, organisation));
	a.der = BUF(STATEMENT_MAX);
	buf_add(&a.der, certificate);
	rc = buf_done(&a.der);
	if (rc_ok(rc))
		rc = holder_read(buf_slice(&a.der), &a.holder);
	if (rc_ok(rc) && a.proof != PROOF_PIN && !a.holder.ca)
		rc = rc_fail(RC_INPUT, "trust: the certificate of %s is no CA's",
		             organisation != NULL ? organisation : "any");
	if (rc_ok(rc)) {
		sm3_hash(certificate, a.sm3);
		(void)pthread_rwlock_wrlock(&t->state->lock);
		rc = push_anchor(t->state, &a);
		(void)pthread_rwlock_unlock(&t->state->lock);
	}
	if (!rc_ok(rc))
		buf_free(&a.der);
	return rc;
}

RC statement_trust_operator(struct statement_trust *t, const char *organisation, struct slice ca)
{
	return add_anchor(t, (struct anchor){.proof = PROOF_GRANT}, organisation, ca);
}

RC statement_trust_subscriber(struct statement_trust *t, const char *organisation, struct slice ca)
{
	return add_anchor(t, (struct anchor){.proof = PROOF_SUBSCRIBER}, organisation, ca);
}

RC statement_trust_pin(struct statement_trust *t, const char *role, const char *organisation,
                       struct slice certificate)
{
	struct anchor a = {.proof = PROOF_PIN};

	NEED(statement_role_proof(slice_text(role)) == PROOF_PIN, RC_BUG, "trust: %s is not pinned", role);
	TRY(copy_name(a.role, role));
	return add_anchor(t, a, organisation, certificate);
}

static void anchor_print(const struct anchor *a, uint8_t ret[SM3_LEN])
{
	uint8_t proof = (uint8_t)a->proof;
	struct sm3 h;

	sm3_init(&h);
	sm3_update(&h, slice_of(&proof, 1));
	sm3_update(&h, slice_of(a->organisation, strlen(a->organisation) + 1));
	sm3_update(&h, slice_of(a->role, strlen(a->role) + 1));
	sm3_update(&h, SLICE_ARR(a->sm3));
	sm3_final(&h, ret);
}

static int compare_prints(const void *a, const void *b)
{
	return memcmp(a, b, SM3_LEN);
}

void statement_trust_print(const struct statement_trust *t, uint8_t ret[32])
{
	uint8_t prints[TRUST_ANCHORS][SM3_LEN];
	size_t n;

	(void)pthread_rwlock_rdlock(&t->state->lock);
	n = t->state->anchor_count;
	for (size_t i = 0; i < n; i++)
		anchor_print(&t->state->anchors[i], prints[i]);
	(void)pthread_rwlock_unlock(&t->state->lock);
	qsort(prints, n, SM3_LEN, compare_prints);
	sm3_hash(slice_of(prints, n * SM3_LEN), ret);
}

/* ---- verified certificates ---- */

static uint8_t *cache_slot(struct trust_state *t, const uint8_t name[32])
{
	return t->cache[((unsigned)name[0] << 8 | name[1]) % TRUST_CACHE];
}

RC trust_verify_certificate(struct trust_state *t, const struct anchor *ca, struct slice certificate,
                            const uint8_t sm3[32])
{
	uint8_t name[32];
	struct sm3 c;
	bool known;

	sm3_init(&c);
	sm3_update(&c, slice_of(sm3, 32));
	sm3_update(&c, SLICE_ARR(ca->sm3));
	sm3_final(&c, name);
	(void)pthread_mutex_lock(&t->cache_lock);
	known = memcmp(cache_slot(t, name), name, 32) == 0;
	(void)pthread_mutex_unlock(&t->cache_lock);
	if (known)
		return OK;
	TRY(holder_verify(certificate, &ca->holder.pub));
	(void)pthread_mutex_lock(&t->cache_lock);
	memcpy(cache_slot(t, name), name, 32);
	(void)pthread_mutex_unlock(&t->cache_lock);
	return OK;
}

/* ---- grants ---- */

/* The first grant whose person is not below. */
static size_t lower_bound(const struct trust_state *t, struct slice person)
{
	size_t low = 0, high = t->grant_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(t->grants[mid].person, person.p, 36) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool same_person(const struct grant *g, struct slice person)
{
	return memcmp(g->person, person.p, 36) == 0;
}

static bool in_force(const struct grant *g, const char *organisation, size_t len, int64_t at)
{
	return strlen(g->organisation) == len && memcmp(g->organisation, organisation, len) == 0 &&
	       g->from <= at && at < g->until;
}

static RC read_grant(const struct statement *s, struct grant *ret)
{
	struct slice person, role;

	*ret = (struct grant){0};
	TRY(json_get_text(s->body, "person", 36, &person));
	REQUIRE(statement_is_uuid(person), STATEMENT_SCHEMA, "grant: person is not a UUID");
	TRY(json_get_text(s->body, "role", STATEMENT_NAME_MAX, &role));
	REQUIRE(statement_role_proof(role) == PROOF_GRANT, STATEMENT_ROLE, "grant: this role is not granted");
	TRY(json_get_hex(s->body, "certificate", ret->certificate, 32));
	TRY(json_get_time(s->body, "from", &ret->from));
	TRY(json_get_time(s->body, "until", &ret->until));
	REQUIRE(ret->from < ret->until, STATEMENT_SCHEMA, "grant: it ends before it begins");
	memcpy(ret->person, person.p, 36);
	memcpy(ret->role, role.p, role.len);
	memcpy(ret->organisation, s->organisation.p, s->organisation.len);
	return OK;
}

static RC insert_grant(struct trust_state *t, const struct grant *g)
{
	size_t at = lower_bound(t, slice_of(g->person, 36));

	for (size_t i = at; i < t->grant_count && same_person(&t->grants[i], slice_of(g->person, 36)); i++)
		if (memcmp(&t->grants[i], g, sizeof(*g)) == 0)
			return OK;
	NEED(t->grant_count < TRUST_GRANTS, RC_INPUT, "grant: more than %d", TRUST_GRANTS);
	if (t->grant_count == t->grant_room) {
		size_t room = t->grant_room == 0 ? 32 : 2 * t->grant_room;
		struct grant *more = mem_grow(t->grants, room, sizeof(*more));

		NEED(more != NULL, RC_NOMEM, "grant: out of memory");
		t->grants = more;
		t->grant_room = room;
	}
	memmove(&t->grants[at + 1], &t->grants[at], (t->grant_count - at) * sizeof(*g));
	t->grants[at] = *g;
	t->grant_count++;
	return OK;
}

RC statement_trust_grant(struct statement_trust *t, struct slice der)
{
	AUTO(statement, s, NULL);
	struct grant g;
	struct rc rc;

	TRY(statement_open(der, &s));
	REQUIRE(s->kind == STATEMENT_ROLE_GRANT, STATEMENT_SCHEMA, "grant: a statement of another kind");
	/* A grant may begin later than now; nothing is decided by its date of issue. */
	TRY(statement_verify(s, t, TIME_MAX));
	TRY(read_grant(s, &g));
	(void)pthread_rwlock_wrlock(&t->state->lock);
	rc = insert_grant(t->state, &g);
	(void)pthread_rwlock_unlock(&t->state->lock);
	return rc;
}

bool trust_grants(struct trust_state *t, const struct statement *s)
{
	bool found = false;

	(void)pthread_rwlock_rdlock(&t->lock);
	for (size_t i = lower_bound(t, s->person);
	     i < t->grant_count && same_person(&t->grants[i], s->person); i++) {
		const struct grant *g = &t->grants[i];

		found = found ||
		        (slice_is(s->role, g->role) && memcmp(g->certificate, s->certificate_sm3, 32) == 0 &&
		         in_force(g, (const char *)s->organisation.p, s->organisation.len, s->issued));
	}
	(void)pthread_rwlock_unlock(&t->lock);
	return found;
}

bool statement_trust_has(const struct statement_trust *t, const char *organisation, struct slice person,
                         const char *role, int64_t at)
{
	struct trust_state *s = t->state;
	bool found = false;

	if (person.len != 36)
		return false;
	(void)pthread_rwlock_rdlock(&s->lock);
	for (size_t i = lower_bound(s, person); i < s->grant_count && same_person(&s->grants[i], person); i++)
		found = found || (strcmp(s->grants[i].role, role) == 0 &&
		                  in_force(&s->grants[i], organisation, strlen(organisation), at));
	(void)pthread_rwlock_unlock(&s->lock);
	return found;
}

void statement_trust_roles(const struct statement_trust *t, const char *organisation, struct slice person,
                           int64_t at, void (*each)(void *arg, const char *role), void *arg)
{
	struct trust_state *s = t->state;

	if (person.len != 36)
		return;
	(void)pthread_rwlock_rdlock(&s->lock);
	for (size_t i = lower_bound(s, person); i < s->grant_count && same_person(&s->grants[i], person); i++)
		if (in_force(&s->grants[i], organisation, strlen(organisation), at))
			each(arg, s->grants[i].role);
	(void)pthread_rwlock_unlock(&s->lock);
}
