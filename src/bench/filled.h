#ifndef YD_BENCH_FILLED_H
#define YD_BENCH_FILLED_H
/* A status store with many certificates that nobody issued. */
#include "base/rc.h"

#include <stddef.h>
#include <stdint.h>

#define FILLED_SERIAL 16
/* Of the i-th of n: they rise with i, and look random. */
void filled_serial(size_t i, size_t n, uint8_t ret[FILLED_SERIAL]);
/* Into the store of the stopped platform in that folder; those that are there stay. */
RC filled_status(const char *data, size_t n);

#endif
