/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tap - a TAP device: Ethernet frames to and from the kernel by read(2) and write(2)
 *
 * What the kernel sends out of the interface is read here, what is written here the kernel
 * receives; one frame a call, without any header in front (IFF_NO_PI). A device that tap_open()
 * created goes away with its last descriptor; one that was made persistent beforehand
 * (`ip tuntap add`, scripts/setup_tap.sh) stays, and may be opened by its owner without root.
 * Called by the main thread. The descriptors are the caller's, a worker's each.
 */
#ifndef MEV_TAP_H
#define MEV_TAP_H

#include <linux/types.h>
#include <stdbool.h>

/* Frames that may wait to be read, in each queue; ifconfig calls it txqueuelen. */
#define TAP_QUEUE_LEN 10000

/* Whether an interface of that name is there: one that tap_open() would not have to create. */
bool tap_exists(const char *name);

/*
 * Opens TAP device `name`, and creates it if there is none. *fd: non-blocking, close-on-exec. With
 * `multi_queue` each further call opens another queue of the device; without it there is one.
 * 0 or -errno, logged with a remedy:
 *   -ENOENT, -ENODEV  no /dev/net/tun
 *   -EPERM, -EACCES   neither CAP_NET_ADMIN nor a persistent device of this user's
 *   -EBUSY            somebody else holds it
 *   -EINVAL           not a TAP device, or made with(out) multi_queue, or a bad name
 */
int tap_open(const char *name, bool multi_queue, int *fd);

/*
 * Sets the link up and gives the kernel's side of the device the address `addr`/`prefix_len`, if
 * it has none yet; another one it has is left alone and logged. 0 or -errno, logged.
 */
int tap_host_address(const char *name, __be32 addr, __u8 prefix_len);

#endif /* MEV_TAP_H */
