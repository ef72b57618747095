// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Somebody else's XDP program: counts what it gets to see, and passes it. libxdp's default priority. */
#include "compiler.h"

char _license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bystander_seen SEC(".maps");

SEC("xdp")
int bystander(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *seen = bpf_map_lookup_elem(&bystander_seen, &zero);

	(void)ctx;
	if (seen)
		__sync_fetch_and_add(seen, 1);
	return XDP_PASS;
}
