#ifndef YD_BASE_RC_H
#define YD_BASE_RC_H
/* Results.  A code says who must act; the text says what happened; a refusal also carries a stable
 * machine-readable name and the clause it enforces (errors.def).  Library code neither logs nor
 * exits: it returns, the request loop logs once. */
#include <stdbool.h>

enum rc_code {
	RC_OK,
	RC_INPUT, RC_DENIED, RC_NOTFOUND, RC_CONFLICT,  /* the caller can act */
	RC_BUSY, RC_UNCERTAIN, RC_CRYPTO, RC_NOMEM,     /* an operator can act */
	RC_BUG,                                         /* we must act */
};

/* Named refusals; the names are contracts (problem+json "code"). */
enum err {
#define ERR(id, code, name, zh, en, clause) ERR_##id,
#include "base/errors.def"
#undef ERR
	ERR_COUNT
};

struct rc { enum rc_code code; };
#define RC __attribute__((warn_unused_result)) struct rc
#define OK ((struct rc){RC_OK})

/* The text of the last failure on this thread.  Written by FAIL and REFUSE, extended by rc_note,
 * read once by the request loop. */
struct rc_text {
	enum rc_code code;
	enum err err;           /* ERR_GENERIC_* when the failure has no name of its own */
	char text[512];
};

const struct rc_text *rc_last(void);
/* Puts a text that travelled with a result from another thread in place on this one. */
struct rc rc_restore(const struct rc_text *t);
struct rc rc_fail(enum rc_code code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct rc rc_refuse(enum err err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prepends "fmt: " to the text and returns the same result. */
struct rc rc_note(struct rc rc, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct err_info { enum rc_code code; const char *name, *zh, *en, *clause; };
const struct err_info *err_info(enum err err);
/* ERR_COUNT when no refusal has that name. */
enum err err_by_name(const char *name);
const char *rc_name(enum rc_code code);

static inline bool rc_ok(struct rc rc) { return rc.code == RC_OK; }

/* rc_fail() and rc_refuse() never answer RC_OK.  The compiler is told, so that it sees which values
 * are set where a call has succeeded. */
#define RC_FAILED(call) \
	__extension__({ \
		struct rc failed__ = (call); \
		if (failed__.code == RC_OK) \
			__builtin_unreachable(); \
		failed__; \
	})
#define FAIL(code, ...) return RC_FAILED(rc_fail((code), __VA_ARGS__))
#define REFUSE(err, ...) return RC_FAILED(rc_refuse(ERR_##err, __VA_ARGS__))
#define NEED(cond, code, ...) \
	do { if (!(cond)) FAIL((code), __VA_ARGS__); } while (0)
#define REQUIRE(cond, err, ...) \
	do { if (!(cond)) return RC_FAILED(rc_refuse(ERR_##err, __VA_ARGS__)); } while (0)
#define TRY(call) \
	do { struct rc rc__ = (call); if (rc__.code != RC_OK) return rc__; } while (0)

#endif
