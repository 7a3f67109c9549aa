#ifndef YD_BASE_SM3_CORE_H
#define YD_BASE_SM3_CORE_H
/* The SM3 compression function (GB/T 32905-2016, 5.3): base/ needs it for its random generator and
 * knows nothing of the folders above it. */
#include <stddef.h>
#include <stdint.h>

#define SM3_CORE_IV { \
	0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e }

/* The best this CPU runs. */
void sm3_core(uint32_t h[8], const uint8_t *blocks, size_t n);

/* Each by itself, for who chooses (sm/cpu.h): in C; with BMI2 and AVX2, where there is such code. */
void sm3_core_portable(uint32_t h[8], const uint8_t *blocks, size_t n);
void sm3_core_x86_64(uint32_t h[8], const uint8_t *blocks, size_t n);

#endif
