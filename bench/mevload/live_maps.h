/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_maps - maps of a program that somebody else has loaded, and per-CPU counters
 */
#ifndef MEVLOAD_LIVE_MAPS_H
#define MEVLOAD_LIVE_MAPS_H

#include <bpf/libbpf.h>
#include <linux/types.h>

/* The map of that name which a program uses: fd or -errno (-ENOENT: there is none). */
int live_maps_find(int prog_fd, const char *name);

/* Lets every map of an object that is not loaded yet be the one of that name that a program uses. 0
 * or -errno, logged. */
int live_maps_reuse(struct bpf_object *object, int prog_fd);

/* Entry 0 of a per-CPU array of 64-bit counters, summed: `size` bytes. 0 or -errno. */
int live_maps_sum(int map_fd, void *sum, __u32 size);

#endif /* MEVLOAD_LIVE_MAPS_H */
