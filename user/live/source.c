// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "source.h"

#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "pins.h"

/* A node is sought by what is set here. */
struct sought {
	__u32 pid, map_id;
	const char *interface;
	__u64 netns; /* 0: any */
};

static bool matches(const struct stats_node *n, const struct sought *w)
{
	return (!w->pid || n->pid == w->pid) && (!w->map_id || n->map_id == w->map_id) &&
	       (!w->interface || !strcmp(n->interface, w->interface)) &&
	       (!w->netns || n->netns == w->netns);
}

/* The only one, into s->node. 0; -ENOENT: none; -EEXIST: several, logged. */
static int pick(struct source *s, const struct nodes *nodes, const struct sought *w)
{
	const struct node_seen *found = NULL;
	char others[512];
	size_t len = 0;
	__u32 cnt = 0;

	for (__u32 i = 0; i < nodes->cnt; i++) {
		const struct node_seen *n = &nodes->seen[i];

		if (!matches(&n->node, w))
			continue;
		found = n;
		if (len < sizeof(others))
			len += (size_t)snprintf(others + len, sizeof(others) - len,
						"%s%u (%s on %s, user %u)", cnt ? ", " : "",
						n->node.pid, n->node.backend, n->node.interface,
						n->uid);
		cnt++;
	}
	if (cnt > 1) {
		log_err("%u nodes are running; choose by -i or --pid: %s", cnt, others);
		return -EEXIST;
	}
	if (found)
		s->node = *found;
	return found ? 0 : -ENOENT;
}

/* The same among the nodes of this network namespace. */
static int pick_here(struct source *s, const struct nodes *nodes, struct sought w)
{
	struct stat here;

	if (stat("/proc/self/ns/net", &here))
		return -ENOENT;
	w.netns = here.st_ino;
	return pick(s, nodes, &w);
}

/* Maps are open: who serves them? A node knows more. */
static void prefer_node(struct source *s, const struct nodes *nodes)
{
	const struct sought w = { .map_id = bare_map_id(s->bare) };

	if (pick(s, nodes, &w))
		return;
	bare_close(s->bare);
	s->bare = NULL;
}

static int open_pins(struct source *s, const struct nodes *nodes, const char *dir)
{
	int err = bare_open_pins(&s->bare, dir);

	if (!err)
		prefer_node(s, nodes);
	return err;
}

/* A name is good in this namespace: its node here, then the filter that hangs here, then pins. */
static int by_interface(struct source *s, const struct nodes *nodes, const char *name)
{
	char dir[sizeof(PINS_ROOT) + IF_NAMESIZE];
	const struct sought w = { .interface = name };
	int err = pick_here(s, nodes, w);

	if (err == -ENOENT) {
		err = bare_open_attached(&s->bare, name);
		if (!err)
			prefer_node(s, nodes);
	}
	if (err != -ENOENT || strlen(name) >= IF_NAMESIZE)
		return err;
	pins_default_dir(name, dir, sizeof(dir));
	return open_pins(s, nodes, dir);
}

/* The pins of the one folder that has some below PINS_ROOT. */
static int by_only_pins(struct source *s, const struct nodes *nodes)
{
	DIR *root = opendir(PINS_ROOT);
	struct dirent *entry;
	char dir[PATH_MAX] = "";
	__u32 cnt = 0;

	while (root && (entry = readdir(root)))
		if (entry->d_name[0] != '.') {
			snprintf(dir, sizeof(dir), "%s/%s", PINS_ROOT, entry->d_name);
			cnt++;
		}
	if (root)
		closedir(root);
	if (cnt > 1) {
		log_err("no node is running, and " PINS_ROOT " has %u folders of pins: choose by "
			"--pin-path",
			cnt);
		return -EEXIST;
	}
	return cnt ? open_pins(s, nodes, dir) : -ENOENT;
}

static int find(struct source *s, const struct nodes *nodes, const struct source_name *name)
{
	const struct sought w = { .pid = name->pid };
	int err;

	if (name->pin_path)
		return open_pins(s, nodes, name->pin_path);
	if (name->interface)
		return by_interface(s, nodes, name->interface);
	err = pick_here(s, nodes, w);
	if (err == -ENOENT)
		err = pick(s, nodes, &w);
	return err == -ENOENT && !name->pid ? by_only_pins(s, nodes) : err;
}

static void say_none(const struct nodes *nodes, const struct source_name *name)
{
	if (nodes->hidden_cnt)
		log_err("process %u is a mevnode that may not be looked into: run as root (with "
			"CAP_SYS_PTRACE), or ask its --listen",
			nodes->hidden_pid);
	else if (nodes->other_cnt)
		log_err("the node that runs is another version, %s: use its own mevnode",
			nodes->other_version);
	else if (name->pid)
		log_err("--pid %u: no node is running as this process", name->pid);
	else if (name->pin_path)
		log_err("--pin-path %s: no map is pinned there as mev_config", name->pin_path);
	else if (name->interface)
		log_err("-i %s: no node serves it, no mev_filter is attached, no maps are pinned "
			"in " PINS_ROOT "/%s",
			name->interface, name->interface);
	else
		log_err("no node is running, and no maps are pinned in " PINS_ROOT);
}

enum exit_code source_open(struct source *s, const struct source_name *name)
{
	static struct nodes nodes;
	int err = nodes_find(&nodes);

	memset(s, 0, sizeof(*s));
	if (err) {
		log_err("cannot look for running nodes in /proc: %s", strerror(-err));
		return EXIT_HOST;
	}
	s->stats.pools = calloc(MEV_MAX_POOLS, sizeof(*s->stats.pools));
	err = s->stats.pools ? find(s, &nodes, name) : -ENOMEM;
	if (err == -ENOENT)
		say_none(&nodes, name);
	for (__u32 i = 0; i < nodes.cnt; i++)
		if (err || s->bare || nodes.seen[i].memfd != s->node.memfd)
			node_close(&nodes.seen[i]);
	if (err)
		free(s->stats.pools);
	return err ? EXIT_FAILED : EXIT_DONE;
}

int source_read(struct source *s)
{
	int err;

	if (s->bare)
		return bare_read(s->bare, &s->stats) ?: 1;
	err = node_read(&s->node, &s->stats);
	if (err < 0)
		log_err("cannot read the counters of process %u: %s", s->node.node.pid,
			strerror(-err));
	return err;
}

int source_end_fd(const struct source *s)
{
	return s->bare ? -1 : s->node.pid_fd;
}

void source_close(struct source *s)
{
	if (s->bare)
		bare_close(s->bare);
	else
		node_close(&s->node);
	free(s->stats.pools);
}
