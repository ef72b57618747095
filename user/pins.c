// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pins.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

/*
 * The folders above are root's whoever makes them: nodes of several users share them, and each, once
 * it has no privileges, must be able to remove what is its own.
 */
static int make_dirs(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(part, 0700)) {
			if (errno != EEXIST)
				return -errno;
		} else if (geteuid() && chown(part, 0, 0)) {
			log_debug("%s stays this user's: %s", part, strerror(errno));
		}
		*slash = '/';
	}
	return mkdir(part, 0700) && errno != EEXIST ? -errno : 0;
}

bool pins_in_bpffs(const char *path)
{
	char part[PATH_MAX];
	struct statfs fs;
	char *slash;

	snprintf(part, sizeof(part), "%s", path);
	while (statfs(part, &fs)) {
		slash = strrchr(part, '/');
		/* EACCES: somebody else's folder, in the same file system as the one it lies in. */
		if ((errno != ENOENT && errno != EACCES) || !slash || slash == part)
			return false;
		*slash = '\0';
	}
	return fs.f_type == BPF_FS_MAGIC;
}

/* 0, -EBUSY or another -errno. `mevnode doctor` holds the lock for an instant: try again. */
static int lock_retrying(int fd)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (int i = 0; i < 5; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

/* Takes over a folder that another user's node has left; who may not may still write there. */
static void own(int dir_fd)
{
	if (fchown(dir_fd, geteuid(), getegid()))
		log_debug("pins are in somebody else's folder: %s", strerror(errno));
}

/* Opens and locks p->dir. -ESTALE: a node that was just ending has removed it meanwhile. */
static int hold_once(struct pins *p)
{
	struct stat opened, named;
	int err;

	p->lock_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->lock_fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	err = lock_retrying(p->lock_fd);
	if (!err && (fstat(p->lock_fd, &opened) || stat(p->dir, &named) ||
		     opened.st_ino != named.st_ino || opened.st_dev != named.st_dev))
		err = -ESTALE;
	if (!err) {
		p->parent_fd = openat(p->lock_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		err = p->parent_fd < 0 ? -errno : 0;
	}
	if (err) {
		close(p->lock_fd);
		p->lock_fd = -1;
	}
	return err;
}

static int hold(struct pins *p)
{
	int err = -ESTALE;

	for (int i = 0; i < 10 && err == -ESTALE; i++) {
		err = make_dirs(p->dir);
		if (!err)
			err = hold_once(p);
		else if (err == -ENOENT)
			err = -ESTALE;
	}
	return err;
}

static int log_hold(const struct pins *p, int err)
{
	if (err == -EBUSY)
		log_err("another mevnode holds %s: stop it, or give this one its own --pin-path",
			p->dir);
	else if (err)
		log_err("cannot use %s for pins: %s%s", p->dir, strerror(-err),
			err == -EPERM || err == -EACCES ? "; run as root" : "");
	return err;
}

static int pins_open(struct pins *p, const char *dir)
{
	int len = snprintf(p->dir, sizeof(p->dir), "%s", dir), err;

	p->lock_fd = -1;
	if (len >= (int)sizeof(p->dir)) {
		log_err("--pin-path %.40s... is too long", dir);
		return -ENAMETOOLONG;
	}
	while (len > 1 && p->dir[len - 1] == '/')
		p->dir[--len] = '\0';
	if (!pins_in_bpffs(p->dir)) {
		log_warn("%s is not in a bpffs: running without pins, so bpftool finds the maps by "
			 "id only; `mount -t bpf -o mode=0700 bpf /sys/fs/bpf` provides one",
			 p->dir);
		return 0;
	}
	err = hold(p);
	if (!err)
		own(p->lock_fd);
	return log_hold(p, err);
}

int pins_hold(struct pins *p, const char *dir)
{
	p->lock_fd = -1;
	snprintf(p->dir, sizeof(p->dir), "%s", dir);
	return log_hold(p, hold_once(p));
}

void pins_default_dir(const char *ifname, char *out, size_t len)
{
	snprintf(out, len, "%s/%s", PINS_ROOT, ifname);
	for (char *dot = out; (dot = strchr(dot, '.'));)
		*dot = '_';
}

__u32 pins_map_id(const char *dir, const char *name)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		info.id = 0;
	close(fd);
	return info.id;
}

void pins_path(const struct pins *p, const char *name, char *out, size_t len)
{
	snprintf(out, len, "%s/%s", p->dir, name);
}

int pins_remove(const struct pins *p, const struct bpf_object *obj)
{
	const struct bpf_map *map;
	int cnt = 0;

	if (!pins_held(p))
		return 0;
	bpf_object__for_each_map(map, obj)
		cnt += !bpf_map__is_internal(map) && !unlinkat(p->lock_fd, bpf_map__name(map), 0);
	return cnt;
}

int pins_take(struct pins *p, const char *dir, struct bpf_object *obj)
{
	int err = pins_open(p, dir), stale;
	char path[PATH_MAX];
	struct bpf_map *map;

	if (err)
		return err;
	stale = pins_remove(p, obj);
	if (stale)
		log_info("removed %d pins that an earlier run left in %s", stale, p->dir);
	bpf_object__for_each_map(map, obj) {
		if (bpf_map__is_internal(map)) /* the compiler's .rodata: not pinned by name */
			continue;
		pins_path(p, bpf_map__name(map), path, sizeof(path));
		err = bpf_map__set_pin_path(map, pins_held(p) ? path : NULL);
		if (err)
			return err;
	}
	return 0;
}

void pins_close(struct pins *p)
{
	const char *slash = strrchr(p->dir, '/');

	if (p->lock_fd < 0)
		return;
	unlinkat(p->parent_fd, slash ? slash + 1 : p->dir, AT_REMOVEDIR);
	/* The root too, if this was the last one in it. */
	if (!strncmp(p->dir, PINS_ROOT "/", strlen(PINS_ROOT "/")))
		unlinkat(AT_FDCWD, PINS_ROOT, AT_REMOVEDIR);
	close(p->parent_fd);
	close(p->lock_fd);
	p->lock_fd = -1;
}
