// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A batch of frames before the XDP program in the kernel and before the userspace filter: the same
 * action for each, the same counters over all, the same pools behind them. Needs root.
 *
 * Input: a byte of configuration flags, then frames: 16 bits of length, of which the highest says
 * that the IPv4 checksum is to be put right, and bytes. A system call a frame and two a batch.
 */
#include <stdint.h>

#include "bpf/prog_world.h"

#define BATCH 64
#define OWN_IP 0x0345a8c0 /* 192.168.69.3 as it lies in memory */

static struct prog_world kernel;
static struct filter_world user;
static __u64 compared;

static void tell(void)
{
	printf("frames_compared: %llu\n", (unsigned long long)compared);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (geteuid()) {
		fprintf(stderr, "needs root: it loads BPF programs\n");
		exit(3);
	}
	prog_open(&kernel);
	world_open(&user);
	atexit(tell);
	return 0;
}

static void configure(__u8 flags)
{
	user.config.flags = flags & (MEV_VERIFY_UDP_SUM | MEV_FEED_RESTRICTED);
	user.config.own_ip = flags & 0x80 ? OWN_IP : 0;
	kernel.config->flags = user.config.flags;
	kernel.config->own_ip = user.config.own_ip;
	world_reset_pools(kernel.pools);
	world_reset_pools(user.pools);
}

/* The next frame of the input; false at its end. */
static bool next_frame(const uint8_t **data, size_t *size, struct frame *f)
{
	size_t len;
	bool fix;

	if (*size < 2)
		return false;
	len = (*data)[0] | ((*data)[1] & 0x7f) << 8;
	fix = (*data)[1] & 0x80;
	*data += 2;
	*size -= 2;
	if (len > *size)
		len = *size;
	if (len > sizeof(f->bytes))
		len = sizeof(f->bytes);
	memset(f, 0, sizeof(*f));
	memcpy(f->bytes, *data, len);
	f->len = (__u32)len;
	*data += len;
	*size -= len;
	if (fix && len >= 38) {
		f->l3 = f->bytes[12] == 0x81 || f->bytes[12] == 0x88 ? 18 : 14;
		if (f->bytes[f->l3] >> 4 == 4 && f->l3 + (f->bytes[f->l3] & 15) * 4 <= f->len)
			frame_fix_ip_sum(f);
	}
	return true;
}

static __u32 run_in_kernel(const struct frame *f)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = f->len,
		    .repeat = 1);

	if (bpf_prog_test_run_opts(kernel.prog_fd, &opts))
		cr_assert_fail("test_run of %u bytes: %s", f->len, strerror(errno));
	return opts.retval;
}

/* What the kernel counted since prog_sync() against `mine`, frames and bytes by verdict. */
static void compare_counters(const struct mev_counters *mine)
{
	read_counters(&kernel, kernel.now);
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		const struct mev_counter *want = mev_counter_of((struct mev_counters *)mine, v);
		struct mev_counter got = { 0 };

		for (int cpu = 0; cpu < kernel.cpus; cpu++) {
			struct mev_counter *now = mev_counter_of(&kernel.now[cpu], v);
			struct mev_counter *before = mev_counter_of(&kernel.before[cpu], v);

			got.packets += now->packets - before->packets;
			got.bytes += now->bytes - before->bytes;
		}
		if (got.packets != want->packets || got.bytes != want->bytes)
			cr_assert_fail("%s: kernel %llu frames, userspace %llu",
				       mev_verdict_name(v), (unsigned long long)got.packets,
				       (unsigned long long)want->packets);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mev_counters mine = { 0 };
	struct frame f;

	if (!size)
		return 0;
	configure(*data++);
	size--;
	prog_sync(&kernel);
	for (int i = 0; i < BATCH && next_frame(&data, &size, &f); i++) {
		enum mev_verdict verdict;
		struct mev_counter *c;
		__u32 action, slot;

		if (f.len < 14) /* test_run takes no such frame, nor does a driver deliver it */
			continue;
		action = run_in_kernel(&f);
		verdict = user_filter_judge(&user.filter, f.bytes, f.len, &slot);
		if (verdict == MEV_STACK ? action != XDP_REDIRECT : action != action_of(verdict))
			cr_assert_fail("frame %d: kernel's action %u, userspace %s", i, action,
				       mev_verdict_name(verdict));
		c = mev_counter_of(&mine, verdict);
		c->packets++;
		c->bytes += f.len;
		compared++;
	}
	compare_counters(&mine);
	if (memcmp(kernel.pools, user.pools, sizeof(user.pools)))
		cr_assert_fail("pools differ");
	return 0;
}
