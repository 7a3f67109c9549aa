#ifndef YD_HTTP_METRICS_H
#define YD_HTTP_METRICS_H
/* Prometheus text exposition 0.0.4.  A family is declared once with fixed tables of label values and
 * counted by index: no label can grow.  Adding is not thread-safe (before the start), counting is.
 *
 *	static const char *const kinds[] = {"sign", "verify", NULL};
 *	TRY(metrics_add(m, &(struct metric_spec){ .kind = METRIC_COUNTER, .name = "sign_operations_total",
 *		.help = "…", .labels = {{"kind", kinds}} }, &f));
 *	metric_count(f, 1, (unsigned[]){0});
 */
#include "base/auto.h"
#include "base/buf.h"
#include "base/rc.h"

#define METRICS_FAMILIES 128
#define METRICS_LABELS 3
#define METRICS_SERIES 65536 /* per family; those never counted are not written */
#define METRICS_BOUNDS 24
#define METRICS_TEXT_MAX (8u << 20)
#define METRICS_MEDIA "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_PREFIX "yuandian_"

struct metrics;
struct metric;
enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
struct metric_label {
	const char *name;
	const char *const *values;
}; /* values NULL-closed; copied */
struct metric_spec {
	enum metric_kind kind;
	const char *name; /* without prefix */
	const char *help;
	struct metric_label labels[METRICS_LABELS]; /* up to the first NULL name */
	const double *bounds;                       /* histogram: rising upper bounds, +Inf implied */
	size_t bound_count;
};

RC metrics_new(struct metrics **ret);
void metrics_free(struct metrics *m);
DROP(metrics, metrics_free);
RC metrics_add(struct metrics *m, const struct metric_spec *spec, struct metric **ret);
/* at: one index per label, NULL when there is none; out of range is ignored.  A NULL family too. */
void metric_count(struct metric *f, uint64_t n, const unsigned *at);
void metric_set(struct metric *f, double v, const unsigned *at);     /* gauge */
void metric_move(struct metric *f, int64_t by, const unsigned *at);  /* gauge */
void metric_observe(struct metric *f, double v, const unsigned *at); /* histogram */
void metrics_write(struct metrics *m, struct buf *out);

/* For lines made on the spot (struct role's metrics callback): first the family, then its samples.
 * labels: pairs of name and value closed by NULL; values are escaped. */
void metrics_family(struct buf *out, enum metric_kind kind, const char *name, const char *help);
void metrics_sample(struct buf *out, const char *name, double v, ...) __attribute__((sentinel));

#endif
