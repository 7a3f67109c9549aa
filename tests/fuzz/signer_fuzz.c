/* Requests to an open signer: the first byte chooses channel and kind, the rest is the body.  Every answer is
 * a whole answer, whatever came in. */
#include "base/clock.h"
#include "signer/seal.h"
#include "signer/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FUZZ_SECRET SLICE_LIT("0123456789abcdef0123456789abcdef")

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static char folder[64], keys[128];

static void make_key(struct key_session *k, const char *name, enum key_purpose purpose)
{
	struct key_new n = {.name = name, .purpose = purpose, .kind = KEY_SM2, .test = true, .stored = true};
	uint32_t index;

	n.created = clock_now();
	if (!rc_ok(key_generate(k, &n, &index)))
		abort();
}

static void sweep(void)
{
	char command[96];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	(void)!system(command);
}

/* A place of its own with one key of each kind of use. */
static struct signer *open_signer(void)
{
	struct signer_options o = {.name = "shifan/ca", .data = folder};
	struct key_device *d = NULL;
	struct key_session *k = NULL;
	struct signer *s = NULL;

	snprintf(folder, sizeof folder, "/tmp/yd-fuzz-XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
	atexit(sweep);
	snprintf(keys, sizeof keys, "%s/shifan/ca/signer/keys", folder);
	if (!rc_ok(key_device_open("soft", keys, &d)) || !rc_ok(key_session_open(d, &k)) ||
	    !rc_ok(key_access(k, FUZZ_SECRET)))
		abort();
	make_key(k, "sm2", KEY_CA);
	make_key(k, "ocsp-sm2", KEY_OCSP);
	make_key(k, "ca-comm", KEY_COMM);
	make_key(k, "kmc", KEY_KMC);
	make_key(k, "service", KEY_SERVICE);
	key_session_close(k);
	key_device_close(d);
	if (!rc_ok(signer_seal(folder, "shifan/ca", FUZZ_SECRET)) || !rc_ok(signer_new(&o, &s)) ||
	    !rc_ok(key_access(s->keys, FUZZ_SECRET)))
		abort();
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static struct signer *s;
	struct signer_call q = {.fd = -1};
	AUTO_BUF(answer, SIGNER_FRAME_MAX);

	if (s == NULL)
		s = open_signer();
	if (len < 1)
		return 0;
	q.channel = (p[0] & 0x80) != 0 ? SIGNER_BY_CONTROL : SIGNER_BY_ROLE;
	q.type = p[0] & 0x1f;
	q.body = slice_of(p + 1, len - 1);
	if (!rc_ok(signer_dispatch(s, &q, &answer)))
		abort();
	struct der_reader r = der_read(buf_slice(&answer));
	der_enter(&r, DER_SEQUENCE);
	if (!rc_ok(signer_get_result(&r)) && rc_last()->code == RC_BUG)
		abort();
	return 0;
}
