/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live - `mevload live`: the capacity of XDP programs, on frames made in the kernel
 */
#ifndef MEVLOAD_LIVE_H
#define MEVLOAD_LIVE_H

/* argv[0] is "live". Returns an exit code (exit_code.h). */
int live_main(int argc, char **argv);

#endif /* MEVLOAD_LIVE_H */
