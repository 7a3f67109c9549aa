/* The registry, encoded once; look-up by contents octets through a small hash table. */
#include "asn1/oid.h"

#include "base/text.h"

#include <pthread.h>

#define OID_OCTETS 20 /* longest contents in the registry */
#define OID_ARCS 32
#define SLOTS 256

static const struct {
	const char *dotted, *name;
} info[OID_COUNT] = {
        [OID_UNKNOWN] = {"", "unknown"},
#define OID(id, dotted, name) [OID_##id] = {dotted, name},
#include "asn1/oids.def"
#undef OID
};

/* Filled once, constant afterwards. */
static struct {
	uint8_t octets[OID_COUNT][OID_OCTETS];
	uint8_t len[OID_COUNT];
	uint8_t slot[SLOTS]; /* enum oid, 0 = free */
} table;
static pthread_once_t once = PTHREAD_ONCE_INIT;
_Static_assert(OID_COUNT < SLOTS / 2, "look-up table is large enough");

static unsigned hash(struct slice s)
{
	unsigned h = 2166136261u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.p[i]) * 16777619u;
	return h % SLOTS;
}

static void fill(void)
{
	for (unsigned o = 1; o < OID_COUNT; o++) {
		AUTO_BUF(b, OID_OCTETS);
		if (!rc_ok(oid_from_dotted(slice_text(info[o].dotted), &b)))
			continue;
		memcpy(table.octets[o], b.p, b.len);
		table.len[o] = (uint8_t)b.len;
		unsigned at = hash(buf_slice(&b));
		while (table.slot[at] != 0)
			at = (at + 1) % SLOTS;
		table.slot[at] = (uint8_t)o;
	}
}

struct slice oid_contents(enum oid o)
{
	pthread_once(&once, fill);
	return slice_of(table.octets[o], table.len[o]);
}

const char *oid_name(enum oid o)
{
	return info[o].name;
}

const char *oid_dotted(enum oid o)
{
	return info[o].dotted;
}

enum oid oid_find(struct slice contents)
{
	pthread_once(&once, fill);
	if (contents.len == 0)
		return OID_UNKNOWN;
	for (unsigned at = hash(contents); table.slot[at] != 0; at = (at + 1) % SLOTS) {
		unsigned o = table.slot[at];
		if (slice_equal(slice_of(table.octets[o], table.len[o]), contents))
			return (enum oid)o;
	}
	return OID_UNKNOWN;
}

static void put_arc(struct buf *b, uint64_t v)
{
	int n = 1;

	for (uint64_t x = v >> 7; x != 0; x >>= 7)
		n++;
	while (n-- > 0)
		buf_u8(b, (uint8_t)((v >> (7 * n) & 0x7f) | (n > 0 ? 0x80 : 0)));
}

RC oid_from_dotted(struct slice text, struct buf *ret)
{
	uint64_t arc[OID_ARCS];
	size_t n = 0, from = 0;

	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && text.p[i] != '.')
			continue;
		NEED(n < OID_ARCS, RC_INPUT, "oid: more than %d arcs", OID_ARCS);
		TRY(text_u64(slice_of(text.p + from, i - from), UINT64_MAX >> 8, &arc[n++]));
		from = i + 1;
	}
	NEED(n >= 2 && arc[0] <= 2 && (arc[0] == 2 || arc[1] < 40), RC_INPUT, "oid: bad first arcs");
	put_arc(ret, arc[0] * 40 + arc[1]);
	for (size_t i = 2; i < n; i++)
		put_arc(ret, arc[i]);
	return buf_done(ret);
}

RC oid_to_dotted(struct slice contents, struct buf *ret)
{
	uint64_t v = 0;
	bool first = true;

	NEED(contents.len > 0 && !(contents.p[contents.len - 1] & 0x80), RC_INPUT, "oid: cut short");
	for (size_t i = 0; i < contents.len; i++) {
		NEED(v >> 56 == 0, RC_INPUT, "oid: arc too large");
		v = v << 7 | (contents.p[i] & 0x7f);
		if (contents.p[i] & 0x80)
			continue;
		if (first) {
			uint64_t top = v < 80 ? v / 40 : 2;
			buf_printf(ret, "%u.%llu", (unsigned)top, (unsigned long long)(v - top * 40));
		} else {
			buf_printf(ret, ".%llu", (unsigned long long)v);
		}
		first = false;
		v = 0;
	}
	return buf_done(ret);
}
