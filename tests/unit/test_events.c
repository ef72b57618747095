// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "events.h"
#include "exit_code.h"

/* A source that says its code at the `last` call, and what calls it makes in turn. */
struct source {
	int fd, calls, last, code;
	struct events *events;
	struct source *wakes;
};

static int ready(void *ctx)
{
	struct source *s = ctx;
	eventfd_t value;

	eventfd_read(s->fd, &value);
	if (s->wakes)
		eventfd_write(s->wakes->fd, 1);
	return ++s->calls == s->last ? s->code : EVENTS_GO_ON;
}

Test(events, only_what_is_readable_until_one_says_a_code)
{
	struct events e = { 0 };
	struct source quiet = { .fd = eventfd(0, EFD_NONBLOCK) };
	struct source a = { .fd = eventfd(1, EFD_NONBLOCK) };
	struct source b = { .fd = eventfd(0, EFD_NONBLOCK), .last = 2, .code = EXIT_HOST };

	a.wakes = &b;
	b.wakes = &a;
	cr_assert_eq(events_add(&e, quiet.fd, ready, &quiet), 0);
	cr_assert_eq(events_add(&e, a.fd, ready, &a), 0);
	cr_assert_eq(events_add(&e, b.fd, ready, &b), 0);
	cr_assert_eq(events_run(&e), EXIT_HOST);
	cr_assert_eq(quiet.calls, 0);
	cr_assert_eq(a.calls, 2);
	cr_assert_eq(b.calls, 2);
	close(quiet.fd);
	close(a.fd);
	close(b.fd);
}

static struct source late = { .last = 1, .code = EXIT_FAILED };

static int adds_another(void *ctx)
{
	struct source *s = ctx;

	events_add(s->events, late.fd, ready, &late);
	return ready(s);
}

Test(events, a_handler_may_add_one)
{
	struct events e = { 0 };
	struct source s = { .fd = eventfd(1, EFD_NONBLOCK), .events = &e };

	late.fd = eventfd(1, EFD_NONBLOCK);
	events_add(&e, s.fd, adds_another, &s);
	cr_assert_eq(events_run(&e), EXIT_FAILED);
	cr_assert_eq(s.calls, 1);
	close(s.fd);
	close(late.fd);
}

Test(events, the_table_has_an_end)
{
	struct events e = { 0 };

	for (int i = 0; i < EVENTS_MAX; i++)
		cr_assert_eq(events_add(&e, 0, ready, NULL), 0);
	cr_assert_eq(events_add(&e, 0, ready, NULL), -ENOSPC);
}
