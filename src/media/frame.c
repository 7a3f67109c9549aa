#include "media/frame.h"

#include "base/rand.h"
#include "media/pack.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#define FRAME_CONTENT 68

static const uint8_t magic[4] = {'Y', 'D', 'F', '1'};

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

RC media_frame_seal(const uint8_t key[16], const uint8_t id[32], size_t content, struct slice packed,
                    uint8_t *to)
{
	struct sm4 c;

	memcpy(to, magic, sizeof(magic));
	put32(to + 12, (uint32_t)packed.len);
	put32(to + FRAME_CONTENT, (uint32_t)content);
	memcpy(to + FRAME_ID, id, SM3_LEN);
	TRY(rand_bytes(to + FRAME_NONCE, 12));
	sm4_init(&c, key);
	sm4_gcm_seal(&c, to + FRAME_NONCE, slice_of(to + FRAME_ID, 32), packed, to + FRAME_HEAD,
	             to + FRAME_HEAD + packed.len);
	sm4_wipe(&c);
	return OK;
}

uint64_t media_frame_whole(const uint8_t *frame)
{
	return media_frame_size(get32(frame + 12));
}

void media_frame_place(uint8_t *frame, uint32_t segment, uint32_t slot, uint64_t durable)
{
	size_t n = FRAME_HEAD + get32(frame + 12) + 16;

	put32(frame + 4, segment);
	put32(frame + 8, slot);
	put64(frame + 16, durable);
	sm3_hash(slice_of(frame, n), frame + n);
}

bool media_frame_head(const uint8_t head[FRAME_HEAD], uint32_t segment, uint32_t *length)
{
	uint32_t content = get32(head + FRAME_CONTENT);

	*length = get32(head + 12);
	return memcmp(head, magic, sizeof(magic)) == 0 && get32(head + 4) == segment && *length > 0 &&
	       *length <= content && content <= MEDIA_ITEM_MAX;
}

bool media_frame_read(struct slice bytes, uint32_t segment, struct media_frame *ret)
{
	uint8_t sm3[SM3_LEN];
	uint32_t length;
	size_t n;

	if (bytes.len < FRAME_OVER || !media_frame_head(bytes.p, segment, &length) ||
	    bytes.len != media_frame_size(length))
		return false;
	n = bytes.len - SM3_LEN;
	sm3_hash(slice_of(bytes.p, n), sm3);
	*ret = (struct media_frame){.segment = segment,
	                            .slot = get32(bytes.p + 8),
	                            .length = length,
	                            .content = get32(bytes.p + FRAME_CONTENT),
	                            .durable = get64(bytes.p + 16),
	                            .id = bytes.p + FRAME_ID,
	                            .nonce = bytes.p + FRAME_NONCE,
	                            .sealed = bytes.p + FRAME_HEAD,
	                            .tag = bytes.p + FRAME_HEAD + length};
	return memcmp(sm3, bytes.p + n, sizeof(sm3)) == 0;
}

static RC unseal(const struct media_frame *f, const uint8_t key[16], struct buf *ret)
{
	uint8_t *to = buf_room(ret, f->length);
	struct sm4 c;
	struct rc rc;

	NEED(to != NULL, RC_NOMEM, "no memory for an item");
	sm4_init(&c, key);
	rc = sm4_gcm_open(&c, f->nonce, slice_of(f->id, 32), slice_of(f->sealed, f->length), to, f->tag);
	sm4_wipe(&c);
	REQUIRE(rc_ok(rc), RECORD_DAMAGED, "an item does not open with its key");
	ret->len += f->length;
	return OK;
}

static RC unpack(const struct media_frame *f, struct slice packed, struct buf *ret)
{
	uint8_t *to = buf_room(ret, f->content), sm3[SM3_LEN];
	bool whole;

	NEED(to != NULL, RC_NOMEM, "no memory for an item");
	if (f->content == f->length)
		memcpy(to, packed.p, packed.len);
	else
		TRY(media_unpack(packed, to, f->content));
	sm3_hash(slice_of(to, f->content), sm3);
	whole = memcmp(sm3, f->id, sizeof(sm3)) == 0;
	REQUIRE(whole, RECORD_DAMAGED, "an item is not what its hash says");
	ret->len += f->content;
	return OK;
}

RC media_frame_open(const struct media_frame *f, const uint8_t key[16], struct buf *ret)
{
	struct buf packed = BUF_SECRET(MEDIA_ITEM_MAX);
	struct rc rc = unseal(f, key, &packed);

	if (rc_ok(rc))
		rc = unpack(f, buf_slice(&packed), ret);
	buf_free(&packed);
	return rc;
}

static void slot_check(const uint8_t s[SLOT_LEN], uint32_t segment, uint8_t sm3[SM3_LEN])
{
	uint8_t all[4 + SLOT_KEY + MEDIA_WRAPPED];

	put32(all, segment);
	memcpy(all + 4, s, sizeof(all) - 4);
	sm3_hash(SLICE_ARR(all), sm3);
}

void media_slot_write(uint8_t ret[SLOT_LEN], uint32_t segment, uint32_t slot, const uint8_t *wrapped)
{
	uint8_t sm3[SM3_LEN];

	memset(ret, 0, SLOT_LEN);
	ret[0] = wrapped != NULL ? SLOT_LIVE : SLOT_DESTROYED;
	put32(ret + 4, slot);
	if (wrapped != NULL)
		memcpy(ret + SLOT_KEY, wrapped, MEDIA_WRAPPED);
	slot_check(ret, segment, sm3);
	memcpy(ret + SLOT_KEY + MEDIA_WRAPPED, sm3, SLOT_LEN - SLOT_KEY - MEDIA_WRAPPED);
}

enum slot_state media_slot_read(const uint8_t s[SLOT_LEN], uint32_t segment, uint32_t slot)
{
	uint8_t sm3[SM3_LEN];

	slot_check(s, segment, sm3);
	if ((s[0] != SLOT_LIVE && s[0] != SLOT_DESTROYED) || s[1] != 0 || s[2] != 0 || s[3] != 0 ||
	    get32(s + 4) != slot ||
	    memcmp(s + SLOT_KEY + MEDIA_WRAPPED, sm3, SLOT_LEN - SLOT_KEY - MEDIA_WRAPPED) != 0)
		return SLOT_DAMAGED;
	return (enum slot_state)s[0];
}
