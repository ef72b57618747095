/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * metrics_text - a snapshot in Prometheus' text format, version 0.0.4
 *
 * Names and units follow prometheus.io/docs/practices/naming: seconds, bytes, _total. Histograms have
 * two buckets an octave up to 65 us, one from there to a second; their edges are edges of the
 * log-linear histogram (latency.h), so counts are exact. Its sum is not kept: it is computed from the
 * buckets, to 3 %. Any thread.
 */
#ifndef MEV_METRICS_TEXT_H
#define MEV_METRICS_TEXT_H

#include <stdio.h>

#include "stats.h"

/*
 * Pools that have series of their own: the first ones of the configuration, so that a series does
 * not come and go. More would make the scraper store more than everything else together.
 */
#define METRICS_MAX_POOLS 256

/* `cpu_ns`: CPU time of the process. */
void metrics_text(FILE *to, const struct stats *s, __u64 cpu_ns);

#endif /* MEV_METRICS_TEXT_H */
