// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "doctor_checks.h"
#include "doctor_nic.h"

#define BPFFS "/sys/fs/bpf"
#define SECURITYFS "/sys/kernel/security"

/* The smallest XDP program; loaded and let go. Its fd or -errno. */
static int load_xdp_probe(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "mev_doctor", "GPL", pass,
			       sizeof(pass) / sizeof(pass[0]), NULL);

	return fd < 0 ? -errno : fd;
}

static void report_bpf_error(struct doctor_report *r, const char *what, int err)
{
	doctor_add(r, DOCTOR_MISSING, "bpf", "%s: %s", what, strerror(-err));
	if (err == -EPERM || err == -EACCES)
		doctor_remedy(r,
			      "run as root, or with the capabilities above; if they are there, a "
			      "seccomp profile or user namespace forbids bpf(2): in podman or "
			      "docker `--security-opt seccomp=unconfined`");
	else
		doctor_remedy(r,
			      "take a kernel with CONFIG_BPF_SYSCALL=y and CONFIG_XDP_SOCKETS=y: "
			      "`grep -E 'BPF_SYSCALL|XDP_SOCKETS' /boot/config-$(uname -r)`");
}

/*
 * Whether programs are compiled. The program's own word first: the sysctl is not there in other
 * network namespaces than the first one.
 */
static void check_jit(struct doctor_report *r, int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	char value[16];
	bool known = false, on = false;

	if (prog_fd >= 0 && !bpf_obj_get_info_by_fd(prog_fd, &info, &len)) {
		known = true;
		on = info.jited_prog_len > 0;
	} else if (!netif_read_line("/proc/sys/net/core/bpf_jit_enable", value, sizeof(value))) {
		known = true;
		on = value[0] != '0';
	}
	if (on) {
		doctor_add(r, DOCTOR_OK, "jit", "BPF programs are compiled");
	} else if (known) {
		doctor_add(r, DOCTOR_WARNING, "jit", "BPF programs are interpreted: slow");
		doctor_remedy(r, "`sysctl -w net.core.bpf_jit_enable=1`, in the first network "
				 "namespace");
	} else {
		doctor_add(r, DOCTOR_WARNING, "jit", "cannot be seen without privileges");
		doctor_remedy(r, "run as root to see");
	}
}

static void check_bpf(struct doctor_report *r, struct doctor_host *host)
{
	int prog_fd, map_fd;

	map_fd = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "mev_doctor", 4, 4, 1, NULL);
	if (map_fd < 0) {
		report_bpf_error(r, "creating an XSKMAP", -errno);
		check_jit(r, -1);
		return;
	}
	close(map_fd);
	prog_fd = load_xdp_probe();
	host->bpf_allowed = prog_fd >= 0;
	if (host->bpf_allowed)
		doctor_add(r, DOCTOR_OK, "bpf", "an XSKMAP and an XDP program load");
	else
		report_bpf_error(r, "loading an XDP program", prog_fd);
	check_jit(r, prog_fd);
	if (prog_fd >= 0)
		close(prog_fd);
}

static void check_btf(struct doctor_report *r)
{
	if (!access("/sys/kernel/btf/vmlinux", R_OK)) {
		doctor_add(r, DOCTOR_OK, "btf",
			   "the kernel's types are in /sys/kernel/btf/vmlinux");
		return;
	}
	doctor_add(r, DOCTOR_WARNING, "btf",
		   "/sys/kernel/btf/vmlinux: %s; the node does without, "
		   "the libxdp dispatcher and tracing do not",
		   strerror(errno));
	doctor_remedy(r, "take a kernel with CONFIG_DEBUG_INFO_BTF=y: "
			 "`grep DEBUG_INFO_BTF /boot/config-$(uname -r)`");
}

static void check_bpffs(struct doctor_report *r)
{
	struct statfs fs;
	bool mounted = !statfs(BPFFS, &fs) && fs.f_type == BPF_FS_MAGIC;

	if (mounted && !access(BPFFS, W_OK | X_OK)) {
		doctor_add(r, DOCTOR_OK, "bpffs", "mounted at " BPFFS);
		return;
	}
	if (mounted) {
		doctor_add(r, DOCTOR_WARNING, "bpffs", BPFFS ": %s", strerror(errno));
		doctor_remedy(r, "run as root, or maps are not pinned");
		return;
	}
	doctor_add(r, DOCTOR_WARNING, "bpffs", "not mounted at " BPFFS ": maps are not pinned");
	doctor_remedy(r,
		      "`mount -t bpf bpf " BPFFS "`; instead of `ip netns exec NAME`, which hides "
		      "it, `nsenter --net=/var/run/netns/NAME`");
}

/* Kernel lockdown: "none [integrity] confidentiality". Only its consequences matter. */
static void check_lockdown(struct doctor_report *r)
{
	char modes[64], *mode;
	struct statfs fs;

	if (!netif_read_line(SECURITYFS "/lockdown", modes, sizeof(modes))) {
		mode = strchr(modes, '[') ? strchr(modes, '[') + 1 : modes;
		mode[strcspn(mode, "]")] = '\0';
		doctor_add(r, DOCTOR_OK, "lockdown", "kernel lockdown: %s, which XDP works with",
			   mode);
	} else if (statfs(SECURITYFS, &fs) || fs.f_type == SECURITYFS_MAGIC) {
		doctor_add(r, DOCTOR_OK, "lockdown", "no kernel lockdown");
	} else {
		doctor_add(r, DOCTOR_WARNING, "lockdown", "cannot be seen without securityfs");
		doctor_remedy(r, "`mount -t securityfs securityfs " SECURITYFS "`");
	}
}

static void check_unprivileged(struct doctor_report *r, const struct doctor_host *host)
{
	char value[16];

	if (netif_read_line("/proc/sys/kernel/unprivileged_bpf_disabled", value, sizeof(value))) {
		doctor_add(r, DOCTOR_OK, "unprivileged_bpf", "no such setting");
	} else if (value[0] != '0' && host->kernel && host->kernel < DOCTOR_KERNEL(5, 19)) {
		/* Later ones let whoever has a map open go on to use it. */
		doctor_add(r, DOCTOR_WARNING, "unprivileged_bpf",
			   "not allowed (kernel.unprivileged_bpf_disabled = %s), and before Linux "
			   "5.19 that keeps a node without privileges from its own maps: no "
			   "counters of the XDP program in the summary",
			   value);
		doctor_remedy(r, "take a later kernel, or `sysctl -w "
				 "kernel.unprivileged_bpf_disabled=0` before it is 1");
	} else {
		doctor_add(r, DOCTOR_OK, "unprivileged_bpf",
			   "%s (kernel.unprivileged_bpf_disabled "
			   "= %s); the node does not need it",
			   value[0] == '0' ? "allowed" : "not allowed", value);
	}
}

/*
 * libxdp runs several programs on one interface by replacing functions of a dispatcher
 * (BPF_PROG_TYPE_EXT), which some kernels refuse. The probe attaches nothing.
 */
static void check_dispatcher(struct doctor_report *r, const struct doctor_host *host)
{
	if (!host->bpf_allowed) {
		doctor_add(r, DOCTOR_WARNING, "dispatcher", "cannot be seen without privileges");
		doctor_remedy(r, "run as root to see");
	} else if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, NULL) == 1) {
		doctor_add(r, DOCTOR_OK, "dispatcher",
			   "program extensions load: libxdp runs several programs an interface");
	} else {
		doctor_add(r, DOCTOR_WARNING, "dispatcher",
			   "program extensions are refused "
			   "(kernel lockdown, or no BTF): one XDP program an interface");
		doctor_remedy(r, "before a start unload any other: `xdp-loader status`, "
				 "`xdp-loader unload IFACE --all`");
	}
}

void doctor_check_bpf(struct doctor_report *r, struct doctor_host *host)
{
	check_bpf(r, host);
	check_btf(r);
	check_bpffs(r);
	check_lockdown(r);
	check_unprivileged(r, host);
	check_dispatcher(r, host);
}
