/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * peer_options - the command line of mevpeer
 */
#ifndef MEVPEER_PEER_OPTIONS_H
#define MEVPEER_PEER_OPTIONS_H

#include "peer.h"

/*
 * Fills *out and *which, one of peers[cnt]. Returns -1 to go on, or an exit code: help was asked
 * for, or something was wrong, and logged.
 */
int peer_options(int argc, char **argv, const struct peer_ops *const peers[], size_t cnt,
		 struct peer_options *out, const struct peer_ops **which);

#endif /* MEVPEER_PEER_OPTIONS_H */
