#ifndef YD_VAULT_STORE_H
#define YD_VAULT_STORE_H
/* The vault's tables (migrations/vault).  Functions that write run inside writer closures. */
#include "base/buf.h"
#include "db/db.h"
#include "media/media.h"

#include <stdint.h>

#define VAULT_LOG_MAX 64
#define VAULT_CA_MAX 48
#define VAULT_KINDS_MAX 1024

/* ---- items ---- */
struct vault_item {
	int64_t id, at;
	uint8_t sm3[32];
	struct media_at where;
	int64_t destroyed_at; /* 0: it is there */
};
/* RC_NOTFOUND. */
RC vault_store_item(struct db *db, const uint8_t sm3[32], struct vault_item *ret);
RC vault_store_item_id(struct db *db, int64_t id, struct vault_item *ret);
/* The same again is fine; i->id becomes that of the row. */
RC vault_store_item_put(struct db *db, struct vault_item *i);
RC vault_store_item_destroyed(struct db *db, int64_t id, int64_t at);
/* Items whose keys were destroyed, after `after`, in order. */
RC vault_store_destroyed_each(struct db *db, int64_t after, size_t limit,
                              struct rc (*each)(void *arg, const struct vault_item *i), void *arg);
/* Was the item with that key slot destroyed by a decision? */
RC vault_store_destroyed(struct db *db, uint32_t segment, uint32_t slot, bool *ret);

/* ---- records ---- */
struct vault_record {
	int64_t id, at, disposed_at, follows;
	uint8_t key[32], application[32];
	bool announced; /* application is set: the CA asked before it signed */
	char log[VAULT_LOG_MAX + 1], class[8];
};
RC vault_store_record(struct db *db, const uint8_t key[32], struct vault_record *ret); /* RC_NOTFOUND */
RC vault_store_record_id(struct db *db, int64_t id, struct vault_record *ret);
RC vault_store_record_put(struct db *db, struct vault_record *r); /* sets id */
/* What is told anew of a record heard of by the log only. */
RC vault_store_record_announce(struct db *db, const struct vault_record *r);
RC vault_store_record_class(struct db *db, int64_t id, const char *class);
RC vault_store_record_disposed(struct db *db, int64_t id, int64_t at);
RC vault_store_records_each(struct db *db, int64_t after, size_t limit,
                            struct rc (*each)(void *arg, const struct vault_record *r), void *arg);
/* Records that follow this one (R24.8). */
RC vault_store_followers(struct db *db, int64_t record, struct rc (*each)(void *arg, int64_t record),
                         void *arg);

/* ---- what belongs to a record ---- */
struct vault_kept {
	int64_t item, at;
	struct slice kinds; /* words */
};
RC vault_store_keep(struct db *db, int64_t record, int64_t item, const char *kinds, int64_t at);
RC vault_store_kept_each(struct db *db, int64_t record,
                         struct rc (*each)(void *arg, const struct vault_kept *k), void *arg);
/* Does any record rely on the item? */
RC vault_store_item_kept(struct db *db, int64_t item, bool *ret);
/* Does a record that was not disposed of, other than this one, rely on the item? */
RC vault_store_item_shared(struct db *db, int64_t item, int64_t record, bool *ret);

/* ---- certificates ---- */
struct vault_certificate {
	char ca[VAULT_CA_MAX + 1], part[8];
	struct slice serial;
	int64_t record, not_after, ended_at; /* 0: not ended */
	uint8_t sm3[32];
};
RC vault_store_certificate_put(struct db *db, const struct vault_certificate *c); /* again is fine */
/* The row as it must be, whatever it was. */
RC vault_store_certificate_restore(struct db *db, const struct vault_certificate *c);
/* serial of ret is not set; RC_NOTFOUND. */
RC vault_store_certificate(struct db *db, struct slice ca, struct slice serial,
                           struct vault_certificate *ret);
RC vault_store_ended(struct db *db, struct slice ca, struct slice serial, int64_t at); /* 0: released */
RC vault_store_certificates_each(struct db *db, int64_t record,
                                 struct rc (*each)(void *arg, const struct vault_certificate *c), void *arg);

/* ---- feeds ---- */
RC vault_store_feed(struct db *db, const char *name, uint64_t *next);
RC vault_store_feed_set(struct db *db, const char *name, uint64_t next, const uint8_t leaf[32]);

/* ---- holds ---- */
RC vault_store_hold_put(struct db *db, const uint8_t hash[32], struct slice statement, int64_t at,
                        int64_t *id);
RC vault_store_held_put(struct db *db, int64_t hold, int64_t record);
/* RC_NOTFOUND; RC_CONFLICT when it was released before. */
RC vault_store_hold_release(struct db *db, const uint8_t hold[32], const uint8_t by[32],
                            struct slice statement);
RC vault_store_held(struct db *db, int64_t record, bool *ret);
/* How many records that hold keeps, as long as it is in force; 0: none, or it is not. */
RC vault_store_hold_count(struct db *db, const uint8_t hash[32], int64_t *ret);
/* In force, whatever the row said. */
RC vault_store_hold_restore(struct db *db, const uint8_t hash[32], int64_t at, int64_t *id);

/* ---- disposals ---- */
enum disposal_state { DISPOSAL_PROPOSED, DISPOSAL_APPROVED, DISPOSAL_DONE, DISPOSAL_REFUSED };
struct vault_disposal {
	int64_t id, at;
	uint8_t hash[32];
	enum disposal_state state;
	char proposer[37], approver[37]; /* approver "": undecided */
};
RC vault_store_disposal_put(struct db *db, struct vault_disposal *d, struct slice statement);
RC vault_store_disposal(struct db *db, const uint8_t hash[32], struct vault_disposal *ret); /* RC_NOTFOUND */
/* The oldest in that state; RC_NOTFOUND. */
RC vault_store_disposal_first(struct db *db, enum disposal_state state, struct vault_disposal *ret);
RC vault_store_disposal_decide(struct db *db, int64_t id, enum disposal_state state, const char *approver,
                               struct slice approval);
RC vault_store_disposal_state(struct db *db, int64_t id, enum disposal_state state);
RC vault_store_disposal_done(struct db *db, int64_t id, struct slice certificate);
/* approval and certificate: added when they are there; any may be NULL. */
RC vault_store_disposal_papers(struct db *db, int64_t id, struct buf *list, struct buf *approval,
                               struct buf *certificate);
struct vault_disposed {
	int64_t record, items, until;
};
RC vault_store_disposal_record_put(struct db *db, int64_t disposal, int64_t record, int64_t until);
RC vault_store_disposal_record_done(struct db *db, int64_t disposal, int64_t record, int64_t items);
RC vault_store_disposal_records_each(struct db *db, int64_t disposal,
                                     struct rc (*each)(void *arg, const struct vault_disposed *d), void *arg);

/* ---- the clock ---- */
struct believed {
	int64_t at, doubted_at; /* doubted_at 0: believed */
	char attested_by[37];   /* the first of two persons, "" = nobody yet */
};
RC vault_store_believed(struct db *db, struct believed *ret); /* at 0: never */
RC vault_store_believed_set(struct db *db, const struct believed *b, struct slice statement);

#endif
