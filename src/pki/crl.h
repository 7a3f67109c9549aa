#ifndef YD_PKI_CRL_H
#define YD_PKI_CRL_H
/* X.509 v2 certificate revocation lists (RFC 5280 5).  Written as a stream from an iterator, so that
 * a million entries need no memory; read in place.  A parsed list borrows its DER. */
#include "pki/ext.h"
#include "pki/pubkey.h"

#define CRL_DER_MAX (1u << 30)
#define CRL_CHUNK 65536                 /* at most this many bytes go to the sink at once */

struct crl_entry {
	struct slice serial;            /* magnitude */
	int64_t revoked_at;
	enum crl_reason reason;         /* REASON_UNSPECIFIED is not written (RFC 5280 5.3.1) */
	bool has_invalidity;
	int64_t invalidity;
};

/* ---- out ---- */
struct crl_head {
	struct sigalg alg;
	struct slice issuer;            /* Name TLV */
	int64_t this_update, next_update;
	uint64_t number;
	struct slice aki;
	const struct ext_idp *idp;      /* NULL: none */
	uint64_t delta;                 /* number of the full list that this one follows; 0: a full list */
	struct slice freshest;          /* where the delta list is; empty: nowhere */
};
/* Walked twice, once to learn the length, once to write; both walks must give the same entries (one
 * read transaction).  rewind comes first each time; next sets *more to false after the last. */
struct crl_source {
	void *arg;
	struct rc (*rewind)(void *arg);
	struct rc (*next)(void *arg, struct crl_entry *ret, bool *more);
};
/* TBSCertList in pieces of at most CRL_CHUNK bytes; *length (may be NULL) is their sum. */
RC crl_tbs_write(const struct crl_head *h, const struct crl_source *s,
                 struct rc (*sink)(void *arg, struct slice piece), void *arg, size_t *length);
/* What stands before and behind entries that the caller writes himself, so many bytes. */
RC crl_tbs_frame(const struct crl_head *h, uint64_t entries, struct buf *before, struct buf *behind);
RC crl_entry_write(const struct crl_entry *e, struct buf *ret);
/* The same in memory from an array. */
RC crl_tbs(const struct crl_head *h, const struct crl_entry *e, size_t n, struct buf *ret);
RC crl_assemble(struct slice tbs, struct sigalg a, struct slice signature, struct buf *ret);
/* What stands before and behind a TBS of that length, for who keeps the TBS in a file. */
RC crl_around(size_t tbs_length, struct sigalg a, struct slice signature, struct buf *before,
              struct buf *behind);

/* ---- in ---- */
struct crl {
	struct slice der, tbs;
	struct sigalg alg;
	struct slice issuer;
	int64_t this_update, next_update;       /* next_update 0: absent */
	struct slice entries;                   /* contents of revokedCertificates */
	struct slice number;                    /* magnitude; empty: absent */
	struct slice aki;
	bool has_idp;
	struct ext_idp idp;
	bool delta;
	struct slice base;              /* of a delta list: BaseCRLNumber, magnitude */
	struct ext_urls freshest;       /* where the delta list is */
	bool unknown_critical;
	struct slice signature;
};
RC crl_parse(struct slice der, struct crl *ret);            /* entries are checked one by one too */
RC crl_parse_tbs(struct slice tbs, struct crl *ret);
RC crl_read(struct slice text, struct buf *der, struct crl *ret);      /* DER or PEM */
RC crl_verify(const struct crl *c, const struct pubkey *issuer);
/* One whole Entry. */
RC crl_entry_parse(struct slice tlv, struct crl_entry *ret);
uint64_t crl_number(const struct crl *c);                   /* UINT64_MAX when absent or larger */

/* struct der_reader r = crl_walk(&c); while (crl_next(&r, &e)) … ; the list was checked by parse. */
struct der_reader crl_walk(const struct crl *c);
bool crl_next(struct der_reader *r, struct crl_entry *ret);
RC   crl_find(const struct crl *c, struct slice serial, struct crl_entry *ret);   /* RC_NOTFOUND */

#endif
