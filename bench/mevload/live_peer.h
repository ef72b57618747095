/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_peer - where frames that are sent back arrive, in whatever network namespace
 */
#ifndef MEVLOAD_LIVE_PEER_H
#define MEVLOAD_LIVE_PEER_H

/*
 * Attaches a program to an interface of the namespace whose file is `netns` (NULL: this one's). The
 * thread is back in its own afterwards. fd of the BPF link or -errno, logged.
 */
int live_peer_attach(const char *netns, const char *interface, int prog_fd);

#endif /* MEVLOAD_LIVE_PEER_H */
