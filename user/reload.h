/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reload - SIGHUP: the configuration file again, under traffic
 *
 * What is wrong with the file is said, and then nothing changes. Main thread.
 */
#ifndef MEV_RELOAD_H
#define MEV_RELOAD_H

#include "backend.h"

/*
 * Reads the file at `path` by way of the broker and has the back end follow it; *config is then
 * what it says. One line tells what has changed, or why nothing has. `path` may be NULL: the node
 * was started without a file. Whether the node goes by the file now.
 */
bool reload_run(struct backend *b, struct config *config, const char *path);

#endif /* MEV_RELOAD_H */
