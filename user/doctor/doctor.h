/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor - `mevnode doctor`: what this host can do, and what stands in the way
 *
 * Looks only: it attaches, binds, pins and sets nothing, and runs without privileges as far as they
 * let it see. One thread.
 */
#ifndef MEV_DOCTOR_H
#define MEV_DOCTOR_H

/*
 * argv[0] is "doctor". Returns the exit code: 0 if nothing that the node needs is missing (warnings
 * are fine), 3 if something is, 2 on wrong usage.
 */
int doctor_main(int argc, char **argv);

#endif /* MEV_DOCTOR_H */
