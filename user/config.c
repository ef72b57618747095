// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amm.h"
#include "config_reader.h"
#include "log.h"
#include "parse.h"
#include "sandwich.h"

/* libinih's handler: one key. Its `section` is cut at 50 bytes, so begin_section() saw it whole. */
static int on_key(void *user, const char *section, const char *name, const char *value)
{
	struct config_reader *r = user;

	(void)section;
	return !r->failed && config_take_key(r, name, value);
}

static void begin_pool(struct config_reader *r, const char *address)
{
	struct config *c = r->config;
	struct config_pool pool = { .line = r->line };
	struct config_pool *grown;
	__u32 earlier;

	if (parse_address(address, pool.address)) {
		config_complain(r, r->line, "[pool %s]: want an address of 40 hexadecimal digits",
				address);
		return;
	}
	if (c->pool_cnt == MEV_MAX_POOLS) {
		config_complain(r, r->line, "more than %d pools: remove some", MEV_MAX_POOLS);
		return;
	}
	if (pool_table_find(r->seen_pools, pool.address, &earlier)) {
		config_complain(r, r->line, "[pool %s] stands in line %d already: keep one",
				address, c->pools[earlier].line);
		return;
	}
	/* Grow by doubling: the size is a power of two whenever it is full. */
	if (!(c->pool_cnt & (c->pool_cnt - 1))) {
		size_t room = c->pool_cnt ? 2 * (size_t)c->pool_cnt : 1;

		grown = reallocarray(c->pools, room, sizeof(*grown));
		if (!grown) {
			config_complain(r, r->line, "out of memory for %zu pools", room);
			return;
		}
		c->pools = grown;
	}
	pool_table_add(r->seen_pools, pool.address, c->pool_cnt);
	c->pools[c->pool_cnt++] = pool;
}

static void begin_section(struct config_reader *r, const char *line)
{
	unsigned int bit;
	char name[64];
	int end = 0;

	config_end_section(r);
	r->keys_seen = 0;
	if (sscanf(line, " [%63[^]\n]]%n", name, &end) != 1 || !end) {
		config_complain(r, r->line, "a section is [name]: close the bracket");
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
		config_complain(r, r->line,
				"no section [%s]: want [node], [feed], [front_run] or "
				"[pool ADDRESS]",
				name);
		return;
	}
	bit = 1u << r->section;
	if (r->sections_seen & bit)
		config_complain(r, r->line, "section [%s] is given twice: join them", name);
	r->sections_seen |= bit;
}

/* libinih's reader: counts lines, refuses one it would cut, and sees sections before it does. */
static char *next_line(char *buf, int size, void *stream)
{
	struct config_reader *r = stream;
	const char *first;
	size_t len;

	if (r->failed || !fgets(buf, size, r->file))
		return NULL;
	r->line++;
	len = strlen(buf);
	if (len + 1 == (size_t)size && buf[len - 1] != '\n') {
		config_complain(r, r->line, "line of more than %d characters: shorten it",
				size - 2);
		return NULL;
	}
	if (!len || (buf[len - 1] != '\n' && !feof(r->file))) {
		config_complain(r, r->line, "a NUL byte: this is not a text file");
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
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return config_load_fd(c, fd < 0 ? -errno : fd, path, NULL);
}

int config_load_fd(struct config *c, int fd, const char *path, const char *consequence)
{
	struct config_reader r = { .config = c, .path = path, .consequence = consequence };
	int err;

	*c = (struct config){ .node = default_node };
	r.file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!r.file) {
		err = fd < 0 ? fd : -errno;
		if (fd >= 0)
			close(fd);
		log_err("cannot open configuration %s: %s; %s", path, strerror(-err),
			consequence ? consequence : "check -c");
		return err;
	}
	err = pool_table_open(&r.seen_pools, MEV_MAX_POOLS);
	if (err)
		goto close_file;

	err = ini_parse_stream(next_line, &r, on_key, &r);
	config_end_section(&r);
	if (err > 0 && !r.failed)
		config_complain(&r, err, "not of the form key = value: mend or remove the line");
	if (!r.failed && ferror(r.file))
		config_complain(&r, r.line, "reading failed: %s", strerror(errno));
	if (!r.failed && c->node.swap_port == c->node.update_port)
		config_complain(&r, r.line,
				"swap_port and update_port are both %u: give them two numbers",
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
