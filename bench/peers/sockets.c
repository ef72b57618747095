// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

/* Bursts wait here instead of being lost: as many as an AF_XDP ring holds, and more. */
#define RECEIVE_BUFFER (4 << 20)

static int open_bound(const char *interface, __u16 port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int size = RECEIVE_BUFFER;
	int err, fd;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) ||
	    bind(fd, (const struct sockaddr *)&to, sizeof(to))) {
		err = -errno;
		log_err("cannot bind UDP port %u on %s: %s", port, interface, strerror(-err));
		if (fd >= 0)
			close(fd);
		return err;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		log_warn("cannot enlarge the receive buffer of port %u: %s; run as root", port,
			 strerror(errno));
	return fd;
}

static enum mev_verdict take_update(struct peer *p, const void *payload, ssize_t len)
{
	const struct pool_state_update *update = payload;
	__u32 slot;
	bool gap;

	if (len != sizeof(*update))
		return MEV_BAD_LENGTH;
	if (!pool_table_find(p->work.index, update->pool_address, &slot))
		return MEV_UPDATE_UNKNOWN_POOL;
	return mev_pool_update(&p->work.pools[slot], update, &gap);
}

static void *take_updates(void *sockets)
{
	__u8 payload[sizeof(struct pool_state_update) + 1] __attribute__((aligned(8)));
	struct sockets *s = sockets;

	while (!peer_stopping(s->peer)) {
		ssize_t len = recv(s->update_fd, payload, sizeof(payload), 0);

		if (len < 0 || peer_stopping(s->peer))
			continue;
		mev_counter_of(&s->updates, take_update(s->peer, payload, len))->packets++;
	}
	return NULL;
}

int sockets_open(struct sockets *s, struct peer *p)
{
	const struct config *c = &p->work.source;
	int err;

	*s = (struct sockets){ .swap_fd = -1, .update_fd = -1, .peer = p };
	if (c->node.flags & MEV_FEED_RESTRICTED) {
		log_err("this peer believes every feed: leave [feed] out of %s",
			p->options->config_path);
		return -EINVAL;
	}
	s->swap_fd = open_bound(p->options->interface, c->node.swap_port);
	if (s->swap_fd < 0)
		return s->swap_fd;
	s->update_fd = open_bound(p->options->interface, c->node.update_port);
	if (s->update_fd < 0)
		return s->update_fd;
	err = pthread_create(&s->thread, NULL, take_updates, s);
	if (err)
		log_err("cannot start the thread for updates: %s", strerror(err));
	s->started = !err;
	return -err;
}

void sockets_shut(struct sockets *s)
{
	/* ENOTCONN all the same, but who waits is woken (inet_shutdown()). */
	shutdown(s->swap_fd, SHUT_RD);
	shutdown(s->update_fd, SHUT_RD);
}

void sockets_close(struct sockets *s)
{
	if (s->started)
		pthread_join(s->thread, NULL);
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++)
		mev_counter_of(&s->peer->counters, v)->packets +=
			mev_counter_of(&s->updates, v)->packets;
	if (s->swap_fd >= 0)
		close(s->swap_fd);
	if (s->update_fd >= 0)
		close(s->update_fd);
}
