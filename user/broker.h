/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * broker - a child process that opens the configuration file for a node that may open none
 *
 * The path must be opened anew each time, since editors put another file in its place; so a
 * descriptor held from the start would not do. The broker does this and nothing else: it takes no
 * argument, opens the one path it was started with, for reading, and hands the descriptor over. It
 * has no capability and a sandbox of its own, and ends with the node. One a process; main thread.
 */
#ifndef MEV_BROKER_H
#define MEV_BROKER_H

/* Starts it, before there are other threads. 0 or -errno, logged. */
int broker_start(const char *path);

/*
 * An open descriptor of the file, the caller's, or -errno, not logged. -EPIPE, -ECONNRESET: the
 * process has ended, and said why.
 */
int broker_open_config(void);

/* Lets it end. Accepts one that was not started. */
void broker_stop(void);

#endif /* MEV_BROKER_H */
