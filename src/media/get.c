/* Reading one item. */
#include "base/mem.h"
#include "media/private.h"

RC media_unseal(struct media *m, const struct media_frame *f, const uint8_t slot[SLOT_LEN], struct buf *ret)
{
	uint8_t wrapped[1][MEDIA_WRAPPED], key[1][16];
	struct rc rc;

	memcpy(wrapped[0], slot + SLOT_KEY, MEDIA_WRAPPED);
	rc = m->keys.unwrap(m->keys.arg, (const uint8_t(*)[MEDIA_WRAPPED])wrapped, 1, key);
	/* what cannot be unwrapped was altered; whoever does not answer says nothing about it */
	if (rc.code == RC_INPUT || rc.code == RC_DENIED || rc.code == RC_CRYPTO)
		rc = rc_refuse(ERR_RECORD_DAMAGED, "the key of an item does not open");
	if (rc_ok(rc))
		rc = media_frame_open(f, key[0], ret);
	wipe(key, sizeof(key));
	return rc;
}

struct getting {
	struct media *m;
	const uint8_t *id;
	const struct media_at *at;
	struct copies copies;
	struct slots slots;
	bool seen[MEDIA_PLACES];
};

/* One place's frame and slot; a place that cannot be read is as one that is damaged. */
static RC look(struct getting *g, size_t p)
{
	struct copies *c = &g->copies;
	int data = -1, keys = -1;

	g->seen[p] = true;
	c->good[p] = rc_ok(media_open_file(g->m, p, g->at->segment, "seg", false, &data)) &&
	             walk_one(data, g->at->segment, g->at->offset, &c->bytes[p], &c->frame[p]) &&
	             c->frame[p].slot == g->at->slot && c->frame[p].content == g->at->length &&
	             memcmp(c->frame[p].id, g->id, 32) == 0;
	g->slots.state[p] = rc_ok(media_open_file(g->m, p, g->at->segment, "key", false, &keys)) &&
	                                    media_read(keys, g->slots.bytes[p], SLOT_LEN,
	                                               (uint64_t)g->at->slot * SLOT_LEN)
	                            ? media_slot_read(g->slots.bytes[p], g->at->segment, g->at->slot)
	                            : SLOT_DAMAGED;
	media_close_fd(&data);
	media_close_fd(&keys);
	NEED(!c->bytes[p].nomem, RC_NOMEM, "no memory for an item");
	return OK;
}

/* The frame of place p with the key of place q. */
static RC try_pair(struct getting *g, size_t p, size_t q, struct buf *ret)
{
	REQUIRE(g->seen[p] && g->seen[q] && g->copies.good[p] && g->slots.state[q] == SLOT_LIVE,
	        RECORD_DAMAGED, "an item is damaged");
	return media_unseal(g->m, &g->copies.frame[p], g->slots.bytes[q], ret);
}

static bool go_on(struct rc rc)
{
	return !rc_ok(rc) && rc_last()->err == ERR_RECORD_DAMAGED;
}

static RC get(struct getting *g, struct buf *ret)
{
	struct rc rc;

	TRY(look(g, 0));
	rc = try_pair(g, 0, 0, ret);
	if (!go_on(rc))
		return rc;
	/* also where the first place says destroyed: one place alone does not decide that (media.h) */
	TRY(look(g, 1));
	rc = try_pair(g, 1, 1, ret);
	if (go_on(rc))
		rc = try_pair(g, 0, 1, ret);
	if (go_on(rc))
		rc = try_pair(g, 1, 0, ret);
	REQUIRE(!go_on(rc) || (g->slots.state[0] != SLOT_DESTROYED && g->slots.state[1] != SLOT_DESTROYED) ||
	                g->slots.state[0] == SLOT_LIVE || g->slots.state[1] == SLOT_LIVE,
	        RECORD_DISPOSED, "its key was destroyed");
	if (rc_ok(rc)) /* the first place did not give it */
		atomic_fetch_add(&g->m->place[0].damaged, 1);
	return rc;
}

static RC has(struct getting *g)
{
	const struct copies *c = &g->copies;
	const enum slot_state *state = g->slots.state;

	TRY(look(g, 0));
	if (c->good[0] && state[0] == SLOT_LIVE)
		return OK;
	TRY(look(g, 1));
	REQUIRE(c->good[0] || c->good[1], RECORD_DAMAGED, "an item is in neither place");
	if (state[0] == SLOT_LIVE || state[1] == SLOT_LIVE)
		return OK;
	REQUIRE(state[0] == SLOT_DAMAGED && state[1] == SLOT_DAMAGED, RECORD_DISPOSED,
	        "its key was destroyed");
	REFUSE(RECORD_DAMAGED, "the key of an item is in neither place");
}

RC media_has(struct media *m, const uint8_t id[32], const struct media_at *at)
{
	struct getting g = {.m = m, .id = id, .at = at, .copies = COPIES()};
	struct rc rc = has(&g);

	copies_free(&g.copies);
	return rc;
}

RC media_get(struct media *m, const uint8_t id[32], const struct media_at *at, struct buf *ret)
{
	struct getting g = {.m = m, .id = id, .at = at, .copies = COPIES()};
	struct rc rc;

	NEED(at->length > 0 && at->length <= MEDIA_ITEM_MAX, RC_INPUT, "there is no such item");
	rc = get(&g, ret);
	copies_free(&g.copies);
	return rc;
}
