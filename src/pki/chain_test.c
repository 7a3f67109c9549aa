/* Paths: made by libcrypto, judged link by link; each reason to refuse once. */
#include "pki/chain.h"

#include "base/mem.h"
#include "pki/testing.h"

#include "../../tests/lib/golden.h"

#define CA_USAGE "critical,keyCertSign,cRLSign"

struct made {
	struct buf der;
	struct cert c;
};

static void make(struct made *m, const struct judge_cert *j)
{
	m->der = BUF(8192);
	judge_certificate(j, &m->der);
	assert_ok(cert_parse(buf_slice(&m->der), &m->c));
}

struct family {
	EVP_PKEY *root, *sub, *leaf;
	struct made certs[3];
};

/* root -> sub -> leaf; what differs from the ordinary is given. */
static void family(struct family *f, struct judge_cert root, struct judge_cert sub, struct judge_cert leaf)
{
	struct sm2_key a = judge_scalar(1), b = judge_scalar(2), c = judge_scalar(3);

	f->root = judge_sm2(&a);
	f->sub = judge_sm2(&b);
	f->leaf = judge_sm2(&c);
	root.subject = "Root";
	root.key = root.signer = f->root;
	root.basic = root.basic ? root.basic : "critical,CA:TRUE";
	root.usage = root.usage ? root.usage : CA_USAGE;
	sub.subject = sub.subject ? sub.subject : "Sub";
	sub.issuer = "Root";
	sub.key = f->sub;
	sub.signer = sub.signer ? sub.signer : f->root;
	sub.basic = sub.basic ? (*sub.basic ? sub.basic : NULL) : "critical,CA:TRUE";
	sub.usage = sub.usage ? sub.usage : CA_USAGE;
	leaf.subject = "Leaf";
	leaf.issuer = "Sub";
	leaf.key = f->leaf;
	leaf.signer = f->sub;
	leaf.usage = leaf.usage ? leaf.usage : "critical,digitalSignature";
	make(&f->certs[0], &leaf);
	make(&f->certs[1], &sub);
	make(&f->certs[2], &root);
}

static void drop(struct family *f)
{
	for (unsigned i = 0; i < 3; i++)
		buf_free(&f->certs[i].der);
	EVP_PKEY_free(f->root);
	EVP_PKEY_free(f->sub);
	EVP_PKEY_free(f->leaf);
}

static struct rc verify(const struct family *f, int64_t at)
{
	struct cert pool[] = {f->certs[0].c, f->certs[1].c};
	struct chain path;

	return chain_verify(pool, 2, &f->certs[2].c, 1, at, &path);
}

static const struct judge_cert plain = {.serial = 7};

static void test_a_path(void **state)
{
	struct family f;
	struct chain path;

	(void)state;
	family(&f, plain, plain, plain);
	struct cert pool[] = {f.certs[0].c, f.certs[1].c, f.certs[2].c};
	assert_ok(chain_verify(pool, 3, &f.certs[2].c, 1, JUDGE_NOW, &path));
	assert_int_equal(path.count, 3);
	assert_ptr_equal(path.at[1], &pool[1]);
	assert_ok(verify(&f, CHAIN_ANY_TIME));
	/* an anchor in the middle is enough; an anchor stands for itself */
	assert_ok(chain_verify(pool, 1, &f.certs[1].c, 1, JUDGE_NOW, &path));
	assert_int_equal(path.count, 2);
	assert_ok(chain_verify(&f.certs[2].c, 1, &f.certs[2].c, 1, JUDGE_NOW, &path));
	assert_int_equal(path.count, 1);
	assert_ok(chain_self_signed(&f.certs[2].c));
	assert_refused(chain_self_signed(&f.certs[1].c), CHAIN_ISSUER);
	assert_refused(chain_verify(pool, 1, &f.certs[2].c, 1, JUDGE_NOW, &path), CHAIN_ANCHOR);
	assert_refused(chain_verify(pool, 3, NULL, 0, JUDGE_NOW, &path), CHAIN_ANCHOR);
	drop(&f);
}

static void test_validity(void **state)
{
	struct family f;

	(void)state;
	family(&f, plain, (struct judge_cert){.serial = 2, .until = JUDGE_NOW + 100}, plain);
	assert_ok(verify(&f, JUDGE_NOW + 100));
	assert_refused(verify(&f, JUDGE_NOW + 101), CHAIN_VALIDITY);
	assert_refused(verify(&f, JUDGE_NOW - 6 * JUDGE_DAY), CHAIN_VALIDITY);
	assert_ok(verify(&f, CHAIN_ANY_TIME));
	drop(&f);
}

static void refused(struct judge_cert root, struct judge_cert sub, struct judge_cert leaf, enum err want)
{
	struct family f;

	family(&f, root, sub, leaf);
	struct rc rc = verify(&f, JUDGE_NOW);
	assert_false(rc_ok(rc));
	if (rc_last()->err != want)
		fail_msg("%s", rc_last()->text);
	drop(&f);
}

static void test_refusals(void **state)
{
	struct judge_cert no_basic = {.serial = 1, .basic = ""},
	                  no_ca = {.serial = 1, .basic = "critical,CA:FALSE"};
	struct judge_cert no_usage = {.serial = 1, .usage = "critical,cRLSign"};
	struct judge_cert path0 = {.serial = 1, .basic = "critical,CA:TRUE,pathlen:0"};
	struct judge_cert named = {.serial = 1, .subject = "Other"};
	struct sm2_key k = judge_scalar(9);
	AUTO(evp_pkey_st, stranger, judge_sm2(&k));
	struct judge_cert forged = {.serial = 1, .signer = stranger};

	(void)state;
	refused(plain, no_basic, plain, ERR_CHAIN_NOT_CA);
	refused(plain, no_ca, plain, ERR_CHAIN_NOT_CA);
	refused(plain, no_usage, plain, ERR_CHAIN_NOT_CA);
	refused(path0, plain, plain, ERR_CHAIN_PATH_LENGTH);
	refused(plain, named, plain, ERR_CHAIN_ANCHOR);
	refused(plain, forged, plain, ERR_SIGNATURE);
}

static void test_path_length_allows(void **state)
{
	struct family f;

	(void)state;
	family(&f, (struct judge_cert){.serial = 1, .basic = "critical,CA:TRUE,pathlen:1"},
	       (struct judge_cert){.serial = 2, .basic = "critical,CA:TRUE,pathlen:0"}, plain);
	assert_ok(verify(&f, JUDGE_NOW));
	drop(&f);
}

static void load(const char *name, struct buf *der, struct cert *c)
{
	char path[400];

	(void)snprintf(path, sizeof(path), TEST_DATA "/cert/good/%s.der", name);
	assert_ok(file_read(path, CERT_DER_MAX, der));
	assert_ok(cert_parse(buf_slice(der), c));
}

static void test_critical_and_key_id(void **state)
{
	AUTO_BUF(root_der, CERT_DER_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(leaf_der, CERT_DER_MAX);
	struct cert root, c, leaf;

	(void)state;
	load("sm2-root", &root_der, &root);
	load("unknown-critical", &der, &c);
	assert_refused(chain_link(&c, &root, CHAIN_ANY_TIME), CHAIN_CRITICAL);
	load("sm2-leaf", &leaf_der, &leaf);
	assert_ok(chain_link(&leaf, &root, CHAIN_ANY_TIME));
	root.ski = SLICE_LIT("another");
	assert_refused(chain_link(&leaf, &root, CHAIN_ANY_TIME), CHAIN_ISSUER);
}

static void test_may_sign(void **state)
{
	struct family f;

	(void)state;
	family(&f, plain, plain, plain);
	assert_ok(chain_may_sign(&f.certs[0].c, JUDGE_NOW));
	assert_refused(chain_may_sign(&f.certs[0].c, JUDGE_NOW + 6 * JUDGE_DAY), CHAIN_VALIDITY);
	drop(&f);
	family(&f, plain, plain, (struct judge_cert){.serial = 3, .usage = "critical,keyEncipherment"});
	assert_refused(chain_may_sign(&f.certs[0].c, JUDGE_NOW), CHAIN_USAGE);
	drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_path),
	        cmocka_unit_test(test_validity),
	        cmocka_unit_test(test_refusals),
	        cmocka_unit_test(test_path_length_allows),
	        cmocka_unit_test(test_critical_and_key_id),
	        cmocka_unit_test(test_may_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
