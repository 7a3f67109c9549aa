#include "sm/sm3.h"
#include "base/sm3_core.h"
#include "sm/cpu.h"

static void blocks_in(uint32_t h[8], const uint8_t *p, size_t blocks)
{
	if (sm_impl_best() >= SM_X86_64)
		sm3_core_x86_64(h, p, blocks);
	else
		sm3_core_portable(h, p, blocks);
}

void sm3_init(struct sm3 *c)
{
	*c = (struct sm3){.h = SM3_CORE_IV};
}

void sm3_update(struct sm3 *c, struct slice s)
{
	size_t used = c->total % SM3_BLOCK, take, blocks;

	c->total += s.len;
	if (used > 0) {
		take = s.len < SM3_BLOCK - used ? s.len : SM3_BLOCK - used;
		if (take > 0)
			memcpy(c->block + used, s.p, take);
		if (used + take < SM3_BLOCK)
			return;
		blocks_in(c->h, c->block, 1);
		s = slice_of(s.p + take, s.len - take);
	}
	blocks = s.len / SM3_BLOCK;
	if (blocks > 0)
		blocks_in(c->h, s.p, blocks);
	if (s.len % SM3_BLOCK > 0)
		memcpy(c->block, s.p + blocks * SM3_BLOCK, s.len % SM3_BLOCK);
}

void sm3_final(struct sm3 *c, uint8_t ret[SM3_LEN])
{
	size_t used = c->total % SM3_BLOCK;
	uint64_t bits = c->total * 8;
	unsigned i;

	c->block[used++] = 0x80;
	if (used > SM3_BLOCK - 8) {
		memset(c->block + used, 0, SM3_BLOCK - used);
		blocks_in(c->h, c->block, 1);
		used = 0;
	}
	memset(c->block + used, 0, SM3_BLOCK - 8 - used);
	for (i = 0; i < 8; i++)
		c->block[SM3_BLOCK - 8 + i] = (uint8_t)(bits >> (56 - 8 * i));
	blocks_in(c->h, c->block, 1);
	for (i = 0; i < SM3_LEN; i++)
		ret[i] = (uint8_t)(c->h[i / 4] >> (24 - 8 * (i % 4)));
	wipe(c, sizeof(*c));
}

void sm3_hash(struct slice s, uint8_t ret[SM3_LEN])
{
	struct sm3 c;

	sm3_init(&c);
	sm3_update(&c, s);
	sm3_final(&c, ret);
}
