// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "backend.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "quiesce.h"

enum exit_code backend_exit_code(int err)
{
	switch (err) {
	case 0:
		return EXIT_DONE;
	case -EPERM:
	case -EACCES:
	case -EOPNOTSUPP:
	case -ENOSYS:
	case -EAFNOSUPPORT:
		return EXIT_HOST;
	default:
		return EXIT_FAILED;
	}
}

void backend_warn_unsettled(void)
{
	log_warn(
		"a worker has not finished a turn for %llu s: memory and slots of the old pools stay "
		"taken",
		QUIESCE_NS / 1000000000);
}

static enum mev_verdict decide_record(void *backend, const struct dex_swap_tx *tx,
				      struct swap_reply *reply)
{
	const struct backend *b = backend;
	__u32 slot;

	return hot_path_record(__atomic_load_n(&b->hot_path, __ATOMIC_ACQUIRE), tx, reply, &slot);
}

int backend_open_stack(struct stack **out, const struct backend_env *env, struct backend *b,
		       const struct netif *netif, const __u8 mac[6], struct stack_link link)
{
	struct stack_config c = {
		.ip = env->options->own_ip,
		.prefix_len = env->options->own_prefix_len,
		.mtu = netif->mtu,
		.swap_port = b->hot_path->config->swap_port,
		.link = link,
		.decide = decide_record,
		.decide_ctx = b,
	};

	if (netif->mtu < STACK_MTU_MIN || netif->mtu > STACK_MTU_MAX) {
		log_err("%s has an MTU of %u, the node's own stack needs %d to %d: `ip link set %s mtu "
			"1500`, or no --own-ip",
			netif->name, netif->mtu, STACK_MTU_MIN, STACK_MTU_MAX, netif->name);
		return -EOPNOTSUPP;
	}
	memcpy(c.mac, mac, sizeof(c.mac));
	return stack_open(out, &c);
}
