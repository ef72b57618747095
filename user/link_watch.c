// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "link_watch.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "exit_code.h"
#include "log.h"

/* What one reading of the socket has found out. */
struct findings {
	bool gone;     /* the interface */
	bool ask;      /* something has changed, or news were lost */
	bool answered; /* the rest is set: */
	bool has_program;
	__u32 other_id; /* a program that is not ours; 0: none */
	char name[IF_NAMESIZE];
};

/* Asking. */

/* -EAGAIN and the like are no matter: another second, another try. */
static void ask(const struct link_watch *w)
{
	const struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
		struct rtattr mask_head;
		__u32 mask;
	} request = {
		.head = { .nlmsg_len = sizeof(request),
			  .nlmsg_type = RTM_GETLINK,
			  .nlmsg_flags = NLM_F_REQUEST },
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = (int)w->backend->ifindex },
		.mask_head = { .rta_len = RTA_LENGTH(sizeof(__u32)), .rta_type = IFLA_EXT_MASK },
		.mask = RTEXT_FILTER_SKIP_STATS,
	};

	if (sendto(w->netlink_fd, &request, sizeof(request), MSG_DONTWAIT, NULL, 0) < 0)
		log_debug("cannot ask after %s: %s", w->backend->interface, strerror(errno));
}

/* Reading. */

/* With one program each in the driver and in the generic hook there is an attribute for each. */
static void read_programs(const struct rtattr *xdp, __u32 ours, struct findings *f)
{
	size_t left = RTA_PAYLOAD(xdp);

	for (const struct rtattr *a = RTA_DATA(xdp); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		__u32 id;

		if (RTA_PAYLOAD(a) != sizeof(id) || a->rta_type == IFLA_XDP_FLAGS)
			continue;
		memcpy(&id, RTA_DATA(a), sizeof(id));
		if (id == ours)
			f->has_program = true;
		else if (id)
			f->other_id = id;
	}
}

static void read_answer(const struct nlmsghdr *h, __u32 ours, struct findings *f)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	size_t left = IFLA_PAYLOAD(h);

	*f = (struct findings){ .gone = f->gone, .ask = f->ask, .answered = true };
	for (const struct rtattr *a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		int type = a->rta_type & NLA_TYPE_MASK;

		if (type == IFLA_XDP)
			read_programs(a, ours, f);
		else if (type == IFLA_IFNAME)
			snprintf(f->name, sizeof(f->name), "%.*s", (int)RTA_PAYLOAD(a),
				 (const char *)RTA_DATA(a));
	}
}

static void read_message(const struct link_watch *w, const struct nlmsghdr *h, struct findings *f)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	const struct nlmsgerr *error = NLMSG_DATA(h);

	if (h->nlmsg_type == NLMSG_ERROR) {
		f->gone |= error->error == -ENODEV;
		return;
	}
	if ((__u32)link->ifi_index != w->backend->ifindex)
		return;
	if (h->nlmsg_type == RTM_DELLINK)
		f->gone = true;
	else if (h->nlmsg_type == RTM_NEWLINK && h->nlmsg_pid == w->port)
		read_answer(h, w->backend->prog_id, f);
	else
		f->ask = true;
}

static void read_all(const struct link_watch *w, struct findings *f)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t len;

	while ((len = recv(w->netlink_fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0 ||
	       (len < 0 && errno == ENOBUFS)) {
		size_t left = len > 0 ? (size_t)len : 0;

		f->ask |= len < 0; /* news were lost */
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			read_message(w, h, f);
	}
}

/* Judging. */

static void follow_name(struct backend *b, const char *name)
{
	if (!name[0] || !strcmp(name, b->interface))
		return;
	log_info("%s is now called %s: the node goes on", b->interface, name);
	snprintf(b->interface, sizeof(b->interface), "%s", name);
}

static int judge_program(struct backend *b, const struct findings *f)
{
	if (!b->prog_id || f->has_program)
		return EVENTS_GO_ON;
	if (b->prog_is_dispatcher && f->other_id) {
		/* As libxdp does when another program comes or goes; ours stays in the new one. */
		log_debug("XDP program %u on %s is replaced by %u, libxdp's dispatcher as well",
			  b->prog_id, b->interface, f->other_id);
		b->prog_id = f->other_id;
		return EVENTS_GO_ON;
	}
	if (f->other_id)
		log_err("XDP program %u on %s was replaced by %u: stopping; "
			"`bpftool prog show id %u` names it",
			b->prog_id, b->interface, f->other_id, f->other_id);
	else
		log_err("XDP program %u was taken off %s by somebody else: stopping; start the "
			"node again once that has ended",
			b->prog_id, b->interface);
	return EXIT_FAILED;
}

static int on_news(void *link_watch)
{
	const struct link_watch *w = link_watch;
	struct findings f = { 0 };

	read_all(w, &f);
	if (f.gone) {
		log_err("%s was removed: stopping", w->backend->interface);
		return EXIT_FAILED;
	}
	if (f.ask)
		ask(w);
	if (!f.answered)
		return EVENTS_GO_ON;
	follow_name(w->backend, f.name);
	return judge_program(w->backend, &f);
}

static int on_second(void *link_watch)
{
	const struct link_watch *w = link_watch;
	__u64 ticks;

	if (read(w->timer_fd, &ticks, sizeof(ticks)) == sizeof(ticks))
		ask(w);
	return EVENTS_GO_ON;
}

int link_watch_open(struct link_watch *w)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	socklen_t len = sizeof(addr);

	w->netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->netlink_fd < 0 || w->timer_fd < 0 ||
	    bind(w->netlink_fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockname(w->netlink_fd, (struct sockaddr *)&addr, &len))
		return -errno;
	w->port = addr.nl_pid;
	return 0;
}

int link_watch_begin(struct link_watch *w, struct backend *b, struct events *e)
{
	const struct itimerspec second = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int err = events_add(e, w->netlink_fd, on_news, w);

	w->backend = b;
	if (!err)
		err = events_add(e, w->timer_fd, on_second, w);
	if (!err && timerfd_settime(w->timer_fd, 0, &second, NULL))
		err = -errno;
	if (err)
		log_err("cannot watch over %s: %s", b->interface, strerror(-err));
	return err;
}

void link_watch_close(struct link_watch *w)
{
	if (w->netlink_fd >= 0)
		close(w->netlink_fd);
	if (w->timer_fd >= 0)
		close(w->timer_fd);
}
