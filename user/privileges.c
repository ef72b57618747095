// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "exit_code.h"
#include "log.h"

/* Found by leaving out one at a time: tests/e2e/test_privileges.py. */
const struct privilege privileges_needed[PRIVILEGES_CNT] = {
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "to load and attach the XDP program", false },
	{ CAP_NET_RAW, "CAP_NET_RAW", "to open AF_XDP sockets", false },
	{ CAP_BPF, "CAP_BPF", "to load the XDP program and create its maps", true },
	{ CAP_PERFMON, "CAP_PERFMON", "for the pointer arithmetic of the XDP program", true },
	{ CAP_IPC_LOCK, "CAP_IPC_LOCK", "to lock packet memory beyond RLIMIT_MEMLOCK", false },
};

/* While it sets up, a node that has become a user also writes in bpffs, which is root's. */
static const unsigned int for_pins[] = { CAP_DAC_OVERRIDE, CAP_CHOWN };

/* Puts `cap` into the set to come if the process has it now. */
static void keep(unsigned int cap, bool had)
{
	if (had)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, cap);
}

static bool has(unsigned int cap)
{
	return capng_have_capability(CAPNG_EFFECTIVE, cap) == 1;
}

void privileges_raise(void)
{
	if (capng_get_caps_process())
		return;
	for (size_t i = 0; i < PRIVILEGES_CNT; i++) {
		unsigned int cap = (unsigned int)privileges_needed[i].cap;

		if (capng_have_capability(CAPNG_PERMITTED, cap) == 1)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, cap);
	}
	if (capng_apply(CAPNG_SELECT_CAPS))
		log_debug("cannot raise permitted capabilities: %s", strerror(errno));
}

/* Whoever may not clear the bounding set need not: no_new_privs makes an exec gain nothing. */
static void clear_bounds(void)
{
	if (capng_get_caps_process() || !has(CAP_SETPCAP))
		return;
	capng_clear(CAPNG_SELECT_BOUNDS);
	if (capng_apply(CAPNG_SELECT_BOUNDS))
		log_debug("cannot clear the bounding set: %s", strerror(errno));
}

static int change_ids(const struct passwd *pw)
{
	bool needed[PRIVILEGES_CNT], pins[2];

	if (capng_get_caps_process())
		return -EIO;
	for (size_t i = 0; i < PRIVILEGES_CNT; i++)
		needed[i] = has((unsigned int)privileges_needed[i].cap);
	for (size_t i = 0; i < 2; i++)
		pins[i] = has(for_pins[i]);

	capng_clear(CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < PRIVILEGES_CNT; i++)
		keep((unsigned int)privileges_needed[i].cap, needed[i]);
	for (size_t i = 0; i < 2; i++)
		keep(for_pins[i], pins[i]);
	errno = 0;
	if (!capng_change_id((int)pw->pw_uid, (int)pw->pw_gid, CAPNG_INIT_SUPP_GRP))
		return 0;
	return errno ? -errno : -EPERM;
}

int privileges_begin(const char *user)
{
	const struct passwd *pw;
	int err;

	clear_bounds();
	if (!user)
		return 0;
	errno = 0;
	pw = getpwnam(user);
	if (!pw) {
		log_err("--user %s: %s", user,
			errno ? strerror(errno) :
				"there is none: `adduser --system --group` makes one");
		return -EINVAL;
	}
	if (getuid() == pw->pw_uid && geteuid() == pw->pw_uid && getegid() == pw->pw_gid)
		return 0; /* as under systemd, with User= */
	err = change_ids(pw);
	if (err)
		log_err("--user %s: cannot become it: %s; start as root, or with CAP_SETUID and "
			"CAP_SETGID",
			user, strerror(-err));
	return err;
}

int privileges_drop(void)
{
	/* An empty permitted set empties the ambient one. */
	capng_clear(CAPNG_SELECT_CAPS);
	if (!capng_apply(CAPNG_SELECT_CAPS) && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 0;
	return errno ? -errno : -EPERM;
}

void privileges_unhide(void)
{
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		log_warn("`mevnode stats` will need root: prctl(PR_SET_DUMPABLE): %s",
			 strerror(errno));
}

const char *privileges_remedy(void)
{
	static char text[256];
	size_t len = 0;

	if (capng_get_caps_process())
		return "; run as root";
	for (size_t i = 0; i < PRIVILEGES_CNT; i++) {
		const struct privilege *p = &privileges_needed[i];

		if (has((unsigned int)p->cap) || (p->sys_admin_will_do && has(CAP_SYS_ADMIN)))
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
					len ? ", " : "; run as root, or grant what is lacking: ",
					p->name);
	}
	return len ? text :
		     "; the capabilities are there: a seccomp profile or user namespace forbids it";
}
