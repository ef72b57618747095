/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * notify - what a service manager is told: ready, reloading, stopping, alive
 *
 * The protocol of sd_notify(3): a datagram of NAME=VALUE lines to the socket that NOTIFY_SOCKET
 * names. Where it names none, all of this does nothing. One a process; main thread.
 *
 * The watchdog (WATCHDOG_USEC) is a sign of life of the workers, not of this thread alone: no ping
 * goes out while one of them is within a turn that it does not finish.
 */
#ifndef MEV_NOTIFY_H
#define MEV_NOTIFY_H

#include <stdbool.h>

#include "backend.h"
#include "events.h"

/* Opens socket and timer, while the process may. What is wrong with the environment is warned of. */
void notify_open(void);
void notify_close(void);

/* Traffic is served from here on, again after notify_reloading(); `reloaded`: by what is now known. */
void notify_ready(struct backend *b, bool reloaded);
void notify_reloading(void);
void notify_stopping(void);

/* Pings as often as the manager has asked for, from a timer in *e. 0 or -errno, logged. */
int notify_watchdog(struct events *e, struct backend *b);

#endif /* MEV_NOTIFY_H */
