/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exit_code - what every subcommand ends with
 */
#ifndef MEV_EXIT_CODE_H
#define MEV_EXIT_CODE_H

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* at run time */
	EXIT_USAGE = 2,  /* wrong usage or configuration */
	EXIT_HOST = 3,   /* the host lacks something; the message says what and how to get it */
};

#endif /* MEV_EXIT_CODE_H */
