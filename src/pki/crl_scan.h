#ifndef YD_PKI_CRL_SCAN_H
#define YD_PKI_CRL_SCAN_H
/* A revocation list in a file, read once from front to back through a window: memory does not grow with it.
 * What stands before and behind the entries is held; every entry is checked as crl_parse() does. */
#include "pki/crl.h"
#include "pki/signed_hash.h"

/* Where the bytes from `at` to `end` come from: base/text.h file_at(). */
struct crl_input {
	int fd;
	uint64_t at, end;
	struct rc (*read)(int fd, uint64_t at, uint8_t *ret, size_t len);
};
struct crl_scan {
	struct crl crl; /* without der, tbs and entries; borrows hold and, signature, close */
	struct crl_input in;
	uint64_t tbs_at, entries_at, entries_len, behind_at;
	size_t behind_len;
	uint64_t count;        /* entries, after the walk */
	struct buf head, behind; /* of the TBS: bytes up to the entries, bytes behind them */
	struct buf hold, close;  /* the TBS without entries; algorithm and signature */
};
/* A TBSCertList, or (whole) a CertificateList. */
RC crl_scan_open(const struct crl_input *in, bool whole, struct crl_scan *ret);
void crl_scan_close(struct crl_scan *s);
#define AUTO_SCAN(name) __attribute__((cleanup(crl_scan_close))) struct crl_scan name = {.count = 0}
/* All entries; those bytes of the TBS that open() read are not read again.  hash and each may be NULL. */
RC crl_scan_walk(struct crl_scan *s, struct signed_hash *hash,
                 struct rc (*each)(void *arg, const struct crl_entry *e, struct slice tlv), void *arg);
/* A whole list: walks it and checks its signature. */
RC crl_scan_verify(struct crl_scan *s, const struct pubkey *issuer,
                   struct rc (*each)(void *arg, const struct crl_entry *e, struct slice tlv), void *arg);

#endif
