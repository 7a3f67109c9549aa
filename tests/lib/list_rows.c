/* list_rows N: a batch file for N persons on stdout, each with a key of its own and a request signed by
 * libcrypto (column csr: base64 DER); the made-up citizen numbers have their check digits (GB 11643). */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "1234567812345678"

static void die(const char *what)
{
	fprintf(stderr, "list_rows: %s\n", what);
	exit(1);
}

static void citizen_number(unsigned n, char ret[19])
{
	static const int weights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	int sum = 0;

	snprintf(ret, 19, "110101%04u%02u%02u%03u", 1940 + n / 12000 % 60, 1 + n / 1000 % 12, 1 + n / 720000,
	         n % 1000);
	for (int i = 0; i < 17; i++)
		sum += (ret[i] - '0') * weights[i];
	ret[17] = "10X98765432"[sum % 11];
	ret[18] = 0;
}

static X509_REQ *request(EVP_PKEY *key, const char *name)
{
	X509_REQ *r = X509_REQ_new();
	X509_NAME *subject = X509_NAME_new();
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *k = EVP_PKEY_CTX_new(key, NULL);

	if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
	                               0) != 1 ||
	    X509_REQ_set_subject_name(r, subject) != 1 || X509_REQ_set_pubkey(r, key) != 1 ||
	    EVP_PKEY_CTX_set1_id(k, ID, sizeof(ID) - 1) != 1)
		die("request");
	EVP_MD_CTX_set_pkey_ctx(c, k);
	if (EVP_DigestSignInit(c, NULL, EVP_sm3(), NULL, key) != 1 || X509_REQ_sign_ctx(r, c) <= 0)
		die("signature");
	EVP_MD_CTX_free(c);
	EVP_PKEY_CTX_free(k);
	X509_NAME_free(subject);
	return r;
}

static void row(unsigned n)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	char name[32], number[19];
	unsigned char *der = NULL, *text;
	X509_REQ *r;
	int len;

	snprintf(name, sizeof(name), "人员%u", n);
	citizen_number(n, number);
	r = request(key, name);
	len = i2d_X509_REQ(r, &der);
	text = malloc((size_t)len * 2);
	if (len <= 0 || text == NULL || EVP_EncodeBlock(text, der, len) <= 0)
		die("encoding");
	printf("%s,citizen,%s,long-term,北京市,%s\r\n", name, number, (char *)text);
	free(text);
	OPENSSL_free(der);
	X509_REQ_free(r);
	EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
	unsigned n = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

	if (n == 0 || n > 100000)
		die("how many? 1 to 100000");
	printf("name,document.type,document.number,document.valid_until,province,csr\r\n");
	for (unsigned i = 0; i < n; i++)
		row(i);
	return 0;
}
