// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "attached.h"
#include "doctor_checks.h"
#include "pins.h"

#define BPFFS "/sys/fs/bpf"
/* Enough for ours (mevnode/IFACE), `ip link` (xdp/globals) and a --pin-path of some depth. */
#define WALK_DEPTH 4

/* A directory that holds pins of ours. */
struct pin_dir {
	char path[256];
	char pins[160]; /* names, as far as there is room */
	__u32 cnt;
};

struct walk {
	void (*visit)(struct walk *w, const struct pin_dir *dir);
	struct doctor_report *report; /* for a visit that reports */
	struct doctor_pins *sought;   /* for one that seeks those of a program */
	__u32 prog_id;
	__u32 found_cnt;
	__u32 closed_cnt; /* directories that could not be read */
};

/* Process that holds the lock of a node on directory `fd`; 0 if it is not to be seen from here. */
static int find_holder(int fd)
{
	FILE *locks = fopen("/proc/locks", "re");
	unsigned int dev_major, dev_minor;
	unsigned long inode;
	char line[256];
	struct stat st;
	int pid = 0;

	if (!locks)
		return 0;
	if (fstat(fd, &st))
		st.st_ino = 0;
	while (!pid && fgets(line, sizeof(line), locks)) {
		if (sscanf(line, "%*d: FLOCK ADVISORY WRITE %d %x:%x:%lu", &pid, &dev_major,
			   &dev_minor, &inode) != 4 ||
		    inode != st.st_ino || makedev(dev_major, dev_minor) != st.st_dev)
			pid = 0;
	}
	fclose(locks);
	return pid;
}

/*
 * Whether a running node holds the directory (filter_prog.c locks it exclusively). A shared lock
 * for a moment is the question; two doctors do not disturb each other.
 */
static bool is_held(const char *path, int *pid)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool held;

	*pid = 0;
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	if (held)
		*pid = find_holder(fd);
	close(fd);
	return held;
}

/* A loaded program that uses the pinned maps, such as one that xdp-loader attached; else 0. */
static __u32 find_user_of(const struct pin_dir *dir)
{
	__u32 map_id = pins_map_id(dir->path, "mev_config");

	for (__u32 id = 0; map_id && !bpf_prog_get_next_id(id, &id);)
		if (attached_uses_map(id, map_id))
			return id;
	return 0;
}

static void report_dir(struct walk *w, const struct pin_dir *dir)
{
	__u32 prog_id;
	int pid;

	w->found_cnt++;
	if (is_held(dir->path, &pid)) {
		char holder[32] = "";

		if (pid)
			snprintf(holder, sizeof(holder), ", process %d", pid);
		doctor_add(w->report, DOCTOR_OK, "pins", "%s: %u (%s), of a running node%s",
			   dir->path, dir->cnt, dir->pins, holder);
		return;
	}
	prog_id = find_user_of(dir);
	if (prog_id) {
		doctor_add(w->report, DOCTOR_OK, "pins",
			   "%s: %u (%s), in use by program %u, which no node serves", dir->path,
			   dir->cnt, dir->pins, prog_id);
		doctor_remedy(w->report, "`bpftool net` shows where it is attached; `mevnode run "
					 "--adopt` there serves it");
		return;
	}
	doctor_add(w->report, DOCTOR_WARNING, "pins",
		   "%s: %u (%s), left by an earlier run: no node holds them", dir->path, dir->cnt,
		   dir->pins);
	if (!strncmp(dir->path, PINS_ROOT "/", sizeof(PINS_ROOT)))
		doctor_remedy(w->report,
			      "the next `mevnode run -i %s` replaces them, or `rm -r %s`",
			      strrchr(dir->path, '/') + 1, dir->path);
	else
		doctor_remedy(w->report, "`rm %s/mev_*`", dir->path);
}

static void note_pin(struct pin_dir *dir, const char *name)
{
	size_t len = strlen(dir->pins);

	dir->cnt++;
	snprintf(dir->pins + len, sizeof(dir->pins) - len, "%s%s", len ? ", " : "", name);
}

static void walk(struct walk *w, const char *path, int depth)
{
	struct pin_dir dir = { 0 };
	const struct dirent *entry;
	DIR *open_dir = opendir(path);

	if (!open_dir) {
		w->closed_cnt += errno == EACCES || errno == EPERM;
		return;
	}
	snprintf(dir.path, sizeof(dir.path), "%s", path);
	while ((entry = readdir(open_dir))) {
		char below[sizeof(dir.path)];

		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type != DT_DIR) {
			if (!strncmp(entry->d_name, "mev_", 4))
				note_pin(&dir, entry->d_name);
			continue;
		}
		if (depth > 0 && snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) <
					 (int)sizeof(below))
			walk(w, below, depth - 1);
	}
	closedir(open_dir);
	if (dir.cnt)
		w->visit(w, &dir);
}

static void match_dir(struct walk *w, const struct pin_dir *dir)
{
	__u32 map_id = pins_map_id(dir->path, "mev_config");

	if (!map_id || !attached_uses_map(w->prog_id, map_id))
		return;
	w->found_cnt++;
	snprintf(w->sought->dir, sizeof(w->sought->dir), "%s", dir->path);
	w->sought->held = is_held(dir->path, &w->sought->holder);
}

bool doctor_find_pins(__u32 prog_id, struct doctor_pins *out)
{
	struct walk w = { .visit = match_dir, .prog_id = prog_id, .sought = out };
	struct statfs fs;

	*out = (struct doctor_pins){ 0 };
	if (!statfs(BPFFS, &fs) && fs.f_type == BPF_FS_MAGIC)
		walk(&w, BPFFS, WALK_DEPTH);
	return w.found_cnt > 0;
}

void doctor_check_leftovers(struct doctor_report *r)
{
	struct walk w = { .visit = report_dir, .report = r };
	struct statfs fs;

	if (statfs(BPFFS, &fs) || fs.f_type != BPF_FS_MAGIC) {
		doctor_add(r, DOCTOR_OK, "pins", "none: no bpffs at " BPFFS);
		return;
	}
	walk(&w, BPFFS, WALK_DEPTH);
	if (w.closed_cnt) {
		doctor_add(r, DOCTOR_WARNING, "pins",
			   "%u director%s below " BPFFS " may not be read", w.closed_cnt,
			   w.closed_cnt == 1 ? "y" : "ies");
		doctor_remedy(r, "run as root to see pins of earlier runs");
	} else if (!w.found_cnt) {
		doctor_add(r, DOCTOR_OK, "pins", "no pins of an earlier run below " BPFFS);
	}
}
