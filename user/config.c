// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "parse.h"
#include "pool_table.h"
#include "sandwich.h"

enum section { NO_SECTION, SECTION_NODE, SECTION_FEED, SECTION_FRONT_RUN, SECTION_POOL };

struct reader {
	struct config *config;
	struct pool_table *seen_pools;
	const char *path;
	FILE *file;
	int line;
	bool failed; /* said why already; what follows would only repeat it */
	enum section section;
	unsigned int sections_seen;
	unsigned int keys_seen; /* of the section at hand */
};

/* One line for a person, and no second one after it. */
#define complain(r, at, ...)                                       \
	do {                                                       \
		if (!(r)->failed)                                  \
			complain_at((r)->path, (at), __VA_ARGS__); \
		(r)->failed = true;                                \
	} while (0)

static void __attribute__((format(printf, 3, 4)))
complain_at(const char *path, int line, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	log_err("%s:%d: %s", path, line, what);
}

/* Values: 0 and *out, or a complaint. */

static void take_u64(struct reader *r, const char *key, const char *value, __u64 min, __u64 max,
		     __u64 *out)
{
	if (parse_u64(value, min, max, out))
		complain(r, r->line, "%s = %s: want a whole number from %llu to %llu", key, value,
			 (unsigned long long)min, (unsigned long long)max);
}

static void take_port(struct reader *r, const char *key, const char *value, __u16 *out)
{
	__u64 port = 0;

	take_u64(r, key, value, 1, 65535, &port);
	*out = (__u16)port;
}

static void take_strategy(struct reader *r, const char *value, __u32 *out)
{
	if (!strcmp(value, "optimal"))
		*out = SANDWICH_OPTIMAL;
	else if (!strcmp(value, "fixed"))
		*out = SANDWICH_FIXED;
	else
		complain(r, r->line, "strategy = %s: want optimal or fixed", value);
}

static struct config_pool *last_pool(struct reader *r)
{
	return &r->config->pools[r->config->pool_cnt - 1];
}

static void take_fee(struct reader *r, const char *value)
{
	struct config_pool *pool = last_pool(r);

	if (parse_fee(value, &pool->fee_n, &pool->fee_d))
		complain(r, r->line,
			 "fee = %s: want NUM/DEN with NUM < DEN <= 1000000, for instance 3/1000",
			 value);
}

static void take_allow(struct reader *r, const char *value)
{
	struct config *c = r->config;
	char list[256], *rest = list, *item;

	if (!c->feeds)
		c->feeds = calloc(MEV_MAX_FEEDS, sizeof(*c->feeds));
	if (!c->feeds) {
		complain(r, r->line, "out of memory");
		return;
	}
	snprintf(list, sizeof(list), "%s", value);
	while ((item = strsep(&rest, ", \t"))) {
		struct mev_feed_key *feed = &c->feeds[c->feed_cnt];
		int err;

		if (!*item)
			continue;
		if (c->feed_cnt == MEV_MAX_FEEDS) {
			complain(r, r->line, "more than %d sources: join some", MEV_MAX_FEEDS);
			return;
		}
		err = parse_network(item, &feed->prefix_len, (__u8 *)feed->addr);
		if (err) {
			complain(r, r->line, "allow: %s is no network%s", item,
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

static void take_key(struct reader *r, enum key key, const char *value)
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

/* libinih's handler: one key. Its `section` is cut at 50 bytes, so begin_section() saw it whole. */
static int on_key(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;

	(void)section;
	if (r->failed)
		return 0;
	if (r->section == NO_SECTION)
		complain(r, r->line, "%s = %s stands before any section: put it under [node]", name,
			 value);
	for (enum key key = 0; key < KEY_CNT && !r->failed; key++) {
		if (keys[key].section != r->section || strcmp(keys[key].name, name))
			continue;
		/* A long list of sources takes several lines. */
		if (r->keys_seen & 1u << key && key != KEY_ALLOW)
			complain(r, r->line, "%s is given twice: keep one", name);
		else
			take_key(r, key, value);
		r->keys_seen |= 1u << key;
		return !r->failed;
	}
	complain(r, r->line, "no key %s in this section: see mevnode(8), or remove the line", name);
	return 0;
}

static void begin_pool(struct reader *r, const char *address)
{
	struct config *c = r->config;
	struct config_pool pool = { .line = r->line };
	struct config_pool *grown;
	__u32 earlier;

	if (parse_address(address, pool.address)) {
		complain(r, r->line, "[pool %s]: want an address of 40 hexadecimal digits",
			 address);
		return;
	}
	if (c->pool_cnt == MEV_MAX_POOLS) {
		complain(r, r->line, "more than %d pools: remove some", MEV_MAX_POOLS);
		return;
	}
	if (pool_table_find(r->seen_pools, pool.address, &earlier)) {
		complain(r, r->line, "[pool %s] stands in line %d already: keep one", address,
			 c->pools[earlier].line);
		return;
	}
	/* Grow by doubling: the size is a power of two whenever it is full. */
	if (!(c->pool_cnt & (c->pool_cnt - 1))) {
		size_t room = c->pool_cnt ? 2 * (size_t)c->pool_cnt : 1;

		grown = reallocarray(c->pools, room, sizeof(*grown));
		if (!grown) {
			complain(r, r->line, "out of memory for %zu pools", room);
			return;
		}
		c->pools = grown;
	}
	pool_table_add(r->seen_pools, pool.address, c->pool_cnt);
	c->pools[c->pool_cnt++] = pool;
}

/* The pool whose section ends here must be whole. */
static void end_section(struct reader *r)
{
	unsigned int reserves = 1u << KEY_RESERVE0 | 1u << KEY_RESERVE1;

	if (r->failed || r->section != SECTION_POOL)
		return;
	if (!(r->keys_seen & 1u << KEY_FEE))
		complain(r, last_pool(r)->line,
			 "this pool has no fee: add fee = 3/1000 or the like");
	else if ((r->keys_seen & reserves) && (r->keys_seen & reserves) != reserves)
		complain(
			r, last_pool(r)->line,
			"this pool has one reserve only: give both, or none to wait for an update");
}

static void begin_section(struct reader *r, const char *line)
{
	unsigned int bit;
	char name[64];
	int end = 0;

	end_section(r);
	r->keys_seen = 0;
	if (sscanf(line, " [%63[^]\n]]%n", name, &end) != 1 || !end) {
		complain(r, r->line, "a section is [name]: close the bracket");
		return;
	}
	if (!strncmp(name, "pool ", 5)) {
		r->section = SECTION_POOL;
		begin_pool(r, name + 5);
		return;
	}
	if (!strcmp(name, "node")) {
		r->section = SECTION_NODE;
	} else if (!strcmp(name, "feed")) {
		r->section = SECTION_FEED;
	} else if (!strcmp(name, "front_run")) {
		r->section = SECTION_FRONT_RUN;
	} else {
		complain(r, r->line,
			 "no section [%s]: want [node], [feed], [front_run] or "
			 "[pool ADDRESS]",
			 name);
		return;
	}
	bit = 1u << r->section;
	if (r->sections_seen & bit)
		complain(r, r->line, "section [%s] is given twice: join them", name);
	r->sections_seen |= bit;
}

/* libinih's reader: counts lines, refuses one it would cut, and sees sections before it does. */
static char *next_line(char *buf, int size, void *stream)
{
	struct reader *r = stream;
	const char *first;
	size_t len;

	if (r->failed || !fgets(buf, size, r->file))
		return NULL;
	r->line++;
	len = strlen(buf);
	if (len + 1 == (size_t)size && buf[len - 1] != '\n') {
		complain(r, r->line, "line of more than %d characters: shorten it", size - 2);
		return NULL;
	}
	if (!len || (buf[len - 1] != '\n' && !feof(r->file))) {
		complain(r, r->line, "a NUL byte: this is not a text file");
		return NULL;
	}
	first = buf;
	if (r->line == 1 && !strncmp(first, "\xef\xbb\xbf", 3))
		first += 3; /* a byte order mark, which libinih skips as well */
	first += strspn(first, " \t");
	if (*first == '[')
		begin_section(r, first);
	return r->failed ? NULL : buf;
}

static const struct mev_config default_node = {
	.min_amount_in = 1000000,
	.min_profit = 1,
	.capital = 100000000000,
	.strategy = SANDWICH_OPTIMAL,
	.swap_port = MEV_SWAP_PORT,
	.update_port = MEV_UPDATE_PORT,
};

void config_pool_line(const struct config_pool *from, struct mev_pool *line)
{
	*line = (struct mev_pool){
		.reserve0 = from->reserve0,
		.reserve1 = from->reserve1,
		.kappa_q64 = amm_kappa_q64(from->fee_n, from->fee_d),
		.fee_n = from->fee_n,
		.fee_d = from->fee_d,
	};
	memcpy(line->address_head, from->address, sizeof(line->address_head));
}

int config_default(struct config *c)
{
	static const struct config_pool pools[] = {
		{ .address = { 0xa0, 0xb8, 0x69, 0x91, 0xc6, 0x21, 0x8b, 0x36, 0xc1, 0xd1,
			       0x9d, 0x4a, 0x2e, 0x9e, 0xb0, 0xce, 0x36, 0x06, 0xeb, 0x48 },
		  .fee_n = 997,
		  .fee_d = 1000,
		  .reserve0 = 1000000000000,
		  .reserve1 = 500000000000 },
		{ .address = { 0xcb, 0xcd, 0xf9, 0x62, 0x6b, 0xc0, 0x3e, 0x24, 0xf7, 0x79,
			       0x43, 0x41, 0x78, 0xa7, 0x3a, 0x0b, 0x4b, 0xad, 0x62, 0xed },
		  .fee_n = 997,
		  .fee_d = 1000,
		  .reserve0 = 1000000000000,
		  .reserve1 = 500000000000 },
	};

	*c = (struct config){ .node = default_node };
	c->pools = malloc(sizeof(pools));
	if (!c->pools)
		return -ENOMEM;
	memcpy(c->pools, pools, sizeof(pools));
	c->pool_cnt = sizeof(pools) / sizeof(pools[0]);
	return 0;
}

int config_load(struct config *c, const char *path)
{
	struct reader r = { .config = c, .path = path };
	int err;

	*c = (struct config){ .node = default_node };
	r.file = fopen(path, "re");
	if (!r.file) {
		err = -errno;
		log_err("cannot open configuration %s: %s; check -c", path, strerror(-err));
		return err;
	}
	err = pool_table_open(&r.seen_pools, MEV_MAX_POOLS);
	if (err)
		goto close_file;

	err = ini_parse_stream(next_line, &r, on_key, &r);
	end_section(&r);
	if (err > 0 && !r.failed)
		complain(&r, err, "not of the form key = value: mend or remove the line");
	if (!r.failed && ferror(r.file))
		complain(&r, r.line, "reading failed: %s", strerror(errno));
	if (!r.failed && c->node.swap_port == c->node.update_port)
		complain(&r, r.line, "swap_port and update_port are both %u: give them two numbers",
			 c->node.swap_port);
	err = r.failed ? -EINVAL : 0;
	if (err)
		config_free(c);

	pool_table_close(r.seen_pools);
close_file:
	fclose(r.file);
	return err;
}

void config_free(struct config *c)
{
	free(c->pools);
	free(c->feeds);
	*c = (struct config){ 0 };
}
