#include "http/metrics.h"
#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_LEN 100
#define LABEL_VALUES 4096

struct label {
	char *name;
	char **values;
	unsigned count;
};

struct metric {
	enum metric_kind kind;
	char *name, *help; /* name with prefix */
	struct label labels[METRICS_LABELS];
	unsigned label_count;
	size_t series, width; /* cells of one series */
	double bounds[METRICS_BOUNDS];
	size_t bound_count;
	/* Atomic.  Counter: the count.  Gauge: bits of a double.  Histogram: one count for each bound and
	 * +Inf (not cumulated), then the bits of the sum. */
	uint64_t *cells;
};

struct metrics {
	struct metric *families[METRICS_FAMILIES];
	size_t count;
};

/* ---- declaring ---- */

static bool good_name(const char *s, bool label)
{
	size_t i, n = strlen(s);

	for (i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || s[i] == '_' || (i > 0 && s[i] >= '0' && s[i] <= '9')))
			return false;
	return n > 0 && n <= NAME_MAX_LEN && !(label && strncmp(s, "__", 2) == 0);
}

static void metric_free(struct metric *f)
{
	unsigned i, k;

	if (f == NULL)
		return;
	for (i = 0; i < METRICS_LABELS; i++) {
		for (k = 0; f->labels[i].values != NULL && k < f->labels[i].count; k++)
			mem_free(f->labels[i].values[k]);
		mem_free(f->labels[i].values);
		mem_free(f->labels[i].name);
	}
	mem_free(f->cells);
	mem_free(f->name);
	mem_free(f->help);
	mem_free(f);
}
DROP(metric, metric_free);

RC metrics_new(struct metrics **ret)
{
	struct metrics *m = mem_new(1, sizeof(*m));

	NEED(m != NULL, RC_NOMEM, "metrics: no memory");
	*ret = m;
	return OK;
}

void metrics_free(struct metrics *m)
{
	size_t i;

	for (i = 0; m != NULL && i < m->count; i++)
		metric_free(m->families[i]);
	mem_free(m);
}

static RC copy_label(const struct metric_label *l, struct label *ret)
{
	unsigned i;

	NEED(good_name(l->name, true) && l->values != NULL, RC_BUG, "metrics: label %s", l->name);
	while (ret->count < LABEL_VALUES && l->values[ret->count] != NULL)
		ret->count++;
	NEED(ret->count > 0 && l->values[ret->count] == NULL, RC_BUG, "metrics: label %s: number of values",
	     l->name);
	ret->name = mem_text(l->name);
	ret->values = mem_new(ret->count, sizeof(*ret->values));
	NEED(ret->name != NULL && ret->values != NULL, RC_NOMEM, "metrics: no memory");
	for (i = 0; i < ret->count; i++) {
		ret->values[i] = mem_text(l->values[i]);
		NEED(ret->values[i] != NULL, RC_NOMEM, "metrics: no memory");
	}
	return OK;
}

static RC copy_bounds(const struct metric_spec *spec, struct metric *f)
{
	size_t i;

	NEED((spec->kind == METRIC_HISTOGRAM) == (spec->bound_count > 0) &&
	             spec->bound_count <= METRICS_BOUNDS,
	     RC_BUG, "metrics: %s: bounds", spec->name);
	for (i = 0; i < spec->bound_count; i++) {
		NEED(isfinite(spec->bounds[i]) && (i == 0 || spec->bounds[i] > spec->bounds[i - 1]), RC_BUG,
		     "metrics: %s: bounds do not rise", spec->name);
		f->bounds[i] = spec->bounds[i];
	}
	f->bound_count = spec->bound_count;
	f->width = spec->kind == METRIC_HISTOGRAM ? spec->bound_count + 2 : 1;
	return OK;
}

static RC fill(const struct metric_spec *spec, struct metric *f)
{
	AUTO_BUF(name, 2 * NAME_MAX_LEN);
	unsigned i;

	f->kind = spec->kind;
	buf_printf(&name, METRICS_PREFIX "%s", spec->name);
	TRY(buf_done(&name));
	f->name = mem_text(buf_cstr(&name));
	f->help = mem_text(spec->help);
	NEED(f->name != NULL && f->help != NULL, RC_NOMEM, "metrics: no memory");
	f->series = 1;
	for (i = 0; i < METRICS_LABELS && spec->labels[i].name != NULL; i++) {
		f->label_count = i + 1;
		TRY(copy_label(&spec->labels[i], &f->labels[i]));
		f->series *= f->labels[i].count;
		NEED(f->series <= METRICS_SERIES, RC_BUG, "metrics: %s: more than %d series", spec->name,
		     METRICS_SERIES);
	}
	TRY(copy_bounds(spec, f));
	f->cells = mem_new(f->series * f->width, sizeof(*f->cells));
	NEED(f->cells != NULL, RC_NOMEM, "metrics: no memory");
	return OK;
}

RC metrics_add(struct metrics *m, const struct metric_spec *spec, struct metric **ret)
{
	AUTO(metric, f, mem_new(1, sizeof(*f)));
	size_t i;

	NEED(f != NULL, RC_NOMEM, "metrics: no memory");
	NEED(m->count < METRICS_FAMILIES && good_name(spec->name, false), RC_BUG, "metrics: %s", spec->name);
	TRY(fill(spec, f));
	for (i = 0; i < m->count; i++)
		NEED(strcmp(m->families[i]->name, f->name) != 0, RC_BUG, "metrics: %s stands twice",
		     spec->name);
	*ret = f;
	m->families[m->count++] = MOVE(f);
	return OK;
}

/* ---- counting ---- */

/* The cells of a series, or NULL. */
static uint64_t *cells_at(const struct metric *f, enum metric_kind kind, const unsigned *at)
{
	size_t n = 0;
	unsigned i;

	if (f == NULL || f->kind != kind || (f->label_count > 0 && at == NULL))
		return NULL;
	for (i = 0; i < f->label_count; i++) {
		if (at[i] >= f->labels[i].count)
			return NULL;
		n = n * f->labels[i].count + at[i];
	}
	return f->cells + n * f->width;
}

static uint64_t to_bits(double v)
{
	uint64_t r;

	memcpy(&r, &v, sizeof(r));
	return r;
}

static double from_bits(uint64_t v)
{
	double r;

	memcpy(&r, &v, sizeof(r));
	return r;
}

static void add_double(uint64_t *cell, double v)
{
	uint64_t old = __atomic_load_n(cell, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(cell, &old, to_bits(from_bits(old) + v), true, __ATOMIC_RELAXED,
	                                    __ATOMIC_RELAXED))
		;
}

void metric_count(struct metric *f, uint64_t n, const unsigned *at)
{
	uint64_t *c = cells_at(f, METRIC_COUNTER, at);

	if (c != NULL)
		(void)__atomic_add_fetch(c, n, __ATOMIC_RELAXED);
}

void metric_set(struct metric *f, double v, const unsigned *at)
{
	uint64_t *c = cells_at(f, METRIC_GAUGE, at);

	if (c != NULL)
		__atomic_store_n(c, to_bits(v), __ATOMIC_RELAXED);
}

void metric_move(struct metric *f, int64_t by, const unsigned *at)
{
	uint64_t *c = cells_at(f, METRIC_GAUGE, at);

	if (c != NULL)
		add_double(c, (double)by);
}

void metric_observe(struct metric *f, double v, const unsigned *at)
{
	uint64_t *c = cells_at(f, METRIC_HISTOGRAM, at);
	size_t i = 0;

	if (c == NULL || isnan(v))
		return;
	while (i < f->bound_count && v > f->bounds[i])
		i++;
	(void)__atomic_add_fetch(&c[i], 1, __ATOMIC_RELAXED);
	add_double(&c[f->bound_count + 1], v);
}

/* ---- writing ---- */

static void put_number(struct buf *b, double v)
{
	char text[40];

	if (!isfinite(v)) {
		buf_text(b, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	(void)snprintf(text, sizeof(text), "%.15g", v);
	if (strtod(text, NULL) != v)
		(void)snprintf(text, sizeof(text), "%.17g", v);
	buf_text(b, text);
}

static void put_escaped(struct buf *b, const char *s, bool quote)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			buf_text(b, "\\n");
		else if (*s == '\\')
			buf_text(b, "\\\\");
		else if (*s == '"' && quote)
			buf_text(b, "\\\"");
		else
			buf_u8(b, (uint8_t)*s);
	}
}

static void put_family(struct buf *b, enum metric_kind kind, const char *prefix, const char *name,
                       const char *help)
{
	static const char *const kinds[] = {
	        [METRIC_COUNTER] = "counter",
	        [METRIC_GAUGE] = "gauge",
	        [METRIC_HISTOGRAM] = "histogram",
	};

	buf_printf(b, "# HELP %s%s ", prefix, name);
	put_escaped(b, help, false);
	buf_printf(b, "\n# TYPE %s%s %s\n", prefix, name, kinds[kind]);
}

static void put_label(struct buf *b, bool *first, const char *name, const char *value)
{
	buf_text(b, *first ? "{" : ",");
	*first = false;
	buf_text(b, name);
	buf_text(b, "=\"");
	put_escaped(b, value, true);
	buf_u8(b, '"');
}

/* Name and labels of a series, up to the space before the value; le may be NULL. */
static void put_series(struct buf *b, const struct metric *f, size_t n, const char *suffix, const char *le)
{
	unsigned i, at[METRICS_LABELS] = {0};
	bool first = true;

	for (i = f->label_count; i > 0; i--) {
		at[i - 1] = (unsigned)(n % f->labels[i - 1].count);
		n /= f->labels[i - 1].count;
	}
	buf_text(b, f->name);
	buf_text(b, suffix);
	for (i = 0; i < f->label_count; i++)
		put_label(b, &first, f->labels[i].name, f->labels[i].values[at[i]]);
	if (le != NULL)
		put_label(b, &first, "le", le);
	buf_text(b, first ? " " : "} ");
}

static uint64_t load(const uint64_t *cell)
{
	return __atomic_load_n(cell, __ATOMIC_RELAXED);
}

static void write_histogram(struct buf *b, const struct metric *f, size_t n)
{
	const uint64_t *c = f->cells + n * f->width;
	AUTO_BUF(le, 64);
	uint64_t total = 0;
	size_t i;

	for (i = 0; i <= f->bound_count; i++)
		total += load(&c[i]);
	if (total == 0 && f->label_count > 0)
		return;
	for (i = 0, total = 0; i <= f->bound_count; i++) {
		buf_clear(&le);
		put_number(&le, i < f->bound_count ? f->bounds[i] : HUGE_VAL);
		total += load(&c[i]);
		put_series(b, f, n, "_bucket", buf_cstr(&le));
		buf_printf(b, "%llu\n", (unsigned long long)total);
	}
	put_series(b, f, n, "_sum", NULL);
	put_number(b, from_bits(load(&c[f->bound_count + 1])));
	buf_u8(b, '\n');
	put_series(b, f, n, "_count", NULL);
	buf_printf(b, "%llu\n", (unsigned long long)total);
}

static void write_series(struct buf *b, const struct metric *f, size_t n)
{
	uint64_t v = load(f->cells + n * f->width);

	if (f->kind == METRIC_HISTOGRAM) {
		write_histogram(b, f, n);
		return;
	}
	if (f->kind == METRIC_COUNTER && v == 0 && f->label_count > 0)
		return;
	put_series(b, f, n, "", NULL);
	if (f->kind == METRIC_COUNTER)
		buf_printf(b, "%llu", (unsigned long long)v);
	else
		put_number(b, from_bits(v));
	buf_u8(b, '\n');
}

void metrics_write(struct metrics *m, struct buf *out)
{
	size_t i, n;

	for (i = 0; i < m->count; i++) {
		put_family(out, m->families[i]->kind, "", m->families[i]->name, m->families[i]->help);
		for (n = 0; n < m->families[i]->series; n++)
			write_series(out, m->families[i], n);
	}
}

void metrics_family(struct buf *out, enum metric_kind kind, const char *name, const char *help)
{
	put_family(out, kind, METRICS_PREFIX, name, help);
}

void metrics_sample(struct buf *out, const char *name, double v, ...)
{
	const char *label, *value;
	bool first = true;
	va_list ap;

	buf_printf(out, METRICS_PREFIX "%s", name);
	va_start(ap, v);
	while ((label = va_arg(ap, const char *)) != NULL && (value = va_arg(ap, const char *)) != NULL)
		put_label(out, &first, label, value);
	va_end(ap);
	buf_text(out, first ? " " : "} ");
	put_number(out, v);
	buf_u8(out, '\n');
}
