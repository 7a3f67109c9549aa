#include "http/exchange.h"
#include "base/clock.h"

#define PATHS_MAX (HTTP_LISTENERS_MAX * HTTP_ROUTES_MAX)

static const char *const codes[] = {
        "200", "201", "202", "204", "304", "400", "401", "403", "404", "405",   "408",
        "409", "413", "414", "415", "417", "431", "500", "503", "505", "other", NULL,
};
static const char *const methods[] = {"GET",    "HEAD",    "POST",  "PUT", "PATCH",
                                      "DELETE", "OPTIONS", "other", NULL};
static const double bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30};

/* The same path on several listeners, or with several methods, is one label. */
static unsigned path_label(const char **paths, const char *path)
{
	unsigned i = 0;

	while (paths[i] != NULL && strcmp(paths[i], path) != 0)
		i++;
	paths[i] = path;
	return i;
}

static RC add_requests(struct http_server *s, const char *const *paths)
{
	struct metrics *m = s->config.metrics;

	TRY(metrics_add(
	        m,
	        &(struct metric_spec){.name = "http_requests_total",
	                              .help = "Answered requests",
	                              .labels = {{"route", paths}, {"method", methods}, {"code", codes}}},
	        &s->numbers.requests));
	return metrics_add(m,
	                   &(struct metric_spec){.kind = METRIC_HISTOGRAM,
	                                         .name = "http_request_duration_seconds",
	                                         .help = "From the end of the request's head to its answer",
	                                         .labels = {{"route", paths}},
	                                         .bounds = bounds,
	                                         .bound_count = sizeof(bounds) / sizeof(bounds[0])},
	                   &s->numbers.seconds);
}

static RC add_connections(struct http_server *s)
{
	static const char *const reasons[] = {"connections", "handshake", NULL};
	const char *listeners[HTTP_LISTENERS_MAX + 1] = {NULL};
	struct metrics *m = s->config.metrics;
	unsigned i;

	for (i = 0; i < s->port_count; i++)
		listeners[i] = s->ports[i]->spec.name;
	TRY(metrics_add(m,
	                &(struct metric_spec){.kind = METRIC_GAUGE,
	                                      .name = "http_connections",
	                                      .help = "Open connections",
	                                      .labels = {{"listener", listeners}}},
	                &s->numbers.connections));
	TRY(metrics_add(m,
	                &(struct metric_spec){.name = "http_connections_total",
	                                      .help = "Connections opened",
	                                      .labels = {{"listener", listeners}}},
	                &s->numbers.accepted));
	return metrics_add(
	        m,
	        &(struct metric_spec){.name = "http_connections_refused_total",
	                              .help = "Connections over the limit or with a failed handshake",
	                              .labels = {{"listener", listeners}, {"reason", reasons}}},
	        &s->numbers.refused);
}

RC numbers_add(struct http_server *s)
{
	const char *paths[PATHS_MAX + 2] = {"other", NULL};
	unsigned i;
	size_t k;

	if (s->config.metrics == NULL || s->port_count == 0)
		return OK;
	for (i = 0; i < s->port_count; i++)
		for (k = 0; k < s->ports[i]->spec.route_count; k++)
			s->ports[i]->labels[k] = path_label(paths, s->ports[i]->spec.routes[k].path);
	TRY(add_requests(s, paths));
	return add_connections(s);
}

static unsigned code_label(unsigned status)
{
	unsigned i = 0;

	while (codes[i + 1] != NULL &&
	       (unsigned)((codes[i][0] - '0') * 100 + (codes[i][1] - '0') * 10 + codes[i][2] - '0') != status)
		i++;
	return i;
}

void numbers_request(const struct exchange *x)
{
	const struct http_numbers *n = &x->loop->server->numbers;
	unsigned at[3] = {0};

	if (n->requests == NULL)
		return;
	if (x->route != NULL)
		at[0] = x->port->labels[x->route - x->port->spec.routes];
	at[1] = x->head.head_only ? HEAD : (unsigned)x->head.method;
	at[2] = code_label(x->response.status);
	metric_count(n->requests, 1, at);
	metric_observe(n->seconds, (double)(clock_mono_us() - x->started_us) / 1e6, at);
}
