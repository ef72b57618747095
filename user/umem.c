// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "umem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "log.h"

int umem_open(struct umem *u, __u32 chunk_size)
{
	const int prot = PROT_READ | PROT_WRITE;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	int err;

	*u = (struct umem){ .size = (size_t)UMEM_CHUNK_CNT * chunk_size,
			    .chunk_size = chunk_size,
			    .huge = true };
	u->area = mmap(NULL, u->size, prot, flags | MAP_HUGETLB, -1, 0);
	if (u->area == MAP_FAILED) {
		log_debug(
			"packet memory is on normal pages, as there are not %zu bytes free on huge pages: "
			"`mevnode doctor` shows the remedy",
			u->size);
		u->huge = false;
		u->area = mmap(NULL, u->size, prot, flags, -1, 0);
	}
	if (u->area == MAP_FAILED) {
		err = -errno;
		log_err("cannot map %zu bytes of packet memory: %s", u->size, strerror(-err));
		*u = (struct umem){ 0 };
		return err;
	}
	if (mlock(u->area, u->size)) {
		err = -errno;
		log_err("cannot lock %zu bytes of packet memory: %s; raise `ulimit -l` or grant "
			"CAP_IPC_LOCK",
			u->size, strerror(-err));
		umem_close(u);
		return -EPERM; /* ENOMEM is what mlock() says beyond the limit */
	}
	return 0;
}

void umem_close(struct umem *u)
{
	if (u->area)
		munmap(u->area, u->size);
	*u = (struct umem){ 0 };
}
