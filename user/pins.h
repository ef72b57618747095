/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pins - the directory in bpffs that a node's maps are pinned in
 *
 * One process holds a directory, by flock: the lock ends with the process, pins do not, so whoever
 * gets the lock may remove what it finds. Without a bpffs there are no pins, and the node does
 * without.
 *
 * Pins are removed by way of open folders, since a node that has dropped its privileges may have no
 * way to them by name. The directory belongs to it and those above to root, so that of a node with
 * --user the empty directory stays.
 */
#ifndef MEV_PINS_H
#define MEV_PINS_H

#include <bpf/libbpf.h>
#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define PINS_ROOT "/sys/fs/bpf/mevnode"

struct pins {
	char dir[PATH_MAX - 64];
	int lock_fd;   /* of dir; -1: no pins */
	int parent_fd; /* of the folder that dir is in */
};

/*
 * Creates `dir` if need be, locks it, clears it of the pins that a killed node left, and lets libbpf
 * pin the maps of `obj`, not loaded yet, there. 0; -EBUSY: another process holds it; or another
 * -errno; all logged. Where `dir` is not in a bpffs: 0, said, and pins_held() is false.
 */
int pins_take(struct pins *p, const char *dir, struct bpf_object *obj);

/* Locks a directory that is there, with the pins of a loader in it. 0 or -errno, logged. */
int pins_hold(struct pins *p, const char *dir);

/* Where the maps of a node on `ifname` are pinned: a bpffs takes no dots in names (eth0.100). */
void pins_default_dir(const char *ifname, char *out, size_t len);

/* The id of the map pinned as DIR/NAME; 0: there is none, or it may not be looked at. */
__u32 pins_map_id(const char *dir, const char *name);

/* Whether `dir`, or the nearest existing folder above it, lies in a bpffs. */
bool pins_in_bpffs(const char *dir);

static inline bool pins_held(const struct pins *p)
{
	return p->lock_fd >= 0;
}

/* Writes the path of the pin `name` to out. */
void pins_path(const struct pins *p, const char *name, char *out, size_t len);

/* Removes the pins of obj's maps, if the directory is held; returns how many there were. */
int pins_remove(const struct pins *p, const struct bpf_object *obj);

/* Removes the directory, if it is empty, and lets go of it. Accepts one that is not held. */
void pins_close(struct pins *p);

#endif /* MEV_PINS_H */
