#ifndef YD_RA_ERASE_H
#define YD_RA_ERASE_H
/* Erasing what the vault disposed of (R24.10). */
#include "instance/disposed.h"
#include "ra/ra.h"

struct rc ra_erase_run(void *in, int64_t due);
struct disposed_eraser ra_eraser(struct ra *ra);
/* Of the application with that hash; nothing when there is none. */
RC ra_store_erase(struct db *db, const uint8_t application[32]);

#endif
