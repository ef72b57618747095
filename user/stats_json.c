// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <jansson.h>
#include <stdio.h>

#include "stats.h"

void stats_prepare(void)
{
	json_object_seed(0); /* from /dev/urandom */
}

static json_t *json_count(__u64 value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_latency(const struct latency_hist *hist)
{
	struct latency_summary l = latency_summarize(hist);
	json_t *o = json_object();

	json_object_set_new(o, "count", json_count(l.count));
	json_object_set_new(o, "p50", json_count(l.p50));
	json_object_set_new(o, "p90", json_count(l.p90));
	json_object_set_new(o, "p99", json_count(l.p99));
	json_object_set_new(o, "p999", json_count(l.p999));
	json_object_set_new(o, "max", json_count(l.max));
	return o;
}

static json_t *json_pools(const struct stats *s)
{
	char address[2 * MEV_ADDRESS_LEN + 1];
	json_t *list = json_array();

	for (__u32 i = 0; i < s->pool_cnt; i++) {
		const struct stats_pool *p = &s->pools[i];
		json_t *o;

		if (stats_pool_idle(p))
			continue;
		o = json_object();
		stats_address(p, address);
		json_object_set_new(o, "address", json_string(address));
		json_object_set_new(o, "swaps", json_count(p->filter.swaps));
		json_object_set_new(o, "candidates", json_count(p->filter.candidates));
		json_object_set_new(o, "replies", json_count(stats_pool_replies(p)));
		json_object_set_new(o, "updates", json_count(p->filter.updates));
		json_object_set_new(o, "gaps", json_count(p->filter.gaps));
		json_object_set_new(o, "stale", json_count(p->filter.stale));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *json_records(const struct mev_counters *c)
{
	json_t *o = json_object();

	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		__u64 records = mev_counter_of((struct mev_counters *)c, v)->packets;

		if (records)
			json_object_set_new(o, mev_verdict_name(v), json_count(records));
	}
	return o;
}

static json_t *json_stack(const struct stack_counters *c)
{
	json_t *o = json_object();

#define X(name, text) json_object_set_new(o, #name, json_count(c->name));
	STACK_COUNTERS(X)
#undef X
	json_object_set_new(o, "tcp", json_records(&c->tcp));
	json_object_set_new(o, "udp", json_records(&c->udp));
	return o;
}

static json_t *json_text(const char *text)
{
	return *text ? json_string(text) : json_null();
}

/* Who counted; without a node all but the interface is null. */
static void json_set_node(json_t *root, const struct stats_node *n)
{
	json_t *queues = json_array();

	for (__u32 i = 0; i < n->queue_cnt; i++)
		json_array_append_new(queues, json_count(n->queues[i]));
	json_object_set_new(root, "backend", json_text(n->backend));
	json_object_set_new(root, "mode", json_text(n->mode));
	json_object_set_new(root, "interface", json_text(n->interface));
	json_object_set_new(root, "queues", queues);
	json_object_set_new(root, "pid", n->pid ? json_count(n->pid) : json_null());
	json_object_set_new(root, "version", json_text(n->version));
	json_object_set_new(root, "started_s",
			    n->pid ? json_count(n->started_ns / 1000000000) : json_null());
}

static void json_set_counts(json_t *root, const struct stats *s)
{
	json_t *io = json_object(), *latency = json_object();

	for (__u32 i = 0; i < s->io_cnt; i++)
		json_object_set_new(io, s->io[i].name, json_integer((json_int_t)s->io[i].value));
	json_object_set_new(root, s->io_name, io);
	if (s->has_stack)
		json_object_set_new(root, "stack", json_stack(&s->stack));
	json_object_set_new(latency, "hot_path", json_latency(&s->hot_path_ns));
	json_object_set_new(latency, "in_node", json_latency(&s->in_node_ns));
	json_object_set_new(latency, "decision", json_latency(&s->decision_ns));
	json_object_set_new(root, "latency_ns", latency);
}

/* What became of candidates in the driver, of which `unprofitable` is among the verdicts' as well. */
static json_t *json_in_driver(const struct mev_counters *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "replied", json_count(c->replied_in_driver.packets));
	json_object_set_new(o, "unprofitable", json_count(c->unprofitable.packets));
	json_object_set_new(o, "handed_up", json_count(c->handed_up.packets));
	return o;
}

int stats_print_json(const struct stats *s)
{
	json_t *root = json_object(), *verdicts = json_object();

	json_set_node(root, &s->node);
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++)
		json_object_set_new(verdicts, mev_verdict_name(v), json_count(stats_frames(s, v)));
	json_object_set_new(root, "verdicts", verdicts);
	json_object_set_new(root, "candidate_precision",
			    s->node.pid && stats_candidates(s) ? json_real(stats_precision(s)) :
								 json_null());
	json_object_set_new(root, "engine",
			    json_string(s->engine == MEV_ENGINE_KERNEL ? "kernel" : "user"));
	json_object_set_new(root, "in_driver", json_in_driver(&s->filter));
	json_object_set_new(root, "pools", json_pools(s));
	if (s->node.pid)
		json_set_counts(root, s);

	json_dumpf(root, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(root);
	return stats_flush();
}
