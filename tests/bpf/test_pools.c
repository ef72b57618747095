// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Economics and pool state in the kernel: agreement with userspace, nothing lost, nothing torn. */
#include <pthread.h>

#include "latency.h"
#include "prog_world.h"
#include "sandwich.h"

static struct prog_world w;

static __u64 random64(unsigned int *seed)
{
	__u64 a = (__u64)rand_r(seed), b = (__u64)rand_r(seed), c = (__u64)rand_r(seed);

	return a << 42 ^ b << 21 ^ c;
}

/* Of any size: the number of bits is as likely as any other. */
static __u64 random_size(unsigned int *seed)
{
	return random64(seed) >> (unsigned int)rand_r(seed) % 64 | 1;
}

struct pair {
	struct mev_pool pool;
	__u64 amount, min_out;
	__u8 direction;
};

/* A pool and a swap close to where a verdict changes. */
static struct pair random_pair(unsigned int *seed)
{
	static const __u32 fees[][2] = { { 997, 1000 },      { 9975, 10000 }, { 9999, 10000 },
					 { 1, 1 },           { 700, 1000 },   { 1, 1000000 },
					 { 999999, 1000000 } };
	size_t fee = (unsigned int)rand_r(seed) % (sizeof(fees) / sizeof(fees[0]));
	struct pair p = { .direction = (__u8)(rand_r(seed) & 1) };
	struct amm_side side;

	p.pool = (struct mev_pool){
		.reserve0 = random_size(seed),
		.reserve1 = random_size(seed),
		.fee_n = fees[fee][0],
		.fee_d = fees[fee][1],
		.kappa_q64 = amm_kappa_q64(fees[fee][0], fees[fee][1]),
	};
	memcpy(p.pool.address_head, POOL_A, MEV_POOL_HEAD_LEN);
	side = (struct amm_side){ p.direction ? p.pool.reserve1 : p.pool.reserve0,
				  p.direction ? p.pool.reserve0 : p.pool.reserve1, p.pool.fee_n,
				  p.pool.fee_d };
	switch (rand_r(seed) % 3) {
	case 0:
		p.amount = random_size(seed);
		break;
	default:
		p.amount = amm_break_even(side.rin, p.pool.kappa_q64) +
			   (unsigned int)rand_r(seed) % 5 - 2;
	}
	p.min_out = rand_r(seed) % 4 ?
			    amm_out(&side, p.amount) + (unsigned int)rand_r(seed) % 3 - 1 :
			    random_size(seed);
	return p;
}

Test(pools, a_million_pairs_around_the_limits, .timeout = 300)
{
	__u64 seen[MEV_VERDICT_CNT + 1] = { 0 };
	struct filter_world user;
	unsigned int seed = 7;

	if (!need_root())
		return;
	prog_open(&w);
	world_open(&user);
	w.config->min_amount_in = user.config.min_amount_in = 0;
	prog_sync(&w);
	for (int i = 0; i < 1000000; i++) {
		struct pair p = random_pair(&seed);
		enum mev_verdict mine;
		struct sandwich best;
		struct prog_result r;
		__u32 slot;

		w.pools[0] = user.pools[0] = p.pool;
		FRAME(f, 0);
		put_le(f.bytes + f.payload + 28, p.amount, 8);
		put_le(f.bytes + f.payload + 36, p.min_out, 8);
		f.bytes[f.payload + 44] = p.direction;
		r = prog_run(&w, f.bytes, f.len, NULL);
		mine = user_filter_judge(&user.filter, f.bytes, f.len, &slot);
		cr_assert_eq(r.verdict, mine, "pair %d: kernel %s, userspace %s", i,
			     mev_verdict_name(r.verdict), mev_verdict_name(mine));
		seen[mine]++;
		if (mine == MEV_REDIRECT)
			continue;
		/* Dropped in the driver: then nobody, however rich, had anything to gain. */
		cr_assert_not(sandwich_best(&(struct amm_side){ p.direction ? p.pool.reserve1 :
									      p.pool.reserve0,
								p.direction ? p.pool.reserve0 :
									      p.pool.reserve1,
								p.pool.fee_n, p.pool.fee_d },
					    p.amount, p.min_out, ~0ULL, &best),
			      "pair %d: dropped as %s, profit %llu", i, mev_verdict_name(mine),
			      (unsigned long long)best.profit);
	}
	cr_assert(seen[MEV_BELOW_BREAK_EVEN] > 1000 && seen[MEV_VICTIM_REVERTS] > 1000 &&
			  seen[MEV_REDIRECT] > 1000,
		  "one-sided: %llu %llu %llu", seen[MEV_BELOW_BREAK_EVEN], seen[MEV_VICTIM_REVERTS],
		  seen[MEV_REDIRECT]);
	world_close(&user);
	prog_close(&w);
}

/* Two CPUs send updates of one pool through the program while this thread reads its line. */

static struct {
	bool stop;
	__u64 runs[2];
} writers;

static void *send_updates(void *arg)
{
	size_t id = (size_t)arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(id % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	for (__u64 i = 1 + id; !__atomic_load_n(&writers.stop, __ATOMIC_RELAXED); i += 2) {
		__u64 r0 = i * 0x100000001;
		FRAME(f, .update = 1, .reserve0 = r0, .reserve1 = r0 + 1, .slot = r0 + 2);
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.bytes, .data_size_in = f.len,
			    .repeat = 16);

		if (!bpf_prog_test_run_opts(w.prog_fd, &opts))
			writers.runs[id] += 16;
	}
	return NULL;
}

Test(pools, two_cpus_write_one_reads_nothing_is_torn, .timeout = 60)
{
	struct mev_pool_counters sum = { 0 }, *cpu;
	__u64 end, reads = 0, changes = 0, last = 0, busy = 0;
	struct mev_pool_state s;
	pthread_t thread[2];
	__u32 slot = 0;

	if (!need_root())
		return;
	prog_open(&w);
	for (size_t i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, send_updates, (void *)i);
	end = latency_monotonic_ns() + 3000000000;
	/* However busy the machine is: until enough states went by (the timeout ends it else). */
	while (latency_monotonic_ns() < end || changes < 100) {
		if (!mev_pool_read(&w.pools[0], &s))
			continue;
		if (s.reserve0 == 1000000000000)
			continue; /* as configured */
		cr_assert(s.reserve1 == s.reserve0 + 1 && s.slot == s.reserve0 + 2,
			  "torn: %llx %llx %llx", s.reserve0, s.reserve1, s.slot);
		reads++;
		changes += s.reserve0 != last;
		last = s.reserve0;
	}
	__atomic_store_n(&writers.stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	cr_assert_geq(changes, 100, "%llu reads saw only %llu states", reads, changes);

	/* Every update is accounted for: applied, or counted as busy. */
	cpu = calloc((size_t)w.cpus, sizeof(*cpu));
	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(w.skel->maps.mev_pool_stats), &slot, cpu), 0);
	for (int i = 0; i < w.cpus; i++)
		sum.updates += cpu[i].updates;
	read_counters(&w, w.now);
	for (int i = 0; i < w.cpus; i++)
		busy += w.now[i].pool_busy.packets;
	cr_assert_eq(sum.updates + busy, writers.runs[0] + writers.runs[1]);
	cr_assert_eq(w.pools[0].lock, 2 * sum.updates & 0xffffffff);
	free(cpu);
	prog_close(&w);
}
