#ifndef YD_BENCH_CLERK_H
#define YD_BENCH_CLERK_H
/* An officer of the demonstration, DIR/demo/NAME: TLS identity and signing key; used by many threads. */
#include "base/mem.h"
#include "bench/platform.h"
#include "bench/wire.h"
#include "statement/statement.h"

#define CLERK_ORGANISATION "shifan"

struct clerk {
	struct wire_identity *tls;
	struct secret *key; /* struct sm2_key */
	struct buf certificate;
	char person[37];
	const char *role;
};
RC clerk_open(const struct platform *p, const char *name, const char *role, struct clerk *ret);
void clerk_close(struct clerk *o);
#define AUTO_CLERK(name) __attribute__((cleanup(clerk_close))) struct clerk name = {0}
RC clerk_sign(const struct clerk *o, enum statement_kind kind, const json_t *body, struct buf *ret);

#endif
