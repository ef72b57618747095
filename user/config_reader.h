/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config_reader - what config.c (lines and sections) and config_keys.c (keys and values) share
 */
#ifndef MEV_CONFIG_READER_H
#define MEV_CONFIG_READER_H

#include <stdbool.h>
#include <stdio.h>

#include "config.h"
#include "pool_table.h"

enum section { NO_SECTION, SECTION_NODE, SECTION_FEED, SECTION_FRONT_RUN, SECTION_POOL };

struct config_reader {
	struct config *config;
	struct pool_table *seen_pools;
	const char *path;
	const char *consequence; /* of a complaint; NULL: none worth telling */
	FILE *file;
	int line;
	bool failed; /* said why already; what follows would only repeat it */
	enum section section;
	unsigned int sections_seen;
	unsigned int keys_seen; /* of the section at hand */
};

/*
 * Says what is wrong in line `at`, and what to do; the first time only, since what follows would
 * but repeat it.
 */
void config_complain(struct config_reader *r, int at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One key of the section at hand. False: it complained. */
bool config_take_key(struct config_reader *r, const char *name, const char *value);

/* Whether the section at hand, which ends here, has all that it must have, or a complaint. */
void config_end_section(struct config_reader *r);

#endif /* MEV_CONFIG_READER_H */
