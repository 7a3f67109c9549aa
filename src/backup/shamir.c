#include "backup/shamir.h"
#include "base/rand.h"
#include "sm/ct.h"

static uint8_t times(uint8_t a, uint8_t b)
{
	unsigned x = a, ret = 0, i;

	for (i = 0; i < 8; i++) {
		ret ^= x & (0u - (((unsigned)b >> i) & 1u));
		x = (x << 1) ^ (0x11bu & (0u - (x >> 7)));
	}
	return (uint8_t)ret;
}

/* a^254 */
static uint8_t inverse(uint8_t a)
{
	uint8_t ret = 1, i;

	for (i = 0; i < 7; i++) {
		a = times(a, a);
		ret = times(ret, a);
	}
	return ret;
}

static void digest(const struct shamir_share *s, uint8_t ret[SM3_LEN])
{
	struct sm3 c;

	sm3_init(&c);
	sm3_update(&c, SLICE_LIT("yuandian backup share"));
	sm3_update(&c, slice_of(&s->number, 1));
	sm3_update(&c, slice_of(&s->needed, 1));
	sm3_update(&c, SLICE_ARR(s->value));
	sm3_final(&c, ret);
}

RC shamir_split(const uint8_t secret[SHAMIR_KEY], uint8_t m, uint8_t n, struct shamir_share *ret,
                uint8_t (*digests)[SM3_LEN])
{
	uint8_t factors[SHAMIR_MAX - 1][SHAMIR_KEY];
	size_t i, j, k;

	NEED(m >= 2 && m <= n && n <= SHAMIR_MAX, RC_INPUT, "%u of %u shares: 2 <= m <= n <= 16", m, n);
	TRY(rand_bytes(factors, sizeof(factors)));
	for (i = 0; i < n; i++) {
		ret[i] = (struct shamir_share){.number = (uint8_t)(i + 1), .needed = m};
		for (j = 0; j < SHAMIR_KEY; j++) {
			uint8_t y = 0;

			for (k = m - 1u; k > 0; k--)
				y = times(y ^ factors[k - 1][j], ret[i].number);
			ret[i].value[j] = y ^ secret[j];
		}
		digest(&ret[i], digests[i]);
	}
	wipe(factors, sizeof(factors));
	return OK;
}

static RC check(const struct shamir_share *s, size_t count, const uint8_t (*digests)[SM3_LEN], uint8_t n)
{
	uint8_t d[SM3_LEN];
	size_t i, j;
	bool same;

	for (i = 0; i < count; i++) {
		NEED(s[i].number >= 1 && s[i].number <= n, RC_INPUT, "share %u is of another backup",
		     s[i].number);
		digest(&s[i], d);
		same = ct_equal(d, digests[s[i].number - 1], SM3_LEN);
		ct_public(&same, sizeof(same));
		NEED(same, RC_INPUT, "share %u is altered or of another backup", s[i].number);
		for (j = 0; j < i; j++)
			NEED(s[j].number != s[i].number, RC_INPUT, "share %u is there twice", s[i].number);
	}
	return OK;
}

RC shamir_join(const struct shamir_share *s, size_t count, const uint8_t (*digests)[SM3_LEN], uint8_t n,
               uint8_t ret[SHAMIR_KEY])
{
	size_t i, j;

	NEED(count > 0 && count <= SHAMIR_MAX, RC_INPUT, "%zu shares", count);
	TRY(check(s, count, digests, n));
	NEED(count >= s[0].needed, RC_INPUT, "%zu shares of %u needed", count, s[0].needed);
	memset(ret, 0, SHAMIR_KEY);
	for (i = 0; i < count; i++) {
		uint8_t at_zero = 1;

		for (j = 0; j < count; j++)
			if (j != i)
				at_zero = times(at_zero,
				                times(s[j].number, inverse(s[j].number ^ s[i].number)));
		for (j = 0; j < SHAMIR_KEY; j++)
			ret[j] ^= times(at_zero, s[i].value[j]);
	}
	return OK;
}
