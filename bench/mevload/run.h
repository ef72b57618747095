/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * run - `mevload run`: send, receive, report
 */
#ifndef MEVLOAD_RUN_H
#define MEVLOAD_RUN_H

/* argv[0] is "run". Returns an exit code (exit_code.h). */
int run_main(int argc, char **argv);

#endif /* MEVLOAD_RUN_H */
