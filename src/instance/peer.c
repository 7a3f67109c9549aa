/* Who is at the other end of a connection: names come from the certificate, roles from grants at the
 * instant of the request. */
#include "base/clock.h"
#include "http/client.h"
#include "instance/frame.h"
#include "pki/cert.h"

#define URI_INSTANCE "yuandian://"
#define URI_PERSON "urn:uuid:"

/* Nothing more, or "-N" to the end: names go into logs, paths and comparisons. */
static bool is_number(struct slice name, size_t at)
{
	if (at == name.len)
		return true;
	if (name.p[at] != '-' || at + 1 == name.len)
		return false;
	for (at++; at < name.len; at++)
		if (name.p[at] < '0' || name.p[at] > '9')
			return false;
	return true;
}

/* "organisation/role[-N]" of the SAN URI, which that organisation's own TLS CA must have issued. */
static RC peer_instance(struct peer *p, struct slice name, const char *issuer)
{
	const uint8_t *slash = memchr(name.p, '/', name.len);
	size_t org = slash != NULL ? (size_t)(slash - name.p) : 0, role = 0;

	REQUIRE(org > 0 && org < sizeof(p->org) && name.len < sizeof(p->instance), PEER,
	        "malformed instance name");
	REQUIRE(slice_is(slice_of(name.p, org), issuer), PEER, "named by another organisation's CA");
	while (org + 1 + role < name.len && name.p[org + 1 + role] >= 'a' && name.p[org + 1 + role] <= 'z')
		role++;
	REQUIRE(role > 0 && role < sizeof(p->role) && is_number(name, org + 1 + role), PEER,
	        "malformed instance name");
	memcpy(p->org, name.p, org);
	memcpy(p->instance, name.p, name.len);
	memcpy(p->role, name.p + org + 1, role);
	p->kind = PEER_INSTANCE;
	return OK;
}

static RC peer_person(struct peer *p, struct slice uuid, const char *issuer)
{
	REQUIRE(uuid.len == TRUST_PERSON && strlen(issuer) < sizeof(p->org), PEER, "malformed person id");
	memcpy(p->person, uuid.p, uuid.len);
	memcpy(p->org, issuer, strlen(issuer));
	p->kind = PEER_OFFICER;
	return OK;
}

static RC peer_read(const struct trust *t, struct peer *p)
{
	const char *issuer = trust_tls_issuer(t, p->certificate);
	struct slice name;
	struct cert c;

	REQUIRE(issuer != NULL, PEER, "the certificate comes from no TLS operator CA known here");
	TRY(cert_parse(p->certificate, &c));
	if (rc_ok(cert_uri(&c, URI_INSTANCE, &name)))
		return peer_instance(p, name, issuer);
	REQUIRE(rc_ok(cert_uri(&c, URI_PERSON, &name)), PEER, "the certificate names nobody");
	return peer_person(p, name, issuer);
}

static uint32_t instance_bits(const struct instance *in, const struct peer *p)
{
	uint32_t bits = strcmp(p->role, "ca") == 0 ? WHO_CA : 0;

	if (strcmp(p->org, in->org) != 0)
		return bits;
	if (strcmp(p->role, "ra") == 0)
		bits |= WHO_OWN_RA;
	if (strcmp(p->role, "status") == 0)
		bits |= WHO_OWN_STATUS;
	if (strcmp(p->role, "vault") == 0)
		bits |= WHO_OWN_VAULT;
	return bits | WHO_OWN;
}

struct rc frame_identify(void *ctx, struct peer *p)
{
	struct instance *in = ctx;
	AUTO(trust, t, instance_trust(in));

	if (p->kind == PEER_NONE && p->reason[0] == 0 && p->certificate.len > 0) {
		if (!rc_ok(peer_read(t, p))) {
			p->kind = PEER_NONE;
			snprintf(p->reason, sizeof(p->reason), "%.95s", rc_last()->text);
		}
	}
	if (p->kind == PEER_INSTANCE)
		p->roles = instance_bits(in, p);
	/* what another institution granted counts in its statements, never at a door of ours */
	if (p->kind == PEER_OFFICER && strcmp(p->org, in->org) != 0)
		p->roles = 0;
	else if (p->kind == PEER_OFFICER)
		p->roles = trust_roles(t, p->org, p->person, clock_now()) & OFFICER_ANY;
	return OK;
}

/* ---- the other direction: whom we call ---- */

struct rc frame_check_peer(void *ctx, struct slice certificate)
{
	const struct frame_client *f = ctx;
	AUTO(trust, t, instance_trust(f->in));
	struct peer p = {.certificate = certificate};

	TRY(peer_read(t, &p));
	REQUIRE(p.kind == PEER_INSTANCE && strcmp(p.instance, f->peer) == 0, PEER_IDENTITY,
	        "%s answers, %s was meant", p.kind == PEER_INSTANCE ? p.instance : "somebody else", f->peer);
	return OK;
}

static RC client_open(struct instance *in, const char *base_url, struct frame_client *f)
{
	char certificate[FRAME_PATH_MAX + 128], key[FRAME_PATH_MAX + 128];
	AUTO(trust, t, instance_trust(in));

	TRY(frame_path(in, "tls/cert.pem", certificate));
	TRY(frame_path(in, "tls/key.pem", key));
	return http_client_new(&(struct http_client_config){.base_url = base_url,
	                                                    .certificate_path = certificate,
	                                                    .key_path = key,
	                                                    .authorities = trust_tls_pem(t),
	                                                    .check_peer = frame_check_peer,
	                                                    .check_ctx = f},
	                       &f->client);
}

RC instance_client(struct instance *in, const char *base_url, const char *peer_name, struct http_client **ret)
{
	struct frame_client *f;
	struct rc rc;

	NEED(base_url != NULL && peer_name != NULL && strlen(peer_name) <= INSTANCE_NAME_MAX, RC_INPUT,
	     "the address or name of a peer is not configured");
	pthread_mutex_lock(&in->clients_lock);
	if (in->client_count == FRAME_CLIENTS) {
		rc = rc_fail(RC_BUG, "more than %d peers", FRAME_CLIENTS);
	} else {
		f = &in->clients[in->client_count];
		*f = (struct frame_client){.in = in};
		memcpy(f->peer, peer_name, strlen(peer_name) + 1);
		rc = client_open(in, base_url, f);
		if (rc_ok(rc)) {
			in->client_count++;
			*ret = f->client;
		}
	}
	pthread_mutex_unlock(&in->clients_lock);
	return rc;
}
