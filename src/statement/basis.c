#include "statement/basis.h"

#include "pki/cert.h"

static const char *const names[BASIS_KINDS] = {"none", "update", "extend", "replace"};

const char *basis_kind_name(enum basis_kind k)
{
	return k < BASIS_KINDS ? names[k] : "none";
}

static RC kind_of(struct slice name, enum basis_kind *ret)
{
	for (int k = BASIS_UPDATE; k < BASIS_KINDS; k++) {
		if (slice_is(name, names[k])) {
			*ret = (enum basis_kind)k;
			return OK;
		}
	}
	REFUSE(BASIS, "%.*s: neither update, extend nor replace", (int)name.len, (const char *)name.p);
}

static RC read_object(const json_t *o, struct basis *ret)
{
	struct slice kind, ca, serial;
	AUTO_BUF(bytes, BASIS_SERIAL_MAX);

	TRY(json_get_text(o, "kind", 16, &kind));
	TRY(kind_of(kind, &ret->kind));
	TRY(json_get_text(o, "ca", BASIS_CA_MAX, &ca));
	memcpy(ret->ca, ca.p, ca.len);
	TRY(json_get_text(o, "serial", 2 * BASIS_SERIAL_MAX, &serial));
	TRY(cert_serial_from_text(serial, &bytes));
	memcpy(ret->serial, bytes.p, bytes.len);
	ret->serial_len = bytes.len;
	return OK;
}

/* The key that authenticates is the key of the certificate that is followed, and no other of the same person.
 */
static RC check_holder(const struct statement *s, const struct basis *b)
{
	struct cert c;

	REQUIRE(b->kind == BASIS_UPDATE || b->kind == BASIS_EXTEND, BASIS,
	        "the holder's signature alone serves update and extension");
	TRY(cert_parse(s->certificate, &c));
	REQUIRE(slice_equal(c.serial, basis_serial(b)), BASIS,
	        "the application is signed with another certificate than the one it follows");
	return OK;
}

RC basis_read(const struct statement *application, struct basis *ret)
{
	json_t *o = json_object_get(application->body, "basis");

	*ret = (struct basis){.holder = slice_is(application->role, "subscriber")};
	if (o != NULL)
		TRY(read_object(o, ret));
	return ret->holder ? check_holder(application, ret) : OK;
}
