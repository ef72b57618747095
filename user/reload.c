// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "reload.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker.h"
#include "log.h"
#include "sandwich.h"

/* What has changed, as a list in words; longer ones are cut. */
struct list {
	char text[512];
	size_t len;
};

static void list_add(struct list *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void list_add(struct list *l, const char *fmt, ...)
{
	size_t room = sizeof(l->text) - l->len;
	va_list ap;
	int n;

	if (room < sizeof(", "))
		return;
	n = snprintf(l->text + l->len, room, "%s", l->len ? ", " : "");
	va_start(ap, fmt);
	n += vsnprintf(l->text + l->len + n, room - (size_t)n, fmt, ap);
	va_end(ap);
	l->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void list_number(struct list *l, const char *name, __u64 from, __u64 to)
{
	if (from != to)
		list_add(l, "%s %llu -> %llu", name, (unsigned long long)from,
			 (unsigned long long)to);
}

static const char *strategy(__u32 s)
{
	return s == SANDWICH_FIXED ? "fixed" : "optimal";
}

static bool same_feeds(const struct config *a, const struct config *b)
{
	return a->feed_cnt == b->feed_cnt &&
	       (!a->feed_cnt || !memcmp(a->feeds, b->feeds, a->feed_cnt * sizeof(a->feeds[0])));
}

/* "3 pools added, 1 removed" */
static void list_pools(struct list *l, __u32 cnt, const char *what)
{
	if (cnt)
		list_add(l, "%u%s %s", cnt, l->len ? "" : cnt == 1 ? " pool" : " pools", what);
}

static void list_feeds(struct list *l, __u32 cnt)
{
	if (cnt)
		list_add(l, "%u network%s allowed to feed", cnt, cnt == 1 ? "" : "s");
	else
		list_add(l, "anybody allowed to feed");
}

static void list_rest(struct list *l, const struct config *from, const struct config *to)
{
	const struct mev_config *a = &from->node, *b = &to->node;

	list_number(l, "swap_port", a->swap_port, b->swap_port);
	list_number(l, "update_port", a->update_port, b->update_port);
	list_number(l, "min_amount_in", a->min_amount_in, b->min_amount_in);
	list_number(l, "min_profit", a->min_profit, b->min_profit);
	if (a->strategy != b->strategy)
		list_add(l, "strategy %s -> %s", strategy(a->strategy), strategy(b->strategy));
	list_number(l, "capital", a->capital, b->capital);
	if (!same_feeds(from, to))
		list_feeds(l, to->feed_cnt);
}

static void tell(const char *path, const struct config *from, const struct config *to,
		 const struct pool_change *c)
{
	struct list l = { .len = 0 };

	list_pools(&l, c->came_cnt, "added");
	list_pools(&l, c->leaving_cnt, "removed");
	list_pools(&l, c->changed, "changed");
	list_rest(&l, from, to);
	log_info("reloaded %s: %s", path, l.len ? l.text : "nothing changed");
	if (c->homeless)
		log_err("%u pools of %s have no slot until those of pools that left are free: "
			"reload again",
			c->homeless, path);
}

static void fail(const char *path, int err)
{
	log_err("cannot reload %s: %s%s; the node goes on as it was", path, strerror(-err),
		err == -EPERM ? ", since Linux before 5.19 keeps a node without CAP_BPF from its "
				"maps: restart it" :
				"");
}

bool reload_run(struct backend *b, struct config *config, const char *path)
{
	struct pool_change change = { 0 };
	struct config to;
	int err;

	if (!path) {
		log_warn("SIGHUP: there is nothing to reload, since no --config was given");
		return false;
	}
	if (config_load_fd(&to, broker_open_config(), path, "the node goes on as it was"))
		return false;
	err = b->ops->reload(b, &to, &change);
	if (err) {
		fail(path, err);
		config_free(&to);
	} else {
		tell(path, config, &to, &change);
		config_free(config);
		*config = to;
	}
	pool_change_free(&change);
	return !err;
}
