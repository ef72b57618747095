/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - the maps of mev_filter
 *
 * All of them are typed (bpftool prints fields) and pinned by name, so that xdp-loader and
 * ip link, which know nothing of mevnode, leave them where a node can adopt them.
 * Sizes are fixed here: room that no pool uses costs 8 MiB once, and lets bpftool add pools.
 */
#ifndef MEV_MAPS_H
#define MEV_MAPS_H

#include "latency_hist.h"
#include "maps_abi.h"
#include "pool.h"
#include "verdict.h"

/* RX queue -> AF_XDP socket. Empty while no node runs: candidates then go to the kernel. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, MEV_MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} mev_xsks SEC(".maps");

/* One entry; changes take effect with the next frame. Mapped by the worker. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mev_config);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} mev_config SEC(".maps");

/*
 * One entry a CPU with a named field a verdict. The kernel lets arrays have integer keys only
 * (array_map_check_btf), and a hash keyed by the enum would cost a second lookup on every frame:
 * so the names are in the value.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mev_counters);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} mev_verdicts SEC(".maps");

/* Pool address -> slot in mev_pools. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MEV_MAX_POOLS);
	__type(key, struct mev_address);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} mev_pool_index SEC(".maps");

/* Pool state, a cache line each, shared with userspace by mmap: pool.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MEV_MAX_POOLS);
	__type(key, __u32);
	__type(value, struct mev_pool);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} mev_pools SEC(".maps");

/*
 * Counters of each pool. A CPU has its own, so that queues that carry the same busy pool do not
 * share a cache line; userspace sizes the map to its pools before it loads. A pool beyond the end
 * goes uncounted here, never in mev_verdicts.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct mev_pool_counters);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} mev_pool_stats SEC(".maps");

/* How long the program's own answers took, ns from candidate to reply written: engine.h. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct latency_hist);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} mev_decision_ns SEC(".maps");

/* Sources whose updates are believed, where MEV_FEED_RESTRICTED is set. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MEV_MAX_FEEDS);
	__type(key, struct mev_feed_key);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} mev_feed_allow SEC(".maps");

#endif /* MEV_MAPS_H */
