/* server/memory_int.h - how much memory this process may use. */
#ifndef SERVER_MEMORY_INT_H
#define SERVER_MEMORY_INT_H

#include "base/compiler.h"

/* The smallest of physical memory, the cgroup's limit and the address space limit, in bytes. */
uint64_t memory_limit_bytes(void);

#endif
