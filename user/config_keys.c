// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "log.h"
#include "parse.h"
#include "sandwich.h"

void config_complain(struct config_reader *r, int at, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	if (r->failed)
		return;
	r->failed = true;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	log_err("%s:%d: %s%s%s", r->path, at, what, r->consequence ? "; " : "",
		r->consequence ? r->consequence : "");
}

/* Values: 0 and *out, or a complaint. */

static void take_u64(struct config_reader *r, const char *key, const char *value, __u64 min,
		     __u64 max, __u64 *out)
{
	if (parse_u64(value, min, max, out))
		config_complain(r, r->line, "%s = %s: want a whole number from %llu to %llu", key,
				value, (unsigned long long)min, (unsigned long long)max);
}

static void take_port(struct config_reader *r, const char *key, const char *value, __u16 *out)
{
	__u64 port = 0;

	take_u64(r, key, value, 1, 65535, &port);
	*out = (__u16)port;
}

static void take_strategy(struct config_reader *r, const char *value, __u32 *out)
{
	if (!strcmp(value, "optimal"))
		*out = SANDWICH_OPTIMAL;
	else if (!strcmp(value, "fixed"))
		*out = SANDWICH_FIXED;
	else
		config_complain(r, r->line, "strategy = %s: want optimal or fixed", value);
}

static struct config_pool *last_pool(struct config_reader *r)
{
	return &r->config->pools[r->config->pool_cnt - 1];
}

static void take_fee(struct config_reader *r, const char *value)
{
	struct config_pool *pool = last_pool(r);

	if (parse_fee(value, &pool->fee_n, &pool->fee_d))
		config_complain(
			r, r->line,
			"fee = %s: want NUM/DEN with NUM < DEN <= 1000000, for instance 3/1000",
			value);
}

static void take_allow(struct config_reader *r, const char *value)
{
	struct config *c = r->config;
	char list[256], *rest = list, *item;

	if (!c->feeds)
		c->feeds = calloc(MEV_MAX_FEEDS, sizeof(*c->feeds));
	if (!c->feeds) {
		config_complain(r, r->line, "out of memory");
		return;
	}
	snprintf(list, sizeof(list), "%s", value);
	while ((item = strsep(&rest, ", \t"))) {
		struct mev_feed_key *feed = &c->feeds[c->feed_cnt];
		int err;

		if (!*item)
			continue;
		if (c->feed_cnt == MEV_MAX_FEEDS) {
			config_complain(r, r->line, "more than %d sources: join some",
					MEV_MAX_FEEDS);
			return;
		}
		err = parse_network(item, &feed->prefix_len, (__u8 *)feed->addr);
		if (err) {
			config_complain(r, r->line, "allow: %s is no network%s", item,
					err == -ERANGE ? ": bits are set behind its prefix" :
							 " such as 10.1.0.0/16 or 2001:db8::/32");
			return;
		}
		c->feed_cnt++;
	}
	if (c->feed_cnt)
		c->node.flags |= MEV_FEED_RESTRICTED;
}

/* Keys, in the order in which keys_seen has their bits. */
enum key {
	KEY_SWAP_PORT,
	KEY_UPDATE_PORT,
	KEY_MIN_AMOUNT_IN,
	KEY_MIN_PROFIT,
	KEY_ALLOW,
	KEY_STRATEGY,
	KEY_CAPITAL,
	KEY_FEE,
	KEY_RESERVE0,
	KEY_RESERVE1,
	KEY_CNT,
};

static const struct {
	enum section section;
	const char *name;
} keys[KEY_CNT] = {
	[KEY_SWAP_PORT] = { SECTION_NODE, "swap_port" },
	[KEY_UPDATE_PORT] = { SECTION_NODE, "update_port" },
	[KEY_MIN_AMOUNT_IN] = { SECTION_NODE, "min_amount_in" },
	[KEY_MIN_PROFIT] = { SECTION_NODE, "min_profit" },
	[KEY_ALLOW] = { SECTION_FEED, "allow" },
	[KEY_STRATEGY] = { SECTION_FRONT_RUN, "strategy" },
	[KEY_CAPITAL] = { SECTION_FRONT_RUN, "capital" },
	[KEY_FEE] = { SECTION_POOL, "fee" },
	[KEY_RESERVE0] = { SECTION_POOL, "reserve0" },
	[KEY_RESERVE1] = { SECTION_POOL, "reserve1" },
};

static void take_key(struct config_reader *r, enum key key, const char *value)
{
	struct mev_config *node = &r->config->node;
	const char *name = keys[key].name;

	switch (key) {
	case KEY_SWAP_PORT:
		take_port(r, name, value, &node->swap_port);
		break;
	case KEY_UPDATE_PORT:
		take_port(r, name, value, &node->update_port);
		break;
	case KEY_MIN_AMOUNT_IN:
		take_u64(r, name, value, 0, ~0ULL, &node->min_amount_in);
		break;
	case KEY_MIN_PROFIT:
		take_u64(r, name, value, 0, ~0ULL, &node->min_profit);
		break;
	case KEY_ALLOW:
		take_allow(r, value);
		break;
	case KEY_STRATEGY:
		take_strategy(r, value, &node->strategy);
		break;
	case KEY_CAPITAL:
		take_u64(r, name, value, 1, ~0ULL, &node->capital);
		break;
	case KEY_FEE:
		take_fee(r, value);
		break;
	case KEY_RESERVE0:
		take_u64(r, name, value, 1, ~0ULL, &last_pool(r)->reserve0);
		break;
	case KEY_RESERVE1:
		take_u64(r, name, value, 1, ~0ULL, &last_pool(r)->reserve1);
		break;
	case KEY_CNT:
		break;
	}
}

bool config_take_key(struct config_reader *r, const char *name, const char *value)
{
	if (r->section == NO_SECTION)
		config_complain(r, r->line,
				"%s = %s stands before any section: put it under [node]", name,
				value);
	for (enum key key = 0; key < KEY_CNT && !r->failed; key++) {
		if (keys[key].section != r->section || strcmp(keys[key].name, name))
			continue;
		/* A long list of sources takes several lines. */
		if (r->keys_seen & 1u << key && key != KEY_ALLOW)
			config_complain(r, r->line, "%s is given twice: keep one", name);
		else
			take_key(r, key, value);
		r->keys_seen |= 1u << key;
		return !r->failed;
	}
	config_complain(r, r->line, "no key %s in this section: see mevnode(8), or remove the line",
			name);
	return false;
}

/* The pool whose section ends here must be whole. */
void config_end_section(struct config_reader *r)
{
	unsigned int reserves = 1u << KEY_RESERVE0 | 1u << KEY_RESERVE1;

	if (r->failed || r->section != SECTION_POOL)
		return;
	if (!(r->keys_seen & 1u << KEY_FEE))
		config_complain(r, last_pool(r)->line,
				"this pool has no fee: add fee = 3/1000 or the like");
	else if ((r->keys_seen & reserves) && (r->keys_seen & reserves) != reserves)
		config_complain(
			r, last_pool(r)->line,
			"this pool has one reserve only: give both, or none to wait for an update");
}
