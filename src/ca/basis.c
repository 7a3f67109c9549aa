#include "ca/basis.h"

#include "base/mem.h"
#include "ca/revoke.h"
#include "ca/store_follow.h"
#include "pki/cert.h"

static RC load_part(struct db *db, const struct ca_certificate *sign, enum ca_part part, struct buf *ret)
{
	AUTO_MEM(struct ca_certificate, c, mem_new(1, sizeof(*c)));
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);

	NEED(c != NULL, RC_NOMEM, "no memory");
	TRY(ca_store_certificate(db, sign->request.ca, slice_of(sign->request.serial[part], CA_SERIAL), c,
	                         &tbs));
	buf_free(ret);
	*ret = BUF(CA_CERTIFICATE_MAX);
	return cert_complete(buf_slice(&tbs), slice_of(c->signature, c->signature_len), ret);
}

RC ca_basis_load(struct db *db, struct issue *i)
{
	AUTO_MEM(struct ca_certificate, c, mem_new(1, sizeof(*c)));
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	struct rc rc;

	NEED(c != NULL, RC_NOMEM, "no memory");
	TRY(basis_read(i->application, &i->basis));
	if (i->basis.kind == BASIS_NONE)
		return OK;
	rc = ca_store_certificate(db, i->basis.ca, basis_serial(&i->basis), c, &tbs);
	REQUIRE(rc.code != RC_NOTFOUND, BASIS, "this CA never issued the certificate that is followed");
	TRY(rc);
	REQUIRE(c->part == CA_SIGN, BASIS, "an application follows a signing certificate");
	i->old = c->request;
	TRY(load_part(db, c, CA_SIGN, &i->old_der[CA_SIGN]));
	if (i->basis.kind != BASIS_EXTEND || !c->request.pair)
		return OK;
	REQUIRE(c->request.state == REQUEST_ISSUED, CERTIFICATE_STATE,
	        "the encryption certificate is still to come; there is nothing to extend yet");
	return load_part(db, c, CA_ENCRYPT, &i->old_der[CA_ENCRYPT]);
}

static RC state_of(struct db *db, const struct issue *i, int64_t now, enum life_state *ret)
{
	AUTO_MEM(struct ca_certificate, c, mem_new(1, sizeof(*c)));
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	struct revocation last;
	bool superseded;

	NEED(c != NULL, RC_NOMEM, "no memory");
	TRY(ca_store_certificate(db, i->old.ca, slice_of(i->old.serial[CA_SIGN], CA_SERIAL), c, &tbs));
	TRY(ca_life(db, c, now, ret, &last));
	TRY(ca_store_followed(db, i->old.ca, slice_of(i->old.serial[CA_SIGN], CA_SERIAL), &superseded));
	if (superseded && (*ret == LIFE_ACTIVE || *ret == LIFE_ISSUED))
		*ret = LIFE_SUPERSEDED;
	return OK;
}

/* An officer may renew what has ended by itself, with evidence as for a first issue (R21.3). */
static RC allowed(const struct basis *b, enum life_state state)
{
	static const enum life_event events[BASIS_KINDS] = {
	        [BASIS_UPDATE] = LIFE_UPDATE, [BASIS_EXTEND] = LIFE_EXTEND, [BASIS_REPLACE] = LIFE_REPLACE};
	enum life_state to;

	if (state == LIFE_EXPIRED && b->kind == BASIS_UPDATE && !b->holder)
		return OK;
	return life_next(state, events[b->kind], &to);
}

RC ca_basis_check(struct db *db, const struct issue *i, int64_t now)
{
	const struct ca_request *old = &i->old, *row = &i->row;
	enum life_state state = LIFE_ISSUED;

	if (i->basis.kind == BASIS_NONE)
		return OK;
	REQUIRE(strcmp(old->entity, row->entity) == 0, BASIS, "the certificate followed is another holder's");
	REQUIRE(!i->basis.holder || slice_is(i->application->person, row->entity), BASIS,
	        "the application is signed by another than the holder");
	REQUIRE(strcmp(old->profile, row->profile) == 0 && strcmp(old->class, row->class) == 0 &&
	                strcmp(old->ca, row->ca) == 0,
	        BASIS, "profile, class or authority differs from the certificate followed");
	REQUIRE(i->basis.kind != BASIS_EXTEND || memcmp(old->spki, row->spki, sizeof(old->spki)) == 0, BASIS,
	        "an extension keeps the key");
	REQUIRE(i->basis.kind != BASIS_EXTEND || old->pair == row->pair, BASIS,
	        "an extension keeps the pair as it is");
	TRY(state_of(db, i, now, &state));
	return allowed(&i->basis, state);
}

RC ca_basis_validity(struct issue *i, const struct profile *p, const struct authority *a, int64_t now)
{
	struct profile_extension e = {
	        .not_before = i->old.not_before, .not_after = i->old.not_after, .now = now};
	int64_t days;

	TRY(json_get_int(i->approval->body, "validity_days", 1, 36500, &days));
	e.days = (int)days;
	i->row.at = now;
	i->row.not_before = i->old.not_before;
	return profile_extend(p, a, &e, &i->row.not_after);
}

RC ca_basis_key(struct db *db, const struct issue *i)
{
	bool followed = false;

	/* two successors at once: the second finds the first */
	if (i->basis.kind != BASIS_NONE)
		TRY(ca_store_followed(db, i->basis.ca, basis_serial(&i->basis), &followed));
	REQUIRE(!followed, CERTIFICATE_STATE, "the certificate has a successor already");
	if (i->basis.kind == BASIS_EXTEND)
		return ca_store_key_kept(db, i->row.spki, i->row.entity);
	return ca_store_key_free(db, i->row.spki, i->row.entity);
}

RC ca_basis_put(struct db *db, const struct issue *i, int64_t request)
{
	if (i->basis.kind == BASIS_NONE)
		return OK;
	if (i->basis.kind == BASIS_EXTEND && i->row.pair)
		TRY(ca_store_escrow_put(db, slice_of(i->row.serial[CA_ENCRYPT], CA_SERIAL),
		                        slice_of(i->old.serial[CA_ENCRYPT], CA_SERIAL)));
	return ca_store_follow_put(db, &(struct ca_follow){.request = request,
	                                                   .kind = i->basis.kind,
	                                                   .ca = i->basis.ca,
	                                                   .serial = basis_serial(&i->basis)});
}
