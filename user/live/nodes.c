// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "nodes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "snapshot.h"

#define LINK_TEXT "/memfd:" SNAPSHOT_NAME " (deleted)"
#define READ_TRIES 100
#define SEALS (F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE)

/* Reading. */

static bool get(int fd, void *to, size_t len, size_t at)
{
	return pread(fd, to, len, (off_t)at) == (ssize_t)len;
}

/* What another process wrote, for a terminal. */
static void make_printable(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++)
		if (!isprint((unsigned char)*text))
			*text = '?';
}

static void tame_node(struct stats_node *n)
{
	make_printable(n->backend, sizeof(n->backend));
	make_printable(n->mode, sizeof(n->mode));
	make_printable(n->interface, sizeof(n->interface));
	make_printable(n->version, sizeof(n->version));
	if (n->queue_cnt > MEV_MAX_QUEUES)
		n->queue_cnt = MEV_MAX_QUEUES;
}

static void tame(struct stats *s)
{
	tame_node(&s->node);
	if (s->io_cnt > STATS_MAX_IO)
		s->io_cnt = STATS_MAX_IO;
	if (s->pool_cnt > MEV_MAX_POOLS)
		s->pool_cnt = MEV_MAX_POOLS;
	for (__u32 i = 0; i < s->io_cnt; i++)
		make_printable(s->io[i].name, sizeof(s->io[i].name));
	make_printable(s->io_name, sizeof(s->io_name));
}

#define AT(field) __builtin_offsetof(struct snapshot_shared, field)

static int try_read(int fd, __u32 seq, struct stats *s)
{
	struct stats_pool *pools = s->pools;
	bool good = get(fd, s, sizeof(*s), AT(stats));
	__u32 after;

	s->pools = pools;
	if (!good)
		return -EIO;
	tame(s);
	if (!get(fd, pools, s->pool_cnt * sizeof(*pools), AT(pools)) ||
	    !get(fd, &after, sizeof(after), AT(seq)))
		return -EIO;
	return after == seq ? 0 : -EAGAIN;
}

int node_read(const struct node_seen *n, struct stats *s)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	__u64 had = s->taken_ns, taken;
	int err = -EAGAIN;
	__u32 seq;

	for (int i = 0; i < READ_TRIES && err == -EAGAIN; i++) {
		if (!get(n->memfd, &seq, sizeof(seq), AT(seq)) ||
		    !get(n->memfd, &taken, sizeof(taken), AT(stats.taken_ns)))
			return -EIO;
		if (taken == had)
			return 0;
		if (!(seq & 1))
			err = try_read(n->memfd, seq, s);
		if (err == -EAGAIN)
			nanosleep(&pause, NULL);
	}
	s->node.pid = n->node.pid;
	return err ? err : 1;
}

/* Finding. */

static bool is_sealed(int fd)
{
	struct stat st;

	return (fcntl(fd, F_GET_SEALS) & SEALS) == SEALS && !fstat(fd, &st) &&
	       st.st_size >= (off_t)SNAPSHOT_BYTES;
}

static void add(struct nodes *out, int fd, __u32 pid)
{
	struct node_seen *n = &out->seen[out->cnt];
	struct snapshot_shared head;
	struct stat proc;
	char path[32];

	if (!get(fd, &head, AT(stats) + sizeof(head.stats.node), 0) ||
	    memcmp(head.magic, SNAPSHOT_MAGIC, sizeof(head.magic)))
		goto no;
	tame_node(&head.stats.node);
	if (head.size != sizeof(head) || !is_sealed(fd)) {
		out->other_cnt++;
		strcpy(out->other_version, head.stats.node.version);
		goto no;
	}
	snprintf(path, sizeof(path), "/proc/%u", pid);
	n->node = head.stats.node;
	n->node.pid = pid;
	n->uid = stat(path, &proc) ? (uid_t)-1 : proc.st_uid;
	n->memfd = fd;
	n->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	out->cnt++;
	return;
no:
	close(fd);
}

/* A process that may not be looked into: is it a node? Its name may be asked for by anybody. */
static void note_hidden(struct nodes *out, __u32 pid)
{
	char path[32], name[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, name, sizeof(name) - 1) > 0 && !strcmp(name, "mevnode\n")) {
		out->hidden_cnt++;
		out->hidden_pid = pid;
	}
	close(fd);
}

static void look_into(struct nodes *out, __u32 pid)
{
	char path[32], link[sizeof(LINK_TEXT)];
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	if (!dir) {
		if (errno == EACCES || errno == EPERM)
			note_hidden(out, pid);
		return;
	}
	while (out->cnt < NODES_MAX && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link));

		if (len != sizeof(LINK_TEXT) - 1 || memcmp(link, LINK_TEXT, (size_t)len))
			continue;
		/* Who reads a snapshot has one open as well, but not for writing. */
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !(st.st_mode & S_IWUSR))
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			add(out, fd, pid);
			break; /* a process is one node */
		}
	}
	closedir(dir);
}

int nodes_find(struct nodes *out)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	memset(out, 0, sizeof(*out));
	if (!proc)
		return -errno;
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			look_into(out, (__u32)strtoul(entry->d_name, NULL, 10));
	closedir(proc);
	return 0;
}

void node_close(struct node_seen *n)
{
	close(n->memfd);
	if (n->pid_fd >= 0)
		close(n->pid_fd);
}
