// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor_checks.h"
#include "latency.h"
#include "privileges.h"
#include "umem.h"

#define UMEM_BYTES ((__u64)UMEM_CHUNK_CNT * UMEM_CHUNK_ZEROCOPY)
#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0"

static void check_kernel(struct doctor_report *r, struct doctor_host *host)
{
	unsigned int major = 0, minor = 0;
	struct utsname uts;
	bool supported;

	/* Not fatal if the kernel is an odd one: the probes below tell what works. */
	if (uname(&uts) || sscanf(uts.release, "%u.%u", &major, &minor) != 2) {
		doctor_add(r, DOCTOR_WARNING, "kernel", "version not understood");
		doctor_remedy(r, "look at `uname -r`: Linux 5.15 or later is supported");
		return;
	}
	host->kernel = DOCTOR_KERNEL(major, minor);
	supported = host->kernel >= DOCTOR_KERNEL(5, 15);
	doctor_add(r, supported ? DOCTOR_OK : DOCTOR_MISSING, "kernel", "Linux %s on %s, %s 5.15",
		   uts.release, uts.machine, supported ? "not older than" : "older than");
	if (!supported)
		doctor_remedy(r, "install a kernel of 5.15 or later, such as Debian 12's: "
				 "`apt-get install linux-image-amd64`, then reboot");
}

static void check_af_xdp(struct doctor_report *r)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), err = errno;

	if (fd >= 0) {
		close(fd);
		doctor_add(r, DOCTOR_OK, "af_xdp", "sockets can be created");
		return;
	}
	doctor_add(r, DOCTOR_MISSING, "af_xdp", "socket(AF_XDP): %s", strerror(err));
	if (err == EPERM || err == EACCES) /* the kernel has it: the family is looked up first */
		doctor_remedy(r, "run as root or with CAP_NET_RAW; in a container, also check that "
				 "its seccomp profile allows AF_XDP");
	else
		doctor_remedy(r, "take a kernel with CONFIG_XDP_SOCKETS=y: "
				 "`grep XDP_SOCKETS /boot/config-$(uname -r)`");
}

/* Capabilities. */

static bool has_cap(const struct doctor_host *host, int number)
{
	return host->caps >> number & 1;
}

static void remedy_caps(struct doctor_report *r)
{
	char exe[PATH_MAX / 16] = "";

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		strcpy(exe, "/usr/sbin/mevnode");
	doctor_remedy(r,
		      "run as root, or once `setcap cap_net_admin,cap_net_raw,cap_bpf,"
		      "cap_perfmon,cap_ipc_lock+ep %s`",
		      exe);
}

static void check_caps(struct doctor_report *r, struct doctor_host *host)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data)) {
		doctor_add(r, DOCTOR_WARNING, "capabilities", "capget: %s", strerror(errno));
		doctor_remedy(r, "`grep CapEff /proc/self/status` shows them");
		return;
	}
	host->caps = (__u64)data[1].effective << 32 | data[0].effective;
	for (size_t i = 0; i < PRIVILEGES_CNT; i++) {
		const struct privilege *p = &privileges_needed[i];
		bool direct = has_cap(host, p->cap);
		bool has = direct || (p->sys_admin_will_do && has_cap(host, CAP_SYS_ADMIN));
		char name[32] = "";

		if (p->cap == CAP_IPC_LOCK)
			continue; /* by the limit: check_memlock() */
		for (size_t c = 0; p->name[c] && c + 1 < sizeof(name); c++)
			name[c] = (char)tolower((unsigned char)p->name[c]);
		doctor_add(r, has ? DOCTOR_OK : DOCTOR_MISSING, name, "%s, needed at the start %s",
			   direct ? "there" :
			   has    ? "CAP_SYS_ADMIN stands in" :
				    "not there",
			   p->why);
		if (!has)
			remedy_caps(r);
	}
}

/* What the node locks itself into once it serves. */
static void check_sandbox(struct doctor_report *r)
{
	const __u32 action = SECCOMP_RET_TRAP;

	if (!syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)) {
		doctor_add(r, DOCTOR_OK, "sandbox", "seccomp filters can be installed");
		return;
	}
	doctor_add(r, DOCTOR_MISSING, "sandbox", "seccomp: %s", strerror(errno));
	doctor_remedy(r, "take a kernel with CONFIG_SECCOMP_FILTER=y: `grep SECCOMP_FILTER "
			 "/boot/config-$(uname -r)`, or `mevnode run --no-sandbox`");
}

/* Memory. */

static void check_memlock(struct doctor_report *r, const struct doctor_host *host)
{
	__u64 need = UMEM_BYTES * host->queue_cnt;
	struct rlimit limit;
	char text[32];
	bool enough;

	if (has_cap(host, CAP_IPC_LOCK)) {
		doctor_add(r, DOCTOR_OK, "memlock", "CAP_IPC_LOCK: RLIMIT_MEMLOCK does not bind");
		return;
	}
	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		limit.rlim_cur = 0;
	/* BPF maps do not count: since Linux 5.11 they are charged to the memory cgroup. */
	enough = limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= need;
	if (limit.rlim_cur == RLIM_INFINITY)
		strcpy(text, "unlimited");
	else
		snprintf(text, sizeof(text), "%llu KiB", (unsigned long long)limit.rlim_cur >> 10);
	doctor_add(r, enough ? DOCTOR_OK : DOCTOR_MISSING, "memlock",
		   "RLIMIT_MEMLOCK is %s without CAP_IPC_LOCK, packet memory for %u queue%s takes "
		   "%llu KiB",
		   text, host->queue_cnt, host->queue_cnt == 1 ? "" : "s",
		   (unsigned long long)need >> 10);
	if (!enough)
		doctor_remedy(r,
			      "as root `prlimit --memlock=%llu:%llu --pid $$` for your shell, "
			      "LimitMEMLOCK=infinity in a systemd unit, or grant CAP_IPC_LOCK",
			      (unsigned long long)need, (unsigned long long)need);
}

struct huge_pages {
	unsigned long long total, free, reserved, kib;
};

static bool read_huge_pages(struct huge_pages *h)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];

	*h = (struct huge_pages){ 0 };
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "HugePages_Total: %llu", &h->total) == 1 ||
		    sscanf(line, "HugePages_Free: %llu", &h->free) == 1 ||
		    sscanf(line, "HugePages_Rsvd: %llu", &h->reserved) == 1)
			continue;
		sscanf(line, "Hugepagesize: %llu", &h->kib);
	}
	fclose(f);
	return h->kib > 0;
}

static void check_hugepages(struct doctor_report *r, const struct doctor_host *host)
{
	unsigned long long need, available;
	struct huge_pages h;

	if (!read_huge_pages(&h)) {
		doctor_add(r, DOCTOR_WARNING, "hugepages",
			   "/proc/meminfo shows none: packet memory takes normal pages");
		doctor_remedy(r, "take a kernel with CONFIG_HUGETLBFS=y: "
				 "`grep Huge /proc/meminfo`");
		return;
	}
	need = (UMEM_BYTES + (h.kib << 10) - 1) / (h.kib << 10) * host->queue_cnt;
	available = h.free > h.reserved ? h.free - h.reserved : 0;
	doctor_add(r, available >= need ? DOCTOR_OK : DOCTOR_WARNING, "hugepages",
		   "%llu free of %llu KiB, %llu wanted for %u queue%s%s", available, h.kib, need,
		   host->queue_cnt, host->queue_cnt == 1 ? "" : "s",
		   available >= need ? "" : ": normal pages do, with more TLB misses");
	if (available < need)
		doctor_remedy(r, "`sysctl -w vm.nr_hugepages=%llu`", h.total + need - available);
}

/* Clock and CPUs. */

static void check_clock(struct doctor_report *r)
{
	char source[32] = "unknown";
	FILE *f = fopen(CLOCKSOURCE "/current_clocksource", "re");
	struct latency_clock clock;

	if (f) {
		if (!fgets(source, sizeof(source), f))
			strcpy(source, "unknown");
		source[strcspn(source, "\n")] = '\0';
		fclose(f);
	}
	latency_clock_init(&clock);
	/* Each reading of these is a system call; where there is a TSC, the kernel mistrusts it. */
	if (!strcmp(source, "hpet") || !strcmp(source, "acpi_pm") || !strcmp(source, "jiffies") ||
	    !strcmp(source, "refined-jiffies")) {
		doctor_add(r, DOCTOR_WARNING, "clock", "clocksource %s: slow, and %s TSC", source,
			   clock.tsc ? "the kernel mistrusts the" : "no invariant");
		doctor_remedy(r,
			      "`cat %s/available_clocksource`, then `echo ONE > "
			      "%s/current_clocksource`; `dmesg | grep -i tsc` says why",
			      CLOCKSOURCE, CLOCKSOURCE);
		return;
	}
	doctor_add(r, DOCTOR_OK, "clock", "%s, clocksource %s",
		   clock.tsc ? "invariant TSC" : "no invariant TSC: latency by clock_gettime",
		   source);
}

static void check_cpus(struct doctor_report *r, const struct doctor_host *host)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;
	int usable;

	/* Fails only where the kernel knows more CPUs than the set holds. */
	usable = sched_getaffinity(0, sizeof(set), &set) ? (int)online : CPU_COUNT(&set);
	if ((__u32)usable >= host->queue_cnt) {
		doctor_add(r, DOCTOR_OK, "cpus", "%d usable of %ld online", usable, online);
		return;
	}
	doctor_add(r, DOCTOR_WARNING, "cpus",
		   "%d usable of %ld online for %u queues: workers share a CPU", usable, online,
		   host->queue_cnt);
	doctor_remedy(r,
		      "fewer queues, `ethtool -L IFACE combined %d`, or more CPUs (taskset, "
		      "AllowedCPUs= in systemd)",
		      usable);
}

void doctor_check_host(struct doctor_report *r, struct doctor_host *host)
{
	check_kernel(r, host);
	check_af_xdp(r);
	check_caps(r, host);
	check_sandbox(r);
	check_memlock(r, host);
	check_hugepages(r, host);
	check_clock(r);
	check_cpus(r, host);
}
