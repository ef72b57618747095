/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sandbox - the syscalls that a node at work may make, each with its reason (libseccomp)
 *
 * All others end the process with one line that names the call: what hangs on the process, the
 * XDP program above all, goes with it. Called by the main thread, once, when everything is set up;
 * holds for all threads, which must be at work: one that is still being created does not survive it.
 */
#ifndef MEV_SANDBOX_H
#define MEV_SANDBOX_H

/* What a process is to do then. */
enum sandbox_task {
	SANDBOX_NODE = 1,    /* it serves, reloads, sums up, cleans up */
	SANDBOX_METRICS = 2, /* it answers scrapers */
	SANDBOX_BROKER = 4,  /* it opens the configuration file for the node */
};

/*
 * Before any thread starts. glibc's heaps of threads open files in /sys and /proc to find out how
 * many there may be and whether they may shrink: all threads share the one heap that does not.
 */
void sandbox_prepare(void);

/* `tasks`: of the above, or-ed. 0 or -errno, logged. There is no way back. */
int sandbox_enter(unsigned int tasks);

#endif /* MEV_SANDBOX_H */
