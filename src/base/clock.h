#ifndef YD_BASE_CLOCK_H
#define YD_BASE_CLOCK_H
/* The one source of today's date (design.md 5).  Business time may be simulated through DIR/clock,
 * a mapped page made only with --test-clock; TLS uses real time, timers are monotonic. */
#include "base/rc.h"
#include <stdint.h>

enum clock_mode { CLOCK_REAL, CLOCK_OFFSET, CLOCK_FIXED };

RC clock_create(const char *path);                          /* mode real, offset 0 */
/* Maps the page; a missing file means real time. */
RC clock_open(const char *path);
bool clock_is_simulated(void);
int64_t clock_now(void);                                    /* business time, seconds */
int64_t clock_real(void);
uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
uint32_t clock_generation(void);                            /* rises with each set or step */
RC clock_set(const char *path, int64_t time);               /* offset such that now = time, runs on */
RC clock_step(const char *path, int64_t seconds);

#endif
