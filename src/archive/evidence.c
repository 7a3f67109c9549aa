/* What stood in the archive when it was stamped first: statements, log entries, states of certificates. */
#include "archive/judge.h"
#include "base/time.h"
#include "evidence/tree.h"
#include "pki/ocsp.h"
#include "sm/sm3.h"

#include <stdio.h>

/* ---- statements ---- */

static RC open_one(struct judge *j, size_t i)
{
	const struct archive_object *o = &j->a->object[i];

	TRY(statement_open(buf_slice(&o->data), &j->statement[i]));
	if (j->statement[i]->kind == STATEMENT_ROLE_GRANT)
		return statement_trust_grant(j->t->statements, buf_slice(&o->data));
	return OK;
}

/* Grants first: they say who had which role.  Each is judged at the time of its layer's stamp. */
RC judge_statements(struct judge *j, struct archive_report *ret)
{
	for (size_t i = 0; i < j->a->count; i++)
		if (j->a->object[i].kind == ARCHIVE_STATEMENT)
			TRY(rc_note(open_one(j, i), "archive: object %zu", i));
	for (size_t i = 0; i < j->a->count; i++) {
		if (j->statement[i] == NULL)
			continue;
		TRY(rc_note(statement_verify(j->statement[i], j->t->statements,
		                             j->stamp[j->a->object[i].layer].info.at),
		            "archive: object %zu", i));
		ret->statements++;
	}
	return OK;
}

/* The statement of a kind with that hash, of the first layer. */
static const struct statement *find(const struct judge *j, enum statement_kind kind,
                                    const uint8_t sm3[SM3_LEN])
{
	for (size_t i = 0; i < j->a->count; i++)
		if (j->statement[i] != NULL && j->statement[i]->kind == kind && j->a->object[i].layer == 0 &&
		    memcmp(j->statement[i]->sm3, sm3, SM3_LEN) == 0)
			return j->statement[i];
	return NULL;
}

/* ---- the log ---- */

struct logged {
	json_t *data;     /* of the entry; borrows the document */
	struct slice log; /* whose; borrows the head */
	struct slice organisation;
};

static RC read_proof(const json_t *o, struct tree_proof *ret)
{
	json_t *list;

	TRY(json_get_array(o, "proof", TREE_PROOF_MAX, &list));
	*ret = (struct tree_proof){.count = json_array_size(list)};
	for (size_t i = 0; i < ret->count; i++) {
		AUTO_JSON(one, json_object());

		json_put_take(one, "hash", json_incref(json_array_get(list, i)));
		TRY(json_put_result());
		TRY(json_get_hex(one, "hash", ret->hash[i], TREE_HASH));
	}
	return OK;
}

/* A head of that size whose log contains the leaf. */
static RC under_a_head(const struct judge *j, const json_t *o, const tree_hash leaf, struct logged *ret)
{
	int64_t size, index, of;
	struct tree_proof proof;

	TRY(json_get_int(o, "size", 1, INT64_MAX, &size));
	TRY(json_get_int(o, "index", 0, size - 1, &index));
	TRY(read_proof(o, &proof));
	for (size_t i = 0; i < j->a->count; i++) {
		const struct statement *s = j->statement[i];
		struct tree_head head;

		if (s == NULL || s->kind != STATEMENT_TREE_HEAD)
			continue;
		TRY(json_get_int(s->body, "size", 0, INT64_MAX, &of));
		if (of != size)
			continue;
		head.size = (uint64_t)size;
		TRY(json_get_hex(s->body, "root", head.root, TREE_HASH));
		TRY(tree_included(&head, (uint64_t)index, leaf, &proof));
		TRY(json_get_text(s->body, "log", STATEMENT_NAME_MAX, &ret->log));
		ret->organisation = s->organisation;
		return OK;
	}
	REFUSE(ARCHIVE_INCOMPLETE, "archive: no head of %lld entries for a proof", (long long)size);
}

static RC leaf_of(const json_t *entry, tree_hash ret)
{
	static const uint8_t prefix[1] = {0}; /* RFC 9162, 2.1.1 */
	AUTO_BUF(text, ARCHIVE_OBJECT_MAX);
	struct sm3 h;

	TRY(json_canonical(entry, &text));
	TRY(buf_done(&text));
	sm3_init(&h);
	sm3_update(&h, SLICE_ARR(prefix));
	sm3_update(&h, buf_slice(&text));
	sm3_final(&h, ret);
	return OK;
}

/* Whether this entry says that the certificate was issued, and is proven to stand in a CA's log. */
static RC entry_of(const struct judge *j, const struct archive_object *o, const uint8_t certificate[SM3_LEN],
                   json_t **doc, bool *is, struct logged *ret)
{
	uint8_t hash[SM3_LEN];
	struct slice kind;
	json_t *entry;
	tree_hash leaf;

	*is = false;
	TRY(json_read(buf_slice(&o->data), ARCHIVE_OBJECT_MAX, doc));
	TRY(json_get(*doc, "entry", &entry));
	TRY(json_get_text(entry, "kind", 64, &kind));
	TRY(json_get(entry, "data", &ret->data));
	if (!slice_is(kind, "issued"))
		return OK;
	TRY(json_get_hex(ret->data, "certificate", hash, sizeof(hash)));
	if (memcmp(hash, certificate, sizeof(hash)) != 0)
		return OK;
	TRY(leaf_of(entry, leaf));
	TRY(under_a_head(j, *doc, leaf, ret));
	*is = true;
	return OK;
}

/* "ORG/ca" or "ORG/ca-N" of that organisation. */
static bool is_ca_of(struct slice log, struct slice organisation)
{
	struct slice role;

	if (log.len < organisation.len + 3 || memcmp(log.p, organisation.p, organisation.len) != 0)
		return false;
	role = slice_of(log.p + organisation.len, log.len - organisation.len);
	return slice_is(role, "/ca") || (role.len > 3 && memcmp(role.p, "/ca-", 4) == 0);
}

/* ---- who decided ---- */

/* The approval names the key of the signing certificate; the encryption key was born later. */
static RC same_key(const struct statement *approval, const struct logged *l, const struct cert *c)
{
	uint8_t named[SM3_LEN], key[SM3_LEN];
	struct slice part;

	TRY(json_get_text(l->data, "part", 16, &part));
	if (slice_is(part, "encrypt"))
		return OK;
	TRY(json_get_hex(approval->body, "spki", named, sizeof(named)));
	pubkey_sm3(&c->key, key);
	REQUIRE(memcmp(named, key, sizeof(key)) == 0, REQUEST_MISMATCH, "archive: another key was approved");
	return OK;
}

/* The entry names the approval by its SM3, the approval the application. */
static RC decided(const struct judge *j, const struct logged *l, const struct cert *c)
{
	const struct statement *approval, *application;
	uint8_t hash[SM3_LEN];

	TRY(json_get_hex(l->data, "request", hash, sizeof(hash)));
	approval = find(j, STATEMENT_APPROVAL, hash);
	REQUIRE(approval != NULL, ARCHIVE_INCOMPLETE, "archive: the approval is missing");
	TRY(json_get_hex(approval->body, "application", hash, sizeof(hash)));
	application = find(j, STATEMENT_APPLICATION, hash);
	REQUIRE(application != NULL, ARCHIVE_INCOMPLETE, "archive: the application is missing");
	REQUIRE(is_ca_of(l->log, approval->organisation) &&
	                slice_equal(l->organisation, approval->organisation),
	        ARCHIVE_INCOMPLETE, "archive: the entry stands in the log of another than the CA");
	return same_key(approval, l, c);
}

static RC issued(const struct judge *j, const struct cert *c)
{
	uint8_t hash[SM3_LEN];

	sm3_hash(c->der, hash);
	for (size_t i = 0; i < j->a->count; i++) {
		AUTO_JSON(doc, NULL);
		struct logged l;
		bool is;

		if (j->a->object[i].kind != ARCHIVE_ENTRY || j->a->object[i].layer > 0)
			continue;
		TRY(rc_note(entry_of(j, &j->a->object[i], hash, &doc, &is, &l), "archive: object %zu", i));
		if (is)
			return decided(j, &l, c);
	}
	REFUSE(ARCHIVE_INCOMPLETE, "archive: no entry of the log says that it was issued");
}

/* ---- state ---- */

static RC answers(const struct judge *j, const struct cert *c, const struct cert *issuer, int64_t at,
                  struct judge_state *ret)
{
	struct ocsp_issuer id;

	TRY(ocsp_issuer_init(&id, issuer->subject, &issuer->key));
	for (size_t i = 0; i < j->a->count; i++) {
		const struct archive_object *o = &j->a->object[i];
		struct ocsp_response r;
		struct ocsp_single s;

		if (o->kind != ARCHIVE_OCSP || o->layer > 0)
			continue;
		TRY(ocsp_response_parse(buf_slice(&o->data), &r));
		REQUIRE(r.status == OCSP_SUCCESSFUL, OCSP_RESPONSE, "archive: object %zu is no answer", i);
		if (!rc_ok(ocsp_response_verify(&r, issuer, r.data.produced_at, NULL)) ||
		    r.data.produced_at > at + ARCHIVE_SKEW ||
		    !rc_ok(ocsp_response_find(&r, &id, c->serial, &s)))
			continue;
		ret->lists++;
		ret->covered = ret->covered || (s.status != OCSP_UNKNOWN && at <= s.next_update);
		if (s.status == OCSP_REVOKED && !ret->revoked) {
			ret->revoked = true;
			ret->revoked_at = s.revoked_at;
		}
	}
	return OK;
}

static RC state(struct judge *j, const struct chain *path, struct archive_subject *ret,
                struct archive_report *sum)
{
	int64_t at = sum->first;
	struct judge_state s = {0}, above = {0};
	const struct cert *c = path->at[0];

	TRY(judge_lists(j, c, path->at[1], 0, at, &s));
	sum->lists += s.lists;
	s.lists = 0;
	TRY(answers(j, c, path->at[1], at, &s));
	sum->answers += s.lists;
	REQUIRE(s.covered, ARCHIVE_INCOMPLETE,
	        "archive: no list or answer in force at the first stamp covers the certificate");
	for (size_t i = 1; i + 1 < path->count; i++)
		TRY(judge_lists(j, path->at[i], path->at[i + 1], 0, at, &above));
	REQUIRE(!above.revoked, CHAIN_VALIDITY, "archive: an authority above it had been revoked");
	ret->revoked = s.revoked;
	ret->revoked_at = s.revoked_at;
	ret->from = c->not_before;
	ret->until = s.revoked && s.revoked_at < at ? s.revoked_at : at;
	return OK;
}

static RC subject(struct judge *j, struct slice der, struct archive_report *ret)
{
	struct archive_subject *s = &ret->subject[ret->count];
	struct chain path;

	REQUIRE(ret->count < ARCHIVE_SUBJECTS, ARCHIVE_FORM, "archive: more than %d certificates",
	        ARCHIVE_SUBJECTS);
	s->certificate = der;
	TRY(judge_path(j, der, ret->first, &path));
	REQUIRE(path.count > 1, CHAIN_ANCHOR, "archive: the certificate is an anchor itself");
	TRY(state(j, &path, s, ret));
	TRY(issued(j, path.at[0]));
	ret->count++;
	return OK;
}

RC judge_subjects(struct judge *j, struct archive_report *ret)
{
	for (size_t i = 0; i < j->a->count; i++)
		if (j->a->object[i].kind == ARCHIVE_CERTIFICATE && j->a->object[i].layer == 0)
			TRY(rc_note(subject(j, buf_slice(&j->a->object[i].data), ret), "archive: object %zu",
			            i));
	REQUIRE(ret->count > 0, ARCHIVE_INCOMPLETE, "archive: there is no certificate in it");
	return OK;
}
