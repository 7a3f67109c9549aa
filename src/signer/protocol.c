#include "signer/protocol.h"

#include "asn1/der.h"

#include <string.h>

#define NAME_MAX_RESULT 64

RC signer_header_read(const uint8_t p[SIGNER_HEADER], struct signer_header *ret)
{
	struct signer_header h = {
	        .length = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3],
	        .id = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7],
	        .type = p[8],
	};
	NEED(h.length <= SIGNER_FRAME_MAX, RC_INPUT, "signer: frame of %u bytes", h.length);
	*ret = h;
	return OK;
}

static void put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void signer_header_write(struct signer_header h, uint8_t p[SIGNER_HEADER])
{
	put_u32(p, h.length);
	put_u32(p + 4, h.id);
	p[8] = h.type;
}

void signer_put_result(struct der_writer *w, const struct rc_text *t)
{
	der_begin(w, DER_SEQUENCE);
	der_put_uint(w, t->code);
	der_put_text(w, DER_UTF8, slice_text(t->code == RC_OK ? "" : err_info(t->err)->name));
	der_put_text(w, DER_UTF8, slice_text(t->code == RC_OK ? "" : t->text));
	der_end(w);
}

RC signer_get_result(struct der_reader *r)
{
	char name[NAME_MAX_RESULT];
	struct rc_text t = {0};
	der_enter(r, DER_SEQUENCE);
	t.code = (enum rc_code)der_uint(r, RC_BUG);
	struct slice refusal = der_value(r, DER_UTF8);
	struct slice text = der_value(r, DER_UTF8);
	der_leave(r);
	NEED(r->why == NULL && refusal.len < sizeof name, RC_BUG, "signer: an answer without a result");
	if (t.code == RC_OK)
		return OK;
	memcpy(name, refusal.p, refusal.len);
	name[refusal.len] = 0;
	t.err = err_by_name(name);
	if (t.err == ERR_COUNT)
		t.err = ERR_GENERIC_BUG;
	size_t n = text.len < sizeof t.text ? text.len : sizeof t.text - 1;
	memcpy(t.text, text.p, n);
	return rc_restore(&t);
}
