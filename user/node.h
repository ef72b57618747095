/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * node - `mevnode run`: build up, serve, tear down in reverse
 *
 *	up:    configuration, interface, program and maps, sockets with full rings, workers, attach
 *	down:  detach, let the workers drain, close sockets, unpin
 */
#ifndef MEV_NODE_H
#define MEV_NODE_H

#include "options.h"

/* Returns the exit code. What went wrong has been logged. */
enum exit_code node_run(const struct run_options *o);

#endif /* MEV_NODE_H */
