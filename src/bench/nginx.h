#ifndef YD_BENCH_NGINX_H
#define YD_BENCH_NGINX_H
/* nginx with one worker on one processor, serving one static file: what kept answers are held beside. */
#include "base/auto.h"
#include "bench/load.h"

struct nginx;
/* RC_NOTFOUND when it is not installed.  size: of the file. */
RC nginx_start(const char *dir, size_t size, int cpu, struct nginx **ret);
void nginx_stop(struct nginx *n); /* NULL is fine */
DROP(nginx, nginx_stop);
/* "nginx 1.22.1" */
const char *nginx_name(const struct nginx *n);
double nginx_spent(const struct nginx *n); /* processor time, seconds */
RC nginx_load(const struct nginx *n, size_t connections, double window, struct load_result *ret);

#endif
