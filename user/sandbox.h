/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sandbox - the syscalls that a node at work may make, each with its reason (libseccomp)
 *
 * All others end the process with one line that names the call: what hangs on the process, the
 * XDP program above all, goes with it. Called by the main thread, once, when everything is set up;
 * holds for all threads.
 */
#ifndef MEV_SANDBOX_H
#define MEV_SANDBOX_H

/* 0 or -errno, logged. There is no way back. */
int sandbox_enter(void);

#endif /* MEV_SANDBOX_H */
