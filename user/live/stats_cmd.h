/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stats_cmd - `mevnode stats`: the counters of a running node, or of maps that none serves
 */
#ifndef MEV_STATS_CMD_H
#define MEV_STATS_CMD_H

/* Runs the subcommand; argv[0] is "stats". Returns the exit code. */
int stats_main(int argc, char **argv);

#endif /* MEV_STATS_CMD_H */
