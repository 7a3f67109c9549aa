#ifndef YD_CA_ERASE_H
#define YD_CA_ERASE_H
/* Erasing what the vault disposed of (R24.10). */
#include "ca/ca.h"
#include "instance/disposed.h"

struct rc ca_erase_run(void *in, int64_t due);
struct disposed_eraser ca_eraser(void);
/* Of the request with that key; nothing when there is none. */
RC ca_store_erase(struct db *db, const uint8_t key[32]);

#endif
