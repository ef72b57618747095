// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "doctor.h"

#include "log.h"
#include "options.h"

int doctor_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	log_err("doctor: not there yet");
	return EXIT_FAILED;
}
