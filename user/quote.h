/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quote - the economics on the command line: `mevnode quote`, no network
 *
 * One decision from options, or one a row of a CSV file. Single-threaded; owns its buffers for the
 * length of the call; reports through log and its exit code only.
 */
#ifndef MEV_QUOTE_H
#define MEV_QUOTE_H

/*
 * Runs the subcommand; argv[0] is "quote". Returns the exit code: 0 done, 1 failed to read or
 * write, 2 wrong usage or input.
 */
int quote_main(int argc, char **argv);

#endif /* MEV_QUOTE_H */
