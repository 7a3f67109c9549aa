/* Requests, TSTInfo and responses. */
#include "pki/tsp.h"

#include "asn1/der.h"
#include "pki/form.h"

#define VERSION 1
#define STATUS_GRANTED 0
#define ACCURACY_MAX 86400

static void put_imprint(struct der_writer *w, const uint8_t imprint[TSP_HASH])
{
	der_begin(w, DER_SEQUENCE);
	der_put_algorithm(w, OID_SM3);
	der_put_octets(w, slice_of(imprint, TSP_HASH));
	der_end(w);
}

static void take_imprint(struct der_reader *r, uint8_t ret[TSP_HASH])
{
	struct slice params, hash;

	der_enter(r, DER_SEQUENCE);
	if (der_algorithm(r, &params) != OID_SM3 || params.len > 2)
		der_fail(r, "messageImprint is not of SM3");
	hash = der_octets(r);
	der_leave(r);
	if (hash.len == TSP_HASH)
		memcpy(ret, hash.p, TSP_HASH);
	else
		der_fail(r, "messageImprint is not of SM3");
}

static struct slice take_nonce(struct der_reader *r)
{
	struct slice n = SLICE_NONE;

	if (der_at(r, DER_INTEGER))
		n = der_integer(r);
	if (n.len > TSP_NONCE_MAX)
		der_fail(r, "the nonce is too long");
	return n;
}

/* ---- TimeStampReq ---- */

RC tsp_request_build(const struct tsp_request *q, struct buf *ret)
{
	AUTO_DER(w, TSP_MAX);

	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, VERSION);
	put_imprint(&w, q->imprint);
	if (q->nonce.len > 0)
		der_put_integer(&w, q->nonce);
	if (q->certificate)
		der_put_bool(&w, true);
	der_end(&w);
	return der_finish(&w, ret);
}

RC tsp_request_parse(struct slice der, struct tsp_request *ret)
{
	struct der_reader r = der_read(der);

	*ret = (struct tsp_request){0};
	der_enter(&r, DER_SEQUENCE);
	if (der_uint(&r, VERSION) != VERSION)
		der_fail(&r, "version is not 1");
	take_imprint(&r, ret->imprint);
	if (der_at(&r, DER_OID) && der_oid(&r) != TSP_POLICY)
		der_fail(&r, "another policy is asked for");
	ret->nonce = take_nonce(&r);
	if (der_at(&r, DER_BOOLEAN))
		ret->certificate = der_boolean(&r);
	der_leave(&r);
	return form_done(&r, ERR_TSP_REQUEST, "time stamp: request");
}

/* ---- TSTInfo ---- */

RC tsp_info_build(const struct tsp_info *i, struct buf *ret)
{
	AUTO_DER(w, TSP_MAX);

	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, VERSION);
	der_put_oid(&w, TSP_POLICY);
	put_imprint(&w, i->imprint);
	der_put_integer(&w, i->serial);
	der_put_gtime(&w, i->at);
	if (i->accuracy > 0) {
		der_begin(&w, DER_SEQUENCE);
		der_put_uint(&w, (uint64_t)i->accuracy);
		der_end(&w);
	}
	if (i->nonce.len > 0)
		der_put_integer(&w, i->nonce);
	der_end(&w);
	return der_finish(&w, ret);
}

static void take_accuracy(struct der_reader *r, struct tsp_info *ret)
{
	if (!der_at(r, DER_SEQUENCE))
		return;
	der_enter(r, DER_SEQUENCE);
	if (der_at(r, DER_INTEGER))
		ret->accuracy = (int64_t)der_uint(r, ACCURACY_MAX);
	for (uint8_t n = 0; n <= 1; n++) /* millis, micros */
		if (der_at(r, DER_CTX(n)))
			(void)der_value(r, DER_CTX(n));
	der_leave(r);
}

RC tsp_info_parse(struct slice der, struct tsp_info *ret)
{
	struct der_reader r = der_read(der);

	*ret = (struct tsp_info){0};
	der_enter(&r, DER_SEQUENCE);
	if (der_uint(&r, VERSION) != VERSION)
		der_fail(&r, "version is not 1");
	ret->our_policy = der_oid(&r) == TSP_POLICY;
	take_imprint(&r, ret->imprint);
	ret->serial = der_integer(&r);
	ret->at = der_gtime(&r);
	take_accuracy(&r, ret);
	if (der_at(&r, DER_BOOLEAN))
		(void)der_boolean(&r); /* ordering */
	ret->nonce = take_nonce(&r);
	if (der_at(&r, DER_CTXC(0)))
		(void)der_value(&r, DER_CTXC(0)); /* tsa: the certificate says who */
	der_leave(&r);
	return form_done(&r, ERR_TSP_TOKEN, "time stamp: TSTInfo");
}

/* ---- TimeStampResp ---- */

RC tsp_response_build(struct slice token, struct buf *ret)
{
	AUTO_DER(w, token.len + 64);

	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, STATUS_GRANTED);
	der_end(&w);
	der_raw(&w, token);
	der_end(&w);
	return der_finish(&w, ret);
}

RC tsp_response_parse(struct slice der, struct slice *token)
{
	struct der_reader r = der_read(der);

	der_enter(&r, DER_SEQUENCE);
	der_enter(&r, DER_SEQUENCE);
	if (der_uint(&r, 5) > 1)
		der_fail(&r, "the time stamp was not granted");
	while (der_more(&r))
		(void)der_element(&r);
	der_leave(&r);
	*token = der_element_of(&r, DER_SEQUENCE);
	der_leave(&r);
	return form_done(&r, ERR_TSP_TOKEN, "time stamp: response");
}
