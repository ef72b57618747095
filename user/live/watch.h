/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * watch - `mevnode stats --watch`: what changes from second to second
 *
 * A view that fills the terminal, or, where stdout is none, a line a second. Ends with q, ^C, the
 * node, or its reader. One thread.
 */
#ifndef MEV_WATCH_H
#define MEV_WATCH_H

#include "source.h"

/* `json`: an object a second, a line each, on terminals too. */
enum exit_code watch_run(struct source *s, bool json);

#endif /* MEV_WATCH_H */
