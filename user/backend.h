/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * backend - where frames come from and replies go to: AF_XDP, or a TAP device
 *
 * node.c builds one up, waits, and tears it down in reverse; it knows no socket. All calls come
 * from the main thread. What went wrong has been logged when a call returns.
 */
#ifndef MEV_BACKEND_H
#define MEV_BACKEND_H

#include <net/if.h>

#include "config.h"
#include "hot_path.h"
#include "netif.h"
#include "options.h"
#include "pool_set.h"
#include "stack.h"
#include "stats.h"
#include "worker.h"

/* What every back end is given; outlives it. */
struct backend_env {
	const struct run_options *options;
	const struct config *config;
	struct worker_control *control;
};

struct backend_ops;

/* The part of an opened back end that node.c looks at; each embeds it as its first member. */
struct backend {
	const struct backend_ops *ops;
	const char *mode; /* for the ready line: zerocopy, copy, skb or tap; known once started */
	char interface[IF_NAMESIZE];
	__u32 ifindex;
	__u32 queues[MEV_MAX_QUEUES];
	__u32 queue_cnt;
	struct pool_set pools;
	const struct hot_path *hot_path; /* what the stack decides by; may be replaced */
	__u32 map_id;                    /* of the filter's mev_config; 0: none */
	__u32 prog_id;           /* what must stay on the interface; 0: nothing, or unknown */
	bool prog_is_dispatcher; /* libxdp's, which calls the filter, and may be exchanged */
};

struct backend_ops {
	const char *name;
	/* Everything short of taking traffic. EXIT_HOST: this host or interface cannot. */
	enum exit_code (*open)(struct backend **out, const struct backend_env *env);
	/* Traffic comes when it returns EXIT_DONE. */
	enum exit_code (*start)(struct backend *b);
	/* No traffic comes when it returns; what had come is answered and the workers have ended. */
	void (*stop)(struct backend *b);
	/*
	 * Follows another configuration while traffic flows; *change, which the caller frees, says
	 * what became of the pools. Keeps nothing of `to`. Or -errno, not logged: nothing changed.
	 */
	int (*reload)(struct backend *b, const struct config *to, struct pool_change *change);
	/* The worker of b->queues[i]. */
	struct worker *(*worker)(struct backend *b, __u32 i);
	/*
	 * Adds up what has been counted (`parts` of stats.h) into what stats_clear() has cleared; at
	 * any time between start and close, with STATS_FINAL after stop. 0 or -errno: the filter's
	 * counters cannot be read, all others have been.
	 */
	int (*collect)(struct backend *b, struct stats *s, unsigned int parts);
	/* Replies that no worker has given. NULL: there are none. */
	__u64 (*driver_replies)(struct backend *b);
	/* Accepts one that was not started. */
	void (*close)(struct backend *b);
};

extern const struct backend_ops backend_af_xdp;
extern const struct backend_ops backend_tap;

/* After a reload that a worker did not live to see: what it may still use is not freed. */
void backend_warn_unsettled(void);

/* The exit code for a failure of the host's making. */
enum exit_code backend_exit_code(int err);

/*
 * Opens the TCP/UDP stack for --own-ip on a link; its records are judged and decided by
 * b->hot_path. 0 or -errno, logged.
 */
int backend_open_stack(struct stack **out, const struct backend_env *env, struct backend *b,
		       const struct netif *netif, const __u8 mac[6], struct stack_link link);

#endif /* MEV_BACKEND_H */
