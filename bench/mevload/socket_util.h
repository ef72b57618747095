/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * socket_util - what the UDP and the TCP transport have in common
 */
#ifndef MEVLOAD_SOCKET_UTIL_H
#define MEVLOAD_SOCKET_UTIL_H

#include "transport.h"

/*
 * A socket of `type` (SOCK_DGRAM, SOCK_STREAM) from one end to the other, connected, non-blocking.
 * fd or -errno, logged.
 */
int socket_open(const struct transport_config *c, int type);

/* Datagrams that the kernel dropped for want of room in the socket's buffer. */
__u64 socket_drops(int fd);

#endif /* MEVLOAD_SOCKET_UTIL_H */
