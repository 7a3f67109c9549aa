#ifndef YD_SANDBOX_LANDLOCK_H
#define YD_SANDBOX_LANDLOCK_H
/* The Landlock system calls (Linux 5.13 and later); Debian 12's header knows ABI 2 only. */
#include "sandbox/sandbox.h"

/* 0 when the kernel has none. */
int landlock_abi(void);
RC landlock_enter(const struct sandbox *s, int abi);

#endif
