/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * process - where it runs, and who may end it early
 */
#ifndef MEVLOAD_PROCESS_H
#define MEVLOAD_PROCESS_H

#include <linux/types.h>

#define PROCESS_NO_CPU (~0U)

/* Set by SIGINT and SIGTERM, once they are caught: end, with results so far. */
extern volatile int process_stop;

void process_catch_signals(void);

/* Pins the thread, unless to PROCESS_NO_CPU. 0 or -errno, logged. */
int process_pin(__u32 cpu);

#endif /* MEVLOAD_PROCESS_H */
