// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xdp_pass - for the far end of a veth: a program that passes everything
 *
 * A veth hands over what a program sends (XDP_TX) only if there is a program on its peer, too:
 * veth_xdp_flush() in drivers/net/veth.c.
 *	ip link set dev PEER xdpdrv obj xdp_pass.bpf.o sec xdp
 */
#include "compiler.h"

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("xdp")
int xdp_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
