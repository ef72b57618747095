/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cores - `mevload cores`: how long a cache line takes from one CPU to another and back
 */
#ifndef MEVLOAD_CORES_H
#define MEVLOAD_CORES_H

/* argv[0] is "cores". Returns an exit code (exit_code.h). */
int cores_main(int argc, char **argv);

#endif /* MEVLOAD_CORES_H */
