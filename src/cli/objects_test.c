/* show and verify over objects that OpenSSL made (tests/lib/make_objects.sh): SM2 with the standard id, ECDSA
 * and RSA; whole chains, requests, lists, OCSP answers (R06.15, R21.9). */
#include "../../tests/lib/cli_run.h"

#include "base/json.h"
#include "base/text.h"

static char folder[] = "/tmp/yuandian-objects-XXXXXX";
static const char *const kinds[] = {"sm2", "p256", "rsa"};

static int make_objects(void **state)
{
	char command[256];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(command, sizeof(command), "sh tests/lib/make_objects.sh %s/%s %s >%s/log 2>&1",
		               folder, kinds[i], kinds[i], folder);
		if (system(command) != 0)
			return -1;
	}
	return 0;
}

static int remove_objects(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) == 0 ? 0 : -1;
}

/* Paths of one kind's files; a ring is enough for one call. */
static const char *at(size_t kind, const char *name)
{
	static char ring[16][128];
	static size_t next;
	char *p = ring[next++ % 16];

	(void)snprintf(p, 128, "%s/%s/%s", folder, kinds[kind], name);
	return p;
}

/* Whole paths of certificates verify; another root, no chain, another time do not. */
static void chains(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		const char *root = at(k, "root.pem"), *ca = at(k, "ca.pem"), *leaf = at(k, "leaf.pem");

		EXPECT(CLI_OK, "cert", "verify", leaf, "--ca", root, "--chain", ca);
		EXPECT(CLI_OK, "cert", "verify", leaf, ca, "--ca", root, "--chain", ca);
		EXPECT(CLI_OK, "cert", "verify", leaf, "--ca", ca);
		EXPECT(CLI_OK, "cert", "verify", root, "--ca", root);
		EXPECT(CLI_UNVERIFIED, "cert", "verify", leaf, "--ca", root);
		EXPECT(CLI_UNVERIFIED, "cert", "verify", leaf, "--ca", at((k + 1) % 3, "root.pem"), "--chain",
		       ca);
		EXPECT(CLI_UNVERIFIED, "cert", "verify", leaf, "--ca", root, "--chain", ca, "--at",
		       "2001-01-01T00:00:00Z");
		EXPECT(CLI_UNVERIFIED, "cert", "verify", leaf, "--ca", root, "--chain", ca, "--at",
		       "2099-01-01T00:00:00Z");
		/* a leaf is no issuer */
		EXPECT(CLI_UNVERIFIED, "cert", "verify", at(k, "gone.pem"), "--ca", leaf);
		EXPECT(CLI_NOTFOUND, "cert", "verify", leaf, "--ca", at(k, "nothing"));
		EXPECT(CLI_USAGE, "cert", "verify", leaf);
	}
}

static void lists_revoke(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		const char *root = at(k, "root.pem"), *ca = at(k, "ca.pem"), *crl = at(k, "ca.crl");

		EXPECT(CLI_OK, "crl", "verify", crl, "--ca", ca);
		EXPECT(CLI_UNVERIFIED, "crl", "verify", crl, "--ca", root);
		EXPECT(CLI_UNVERIFIED, "crl", "verify", crl, "--ca", ca, "--at", "2099-01-01T00:00:00Z");
		EXPECT(CLI_OK, "cert", "verify", at(k, "leaf.pem"), "--ca", root, "--chain", ca, "--crl",
		       crl);
		EXPECT(CLI_UNVERIFIED, "cert", "verify", at(k, "gone.pem"), "--ca", root, "--chain", ca,
		       "--crl", crl);
		EXPECT(CLI_OK, "cert", "verify", at(k, "gone.pem"), "--ca", root, "--chain", ca);
		/* a list of somebody else says nothing of this certificate */
		EXPECT(CLI_UNVERIFIED, "cert", "verify", at(k, "leaf.pem"), "--ca", root, "--chain", ca,
		       "--crl", at((k + 1) % 3, "ca.crl"));
	}
}

/* standards.md 8: plain `openssl req` signs with the empty id; both proofs are taken and told apart. */
static void requests(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct run given = RUN("csr", "show", at(k, "leaf.csr"), "--json");
		struct run plain = RUN("csr", "show", at(k, "empty.csr"), "--json");

		EXPECT(CLI_OK, "csr", "verify", at(k, "leaf.csr"), at(k, "empty.csr"));
		assert_non_null(strstr(given.out, k == 0 ? "\"proof\": \"default\"" : "\"proof\": \"none\""));
		assert_non_null(strstr(plain.out, k == 0 ? "\"proof\": \"empty\"" : "\"proof\": \"none\""));
		run_free(&given);
		run_free(&plain);
		EXPECT(CLI_UNVERIFIED, "csr", "verify", at(k, "leaf.pem"));
	}
}

static void ocsp_answers(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		const char *answer = at(k, "answer.der"), *ca = at(k, "ca.pem");
		struct run r = RUN("ocsp", "show", answer, "--lang", "en"),
		           q = RUN("ocsp", "show", at(k, "ask.der"));

		EXPECT(CLI_OK, "ocsp", "verify", answer, "--ca", ca);
		EXPECT(CLI_OK, "ocsp", "verify", answer, "--ca", ca, "--cert", at(k, "leaf.pem"));
		EXPECT(CLI_UNVERIFIED, "ocsp", "verify", answer, "--ca", ca, "--cert", at(k, "gone.pem"));
		EXPECT(CLI_UNVERIFIED, "ocsp", "verify", answer, "--ca", at(k, "root.pem"));
		EXPECT(CLI_UNVERIFIED, "ocsp", "verify", answer, "--ca", ca, "--at", "2099-01-01T00:00:00Z");
		assert_non_null(strstr(r.out, "status: good"));
		assert_non_null(strstr(r.out, "status: revoked"));
		assert_non_null(strstr(r.out, "reason: keyCompromise"));
		assert_non_null(strstr(q.out, "2000000000000002"));
		run_free(&r);
		run_free(&q);
	}
}

/* No byte of what is signed can change. */
static void damage_is_found(void **state)
{
	static const struct {
		const char *file, *label;
	} objects[] = {{"leaf.pem", "CERTIFICATE"}, {"ca.crl", "X509 CRL"}};

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		for (size_t o = 0; o < 2; o++) {
			AUTO_BUF(file, 1 << 16);
			AUTO_BUF(der, 1 << 16);
			char path[128];

			assert_ok(file_read(at(k, objects[o].file), 1 << 16, &file));
			assert_ok(text_pem(buf_slice(&file), objects[o].label, &der));
			(void)snprintf(path, sizeof(path), "%s/damaged", folder);
			for (size_t i = 0; i < der.len; i += 7) {
				der.p[i] ^= 1;
				assert_ok(file_write(path, buf_slice(&der), 0600));
				der.p[i] ^= 1;
				EXPECT(CLI_UNVERIFIED, o == 0 ? "cert" : "crl", "verify", path, "--ca",
				       at(k, "ca.pem"));
			}
		}
	}
}

/* First line of what OpenSSL's command says, in lower case, behind the '='. */
static void openssl_says(const char *what, const char *file, char ret[256])
{
	char command[512];
	FILE *p;

	(void)snprintf(command, sizeof(command),
	               "openssl x509 -in %s -noout %s -nameopt RFC2253,-esc_msb,utf8", file, what);
	p = popen(command, "r");
	assert_non_null(p);
	assert_non_null(fgets(ret, 256, p));
	(void)pclose(p);
	ret[strcspn(ret, "\n")] = '\0';
	memmove(ret, strchr(ret, '=') + 1, strlen(strchr(ret, '=')));
}

static const char *member(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void show_says_what_openssl_says(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		const char *file = at(k, "leaf.pem");
		struct run r = RUN("cert", "show", file, "--json");
		json_t *o = json_loads(r.out, 0, NULL);
		const json_t *c = json_array_get(json_object_get(o, "objects"), 0);
		char want[256];

		assert_int_equal(r.status, CLI_OK);
		assert_string_equal(member(o, "schema"), "yuandian/cli/cert/v1");
		openssl_says("-serial", file, want);
		assert_int_equal(strcasecmp(member(c, "serial"), want), 0);
		openssl_says("-subject", file, want);
		assert_string_equal(member(c, "subject"), want);
		openssl_says("-issuer", file, want);
		assert_string_equal(member(c, "issuer"), want);
		assert_string_equal(member(json_object_get(c, "key"), "kind"), kinds[k]);
		assert_string_equal(json_string_value(json_array_get(json_object_get(c, "names"), 0)),
		                    "DNS:www.example.cn");
		json_decref(o);
		run_free(&r);
	}
}

static void text_speaks_two_languages(void **state)
{
	struct run zh = RUN("crl", "show", at(0, "ca.crl")),
	           en = RUN("crl", "show", at(0, "ca.crl"), "--lang", "en");

	(void)state;
	assert_non_null(strstr(zh.out, "颁发者: "));
	assert_non_null(strstr(en.out, "issuer: "));
	assert_non_null(strstr(en.out, "2000000000000002"));
	run_free(&zh);
	run_free(&en);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(chains),
	        cmocka_unit_test(lists_revoke),
	        cmocka_unit_test(requests),
	        cmocka_unit_test(ocsp_answers),
	        cmocka_unit_test(damage_is_found),
	        cmocka_unit_test(show_says_what_openssl_says),
	        cmocka_unit_test(text_speaks_two_languages),
	};

	return cmocka_run_group_tests(tests, make_objects, remove_objects);
}
