#include "pki/signature.h"

#include "asn1/oid.h"

static const struct {
	enum oid oid;
	bool null_out, null_in, bare_in; /* parameters: written NULL; read NULL; read absent */
} table[PUBKEY_KINDS] = {
        [PUBKEY_SM2] = {OID_SM2_SM3, false, true, true},
        [PUBKEY_P256] = {OID_ECDSA_SHA256, false, false, true},
        [PUBKEY_RSA] = {OID_RSA_SHA256, true, true, true},
};

struct sigalg sigalg_of(enum pubkey_kind kind, bool sm2_null)
{
	return (struct sigalg){
	        .oid = table[kind].oid,
	        .null = table[kind].null_out || (kind == PUBKEY_SM2 && sm2_null),
	};
}

bool sigalg_kind(struct sigalg a, enum pubkey_kind *ret)
{
	for (unsigned i = 0; i < PUBKEY_KINDS; i++) {
		if (a.oid != table[i].oid || !(a.null ? table[i].null_in : table[i].bare_in))
			continue;
		*ret = (enum pubkey_kind)i;
		return true;
	}
	return false;
}

void sigalg_put(struct der_writer *w, struct sigalg a)
{
	if (a.null)
		der_put_algorithm_null(w, a.oid);
	else
		der_put_algorithm(w, a.oid);
}

struct sigalg sigalg_take(struct der_reader *r)
{
	struct sigalg a = {.oid = OID_UNKNOWN};
	enum pubkey_kind kind;
	struct slice params;

	a.der = der_element_of(r, DER_SEQUENCE);
	struct der_reader in = der_read(a.der);

	if (r->why != NULL)
		return a;
	a.oid = der_algorithm(&in, &params);
	if (in.why != NULL)
		der_fail(r, "bad AlgorithmIdentifier");
	a.null = slice_equal(params, SLICE_LIT("\x05\0"));
	if ((params.len != 0 && !a.null) || !sigalg_kind(a, &kind))
		a.oid = OID_UNKNOWN;
	return a;
}

const char *sigalg_name(struct sigalg a)
{
	return oid_name(a.oid);
}

RC signed_assemble(struct slice tbs, struct sigalg a, struct slice signature, struct buf *ret)
{
	AUTO_DER(w, tbs.len + signature.len + 64);

	der_begin(&w, DER_SEQUENCE);
	der_raw(&w, tbs);
	sigalg_put(&w, a);
	der_put_bits(&w, signature);
	der_end(&w);
	TRY(buf_done(&w.out));
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}
