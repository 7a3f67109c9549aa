#include "signer/seal.h"

#include "base/mem.h"
#include "base/text.h"
#include "sm/sm3.h"

#include <stdio.h>
#include <stdlib.h>

#define PARTS (ANCHOR_AUTHORITIES + ANCHOR_COMMS + 2)

static void part_of(const struct anchor_certificate *c, const char *kind, uint8_t ret[SM3_LEN])
{
	struct sm3 h;
	sm3_init(&h);
	sm3_update(&h, slice_of(kind, strlen(kind) + 1));
	sm3_update(&h, slice_of(c->id, strlen(c->id) + 1));
	sm3_update(&h, buf_slice(&c->der));
	sm3_final(&h, ret);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, SM3_LEN);
}

/* In an order of its own: that of a folder depends on the locale. */
static void print_of(const struct anchors *a, uint8_t ret[SM3_LEN])
{
	uint8_t parts[PARTS][SM3_LEN], pins[SM3_LEN];
	uint8_t agents = (uint8_t)a->agents;
	size_t n = 0;
	struct sm3 h;
	for (size_t i = 0; i < a->authority_count; i++)
		part_of(&a->authority[i], "authority", parts[n++]);
	part_of(&a->kmc, "kmc", parts[n++]);
	part_of(&a->ca_comm, "ca-comm", parts[n++]);
	for (size_t i = 0; i < a->comm_count; i++)
		part_of(&a->comm[i], "ca-comm of", parts[n++]);
	qsort(parts, n, SM3_LEN, compare);
	statement_trust_print(a->statements, pins);
	sm3_init(&h);
	sm3_update(&h, SLICE_ARR(pins));
	sm3_update(&h, slice_of(parts, n * SM3_LEN));
	sm3_update(&h, SLICE_ARR(a->policy_gov));
	sm3_update(&h, SLICE_ARR(a->policy_public));
	sm3_update(&h, slice_of(&agents, 1));
	sm3_final(&h, ret);
}

/* A label that no request of the role has: those carry the bare name. */
static RC seal_of(const struct signer *s, const struct anchors *a, uint8_t ret[SEAL_LEN])
{
	char label[SIGNER_NAME_MAX + 16];
	uint8_t print[SM3_LEN];
	snprintf(label, sizeof label, "trust %s", s->name);
	print_of(a, print);
	return key_prf(s->keys, slice_text(label), SLICE_ARR(print), ret);
}

static RC path_of(const struct signer *s, char ret[SIGNER_PATH_MAX + 16])
{
	int n = snprintf(ret, SIGNER_PATH_MAX + 16, "%s/" SEAL_FILE, s->keys_dir);
	NEED(n > 0 && n < SIGNER_PATH_MAX + 16, RC_INPUT, "signer: path too long");
	return OK;
}

RC seal_check(const struct signer *s, const struct anchors *a)
{
	char path[SIGNER_PATH_MAX + 16];
	uint8_t want[SEAL_LEN];
	AUTO_BUF(seal, SEAL_LEN);
	TRY(path_of(s, path));
	TRY(seal_of(s, a, want));
	REQUIRE(rc_ok(file_read(path, SEAL_LEN, &seal)), TRUST_SEAL, "%s: there is no seal", s->name);
	REQUIRE(seal.len == SEAL_LEN && ct_equal(seal.p, want, SEAL_LEN), TRUST_SEAL,
	        "%s: the trust folder is not what the ceremony sealed", s->name);
	return OK;
}

RC signer_seal(const char *data, const char *name, struct slice secret)
{
	struct signer_options o = {.name = name, .data = data};
	char path[SIGNER_PATH_MAX + 16];
	uint8_t seal[SEAL_LEN];
	AUTO(signer, s, NULL);
	AUTO(anchors, a, NULL);
	TRY(signer_new(&o, &s));
	TRY(key_access(s->keys, secret));
	TRY(anchors_load(s, &a));
	TRY(seal_of(s, a, seal));
	TRY(path_of(s, path));
	return file_write(path, SLICE_ARR(seal), 0600);
}
