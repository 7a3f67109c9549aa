/* Forks (design 4, R12.4): the tree over the entries that were followed must have the root that the CA signs.
 * Leaves alone would not tell: a CA that shows this copy another history than others shows it sound leaves.
 */
#include "status/status.h"

#include "instance/heads.h"

#define EDGE_MAX (8 + TREE_LEVELS * TREE_HASH)
#define ASK_MS 15000

static const char *name_of(struct status *s)
{
	return instance_config(s->in)->ca_name;
}

RC fork_store(struct db *db, struct status *s, const struct tree_edge *e)
{
	AUTO_BUF(b, EDGE_MAX);

	buf_u64be(&b, e->size);
	for (unsigned i = 0; i < TREE_LEVELS; i++)
		if ((e->size >> i & 1) != 0)
			buf_add(&b, SLICE_ARR(e->node[i]));
	TRY(buf_done(&b));
	return status_store_edge_set(db, name_of(s), buf_slice(&b));
}

static bool read_edge(struct slice in, struct tree_edge *ret)
{
	size_t at = 8;

	*ret = (struct tree_edge){.size = 0};
	if (in.len < 8)
		return false;
	for (size_t i = 0; i < 8; i++)
		ret->size = ret->size << 8 | in.p[i];
	for (unsigned i = 0; i < TREE_LEVELS; i++) {
		if ((ret->size >> i & 1) == 0)
			continue;
		if (in.len - at < TREE_HASH)
			return false;
		memcpy(ret->node[i], in.p + at, TREE_HASH);
		at += TREE_HASH;
	}
	return at == in.len;
}

RC fork_load(struct db *db, struct status *s, uint64_t next)
{
	AUTO_BUF(b, EDGE_MAX);

	TRY(status_store_edge(db, name_of(s), &b));
	/* from before edges were kept: nothing is compared until a rebuild */
	if (!read_edge(buf_slice(&b), &s->edge) || s->edge.size != next)
		s->edge = (struct tree_edge){.size = next == 0 ? 0 : UINT64_MAX};
	return OK;
}

static RC ask_proof(struct status *s, uint64_t from, uint64_t to, struct tree_proof *ret)
{
	AUTO_JSON(answer, NULL);
	char path[160];
	json_t *list;

	(void)snprintf(path, sizeof(path), "/v1/log/proof/consistency?from=%llu&to=%llu",
	               (unsigned long long)from, (unsigned long long)to);
	TRY(http_call_json(s->ca, &(struct http_call){.path = path, .deadline_ms = ASK_MS}, NULL, &answer));
	TRY(json_get(answer, "proof", &list));
	return heads_proof_read(list, ret);
}

RC fork_check(struct status *s)
{
	struct tree_head seen = {.size = s->edge.size};
	struct tree_proof p = {.count = 0};
	struct rc rc;

	if (s->head.size == 0 || s->edge.size != atomic_load(&s->next) || s->edge.size < s->head.size)
		return OK;
	tree_root(&s->edge, seen.root);
	if (seen.size > s->head.size)
		TRY(ask_proof(s, s->head.size, seen.size, &p));
	rc = seen.size == s->head.size && memcmp(seen.root, s->head.root, TREE_HASH) != 0
	             ? rc_fail(RC_CRYPTO, "another root")
	             : tree_continues(&s->head, &seen, &p);
	REQUIRE(rc_ok(rc), LOG_FORK,
	        "the first %llu entries that %s has shown here are not those of its head",
	        (unsigned long long)s->head.size, name_of(s));
	s->head.size = 0;
	return OK;
}
