// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "events.h"

#include <errno.h>
#include <string.h>

#include "exit_code.h"
#include "log.h"

int events_add(struct events *e, int fd, event_fn *ready, void *ctx)
{
	if (e->cnt == EVENTS_MAX)
		return -ENOSPC;
	e->fds[e->cnt] = (struct pollfd){ .fd = fd, .events = POLLIN };
	e->handlers[e->cnt].ready = ready;
	e->handlers[e->cnt].ctx = ctx;
	e->cnt++;
	return 0;
}

int events_run(struct events *e)
{
	for (;;) {
		nfds_t cnt = e->cnt; /* a handler may add some */

		if (poll(e->fds, cnt, -1) < 0) {
			if (errno == EINTR)
				continue;
			log_err("poll: %s", strerror(errno));
			return EXIT_FAILED;
		}
		for (nfds_t i = 0; i < cnt; i++) {
			int code = EVENTS_GO_ON;

			if (e->fds[i].revents)
				code = e->handlers[i].ready(e->handlers[i].ctx);
			if (code != EVENTS_GO_ON)
				return code;
		}
	}
}
