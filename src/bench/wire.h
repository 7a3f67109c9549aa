#ifndef YD_BENCH_WIRE_H
#define YD_BENCH_WIRE_H
/* A lean HTTP/1.1 client for load: one kept connection, blocking, TLS with a client certificate or plain.
 * It costs less than the servers it shares the machine with, and understands what they send:
 * Content-Length only. */
#include "base/auto.h"
#include "base/buf.h"

#define WIRE_ANSWER_MAX (4u << 20)
#define WIRE_TIMEOUT_SECONDS 40

struct wire_identity; /* certificate, key and trust; shared by threads */
RC wire_identity_new(const char *certificate, const char *key, const char *pin, const char *authorities,
                     struct wire_identity **ret);
void wire_identity_free(struct wire_identity *i);
DROP(wire_identity, wire_identity_free);

struct wire;
/* url: "https://127.0.0.1:7443" or "http://…"; identity NULL for http.  Connects at once. */
RC wire_open(const char *url, const struct wire_identity *identity, struct wire **ret);
void wire_close(struct wire *w);
DROP(wire, wire_close);

/* *status and body of the answer; body is cleared first.  A broken connection is opened again by
 * the next call. */
RC wire_call(struct wire *w, const char *method, const char *path, const char *media, struct slice content,
             unsigned *status, struct buf *body);

#endif
