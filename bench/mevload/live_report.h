/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_report - what `mevload live` found: text for a person, JSON for a file
 */
#ifndef MEVLOAD_LIVE_REPORT_H
#define MEVLOAD_LIVE_REPORT_H

#include "live_run.h"

struct live_report {
	const struct live_options *options;
	const struct live_frames *frames;
	const struct live_result *results;
	const char *attached; /* name of the program on the interface; "" if it was not asked for */
	__u32 attached_id;
};

/* Writes what the options ask for. 0 or -errno, logged. */
int live_report(const struct live_report *r);

#endif /* MEVLOAD_LIVE_REPORT_H */
