#ifndef YD_CEREMONY_TESTING_H
#define YD_CEREMONY_TESTING_H
/* For tests: a demonstration ceremony in a scratch folder and signers served by threads of this program.  The
 * one-off key is gone after a ceremony, so the tests put a key of their own in its place in the trust
 * folders. */
#include "ceremony/ceremony.h"
#include "ceremony/plan.h"
#include "ceremony/secrets.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/time.h"
#include "pki/csr.h"
#include "pki/name.h"
#include "pki/pkcs8.h"
#include "pki/profile.h"
#include "signer/client.h"
#include "signer/seal.h"
#include "signer/signer.h"
#include "sm/sm3.h"
#include "statement/statement.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MUST(call)                                                                                           \
	do {                                                                                                 \
		struct rc must__ = (call);                                                                   \
		if (!rc_ok(must__))                                                                          \
			fail_msg("%s: %s", #call, rc_last()->text);                                          \
	} while (0)

static char test_dir[64];

static inline const char *test_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline const char *test_path(const char *fmt, ...)
{
	static char path[4][512];
	static unsigned turn;
	char *p = path[turn++ % 4];
	va_list ap;
	int n = snprintf(p, 512, "%s/", test_dir);
	va_start(ap, fmt);
	vsnprintf(p + n, 512 - (size_t)n, fmt, ap);
	va_end(ap);
	return p;
}

static inline void test_read(const char *path, struct buf *ret)
{
	buf_clear(ret);
	MUST(file_read(path, ret->max, ret));
}

/* ---- a signer in a thread ---- */
struct test_signer {
	struct signer_options options;
	struct signer_client *role, *control;
	int raw; /* when not -1: the role's end, without a client */
	pthread_t thread;
	bool failed;
};

static inline void *test_signer_thread(void *arg)
{
	struct test_signer *s = arg;
	s->failed = !rc_ok(signer_main(&s->options));
	return NULL;
}

static inline void test_signer_start(struct test_signer *s, const char *name, bool client)
{
	int role[2], control[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, role), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
	*s = (struct test_signer){.options = {name, test_dir, role[1], control[1], false}, .raw = role[0]};
	if (client)
		MUST(signer_client_open(role[0], &s->role));
	if (client)
		s->raw = -1;
	MUST(signer_client_open(control[0], &s->control));
	assert_int_equal(pthread_create(&s->thread, NULL, test_signer_thread, s), 0);
}

static inline void test_signer_stop(struct test_signer *s)
{
	signer_client_close(s->role);
	signer_client_close(s->control);
	if (s->raw >= 0)
		close(s->raw);
	pthread_join(s->thread, NULL);
	close(s->options.role_fd);
	close(s->options.control_fd);
	assert_false(s->failed);
}

static inline struct rc test_unlock(struct test_signer *s, const char *org)
{
	AUTO(secrets, all, NULL);
	MUST(secrets_read(test_path("demo/unlock"), &all));
	return signer_unlock(s->control, secrets_find(all, org));
}

/* What only the holder of the secret can: the trust folder as it stands is believed. */
static inline void test_seal(const char *instance, const char *org)
{
	AUTO(secrets, all, NULL);
	MUST(secrets_read(test_path("demo/unlock"), &all));
	MUST(signer_seal(test_dir, instance, secrets_find(all, org)));
}

/* ---- officers ---- */
struct test_officer {
	struct sm2_key key;
	struct buf der;
	struct cert cert;
	char person[40];
};

static inline void test_officer_read(const char *name, struct test_officer *o)
{
	AUTO_BUF(text, 65536);
	AUTO_BUF(pin, 64);
	struct private_key k;
	struct slice person;
	test_read(test_path("demo/%s/pin", name), &pin);
	test_read(test_path("demo/%s/sign.key", name), &text);
	MUST(private_key_read(buf_slice(&text), slice_of(pin.p, pin.len - 1), &k));
	MUST(sm2_key_load(k.d, &o->key));
	test_read(test_path("demo/%s/sign.pem", name), &text);
	o->der = BUF(CERT_DER_MAX);
	MUST(cert_read(buf_slice(&text), &o->der, &o->cert));
	MUST(cert_uri(&o->cert, "urn:uuid:", &person));
	snprintf(o->person, sizeof o->person, "%.*s", (int)person.len, (const char *)person.p);
}

static inline void test_say(const struct test_officer *o, enum statement_kind kind, const char *role,
                            int64_t issued, const json_t *body, struct buf *ret)
{
	struct statement_head h = {kind, "shifan", issued, buf_slice(&o->der), o->person, role};
	buf_clear(ret);
	MUST(statement_sign(&h, body, &o->key, ret));
}

/* ---- our own one-off key, pinned as ceremony and as authority ---- */
struct test_hand {
	struct sm2_key key;
	struct buf der;
};

/* A certificate of an operator authority, made with the ceremony's own secrets. */
static inline void test_hand_make(struct test_hand *h, const char *instance, const char *org)
{
	AUTO(secrets, all, NULL);
	AUTO(key_device, d, NULL);
	AUTO(key_session, k, NULL);
	AUTO(profile, p, NULL);
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	AUTO_BUF(spki, 256);
	AUTO_BUF(ca_der, CERT_DER_MAX);
	AUTO_JSON(identity, json_pack("{s:s,s:s}", "name", "test", "organisation", org));
	struct authority a = {.id = org};
	struct cert ca;
	uint8_t serial[16] = {0x41, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	uint32_t index;
	char name[64];
	snprintf(name, sizeof name, "%s-operator", org);
	MUST(secrets_read(test_path("demo/unlock"), &all));
	MUST(key_device_open("soft", test_path("%s/signer/keys", instance), &d));
	MUST(key_session_open(d, &k));
	MUST(key_access(k, secrets_find(all, org)));
	MUST(key_find(k, slice_text(name), &index));
	test_read(test_path("demo/ca/%s.der", name), &ca_der);
	MUST(cert_parse(buf_slice(&ca_der), &ca));
	MUST(authority_from_cert(&ca, &a));
	MUST(sm2_key_new(&h->key));
	MUST(pubkey_put_sm2(&h->key.pub, &spki));
	MUST(profile_builtin("ceremony", &p));
	struct profile_facts f = {.identity = identity,
	                          .serial = SLICE_ARR(serial),
	                          .spki = buf_slice(&spki),
	                          .not_before = ca.not_before,
	                          .not_after = ca.not_before + 300 * TIME_DAY};
	MUST(profile_tbs(p, &a, &f, PROFILE_SIGN, &tbs));
	MUST(key_sign(k, index, KEY_USE_CERTIFICATE, buf_slice(&tbs), &sig));
	h->der = BUF(CERT_DER_MAX);
	MUST(cert_complete(buf_slice(&tbs), buf_slice(&sig), &h->der));
}

static inline void test_decide(const struct test_hand *h, enum statement_kind kind, const char *org,
                               const char *role, const json_t *body, const char *file)
{
	AUTO_BUF(out, STATEMENT_MAX);
	struct statement_head head = {kind, org, clock_now(), buf_slice(&h->der), NULL, role};
	MUST(statement_sign(&head, body, &h->key, &out));
	MUST(file_write(file, buf_slice(&out), 0644));
}

static inline void test_grant(const struct test_hand *h, const struct test_officer *o, const char *role,
                              int64_t from, int64_t until, const char *file)
{
	AUTO_JSON(body, json_object());
	uint8_t sm3[32];
	cert_sm3(&o->cert, sm3);
	json_put_cstr(body, "person", o->person);
	json_put_cstr(body, "name", "某人");
	json_put_cstr(body, "role", role);
	json_put_hex(body, "certificate", SLICE_ARR(sm3));
	json_put_time(body, "from", from);
	json_put_time(body, "until", until);
	test_decide(h, STATEMENT_ROLE_GRANT, "shifan", "ceremony", body, file);
}

/* ---- the scratch folder ---- */
static inline int test_begin(void)
{
	enum ceremony_state s;
	snprintf(test_dir, sizeof test_dir, "/tmp/yd-signing-XXXXXX");
	if (mkdtemp(test_dir) == NULL)
		return -1;
	struct ceremony_options o = {.data = test_dir, .base_port = 23450};
	struct rc rc = ceremony_run(&o, &s);
	if (!rc_ok(rc))
		fprintf(stderr, "ceremony: %s\n", rc_last()->text);
	return rc_ok(rc) ? 0 : -1;
}

static inline int test_end(void)
{
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s", test_dir);
	return system(command);
}

#endif
