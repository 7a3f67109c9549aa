#ifndef YD_CEREMONY_ACT_H
#define YD_CEREMONY_ACT_H
/* A ceremony while it is held: every station's keys are open in this one process. */
#include "ceremony/ceremony.h"
#include "ceremony/plan.h"
#include "ceremony/platform.h"
#include "ceremony/secrets.h"
#include "pki/chain.h"
#include "pki/profile.h"

#define ACT_PATH (PLAT_PATH + 256)
#define ACT_BACKDATE 300 /* clocks of those who verify */
#define ACT_YEAR 365
#define ACT_COMM_DAYS (3 * ACT_YEAR)
#define ACT_OFFICER_DAYS ACT_YEAR
#define ACT_OCSP_DAYS ACT_YEAR
#define ACT_UID_FIRST 61200 /* uids that Debian gives to nobody */
#define ACT_HAND "ceremony" /* name of the one-off key */
#define ACT_STATEMENT_MAX (256u << 10)

/* Where keys lie: one per instance of the plan. */
struct station {
	const struct plan_instance *at;
	struct key_device *device;
	struct key_session *keys;
	json_t *notes; /* entries for its log: [{"kind","data"}] */
};
struct act_authority {
	const struct plan_authority *plan;
	struct station *station;
	uint32_t key;
	struct buf der; /* certificate; empty while it is to come from another root */
	struct cert cert;
};
/* An organisation's one-off key: signs the first decisions, then is destroyed. */
struct act_hand {
	struct station *station;
	uint32_t key;
	struct buf der;
};
struct ceremony {
	const struct plan *plan;
	struct plat plat;
	int64_t now;
	struct secrets *secrets;
	struct station station[PLAN_INSTANCES];
	struct act_authority authority[PLAN_AUTHORITIES];
	struct act_hand hand[PLAN_ORGS];
	size_t waiting; /* authorities without a certificate */
};

/* ---- act.c: files, issuing, notes ---- */
RC act_path(const struct ceremony *c, char ret[ACT_PATH], const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
RC act_folder(const struct ceremony *c, unsigned mode, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
RC act_write(const struct ceremony *c, struct slice content, unsigned mode, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
/* DER and PEM under demo/ca/. */
RC act_publish(const struct ceremony *c, const char *id, struct slice der);
/* URL of an instance's database (plan.h). */
RC act_database(const struct ceremony *c, const struct plan_instance *at, char ret[ACT_PATH]);
struct station *act_station(struct ceremony *c, const struct plan_instance *at);
struct act_authority *act_operator(struct ceremony *c, const struct plan_org *org, enum key_kind kind);
/* The first issuing authority of an organisation with that kind of key. */
struct act_authority *act_issuing(struct ceremony *c, const struct plan_org *org, enum key_kind kind);
struct act_hand *act_hand_of(struct ceremony *c, const struct plan_org *org);
/* "http://127.0.0.1:7450" or the plan's; "" for NULL. */
void act_base(const struct ceremony *c, const struct plan_instance *at, char *ret, size_t size);
RC act_generate(struct ceremony *c, struct station *s, const struct key_new *n, uint32_t *key,
                struct key_info *info);

struct act_issue {
	const char *profile;
	const struct act_authority *issuer; /* NULL: self-signed with key of station */
	const struct station *station;
	uint32_t key;
	const json_t *identity;
	struct slice spki;
	int days;
	const char *entity;
	const char *class; /* NULL: none */
};
RC act_issue(struct ceremony *c, const struct act_issue *i, struct buf *ret);
/* Takes data over; written into the station's log at the end. */
RC act_note(struct station *s, const char *kind, json_t *take);
json_t *act_identity(const char *name, const char *organisation);

/* ---- the parts, in order ---- */
RC act_open_stations(struct ceremony *c, bool fresh); /* stations.c */
RC act_save_notes(struct ceremony *c);
RC act_make_authorities(struct ceremony *c); /* authorities.c */
RC act_load_authorities(struct ceremony *c); /* for an installation */
RC act_make_hands(struct ceremony *c);
RC act_destroy_hands(struct ceremony *c);
RC act_make_services(struct ceremony *c); /* services.c */
RC act_make_responders(struct ceremony *c, const struct act_authority *only);
RC act_make_officers(struct ceremony *c); /* officers.c */
RC act_make_subscribers(struct ceremony *c, const struct act_authority *issuer);
RC act_sign_calendar(struct ceremony *c); /* calendar.c */
RC act_decide(struct ceremony *c);      /* decisions.c */
RC act_write_trust(struct ceremony *c); /* trust.c */
RC act_write_authorities(struct ceremony *c);
RC act_seal_trust(struct ceremony *c);    /* last: what the signers are to believe (signer/seal.h) */
RC act_write_configs(struct ceremony *c); /* configs.c */

#endif
