/* Ciphertexts of SM2: any bytes parse or are refused, as DER and as C1 || C3 || C2; what parses goes from one
 * form to the other and back unchanged, and opens in both or in neither. */
#include "sm/sm2.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static void need(bool right)
{
	if (!right)
		abort();
}

static struct slice raw_of(const struct sm2_cipher *c, struct buf *raw)
{
	buf_clear(raw);
	buf_add(raw, SLICE_ARR(c->c1));
	buf_add(raw, SLICE_ARR(c->c3));
	buf_add(raw, c->c2);
	return buf_slice(raw);
}

static void forms(const struct sm2_cipher *c, const struct sm2_key *key, struct slice der)
{
	AUTO_BUF(raw, 4096);
	AUTO_BUF(again, 4096);
	AUTO_BUF(first, 4096);
	AUTO_BUF(second, 4096);
	struct sm2_cipher back;
	struct slice s = raw_of(c, &raw);

	if (raw.failed)
		return;
	need(rc_ok(sm2_cipher_to_der(s, &again)));
	need(der.len == 0 || slice_equal(buf_slice(&again), der));
	need(rc_ok(sm2_cipher_from_der(buf_slice(&again), &back)));
	need(memcmp(back.c1, c->c1, SM2_POINT) == 0 && slice_equal(back.c2, c->c2));
	need(rc_ok(sm2_decrypt(key, c, &first)) == rc_ok(sm2_decrypt(key, &back, &second)));
	need(slice_equal(buf_slice(&first), buf_slice(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static const uint8_t d[SM2_LEN] = {1, 2, 3};
	static struct sm2_key key;
	struct sm2_cipher c;

	if (key.d[0] == 0)
		need(rc_ok(sm2_key_load(d, &key)));
	if (rc_ok(sm2_cipher_from_der(slice_of(p, len), &c)))
		forms(&c, &key, slice_of(p, len));
	if (rc_ok(sm2_cipher_from_raw(slice_of(p, len), &c)))
		forms(&c, &key, SLICE_NONE);
	return 0;
}
