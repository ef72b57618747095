// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "metrics_text.h"

#define MEMORY_LIMIT ((size_t)8192) /* a connection's, for its request's head */
#define ROUNDS 8                    /* of libmicrohttpd at a time, while it says there is more */

struct connection {
	int fd; /* -1: free */
	__u64 since_ns;
};

struct metrics {
	const struct snapshot *snapshot;
	struct MHD_Daemon *daemon;
	struct MHD_Response *text; /* of the snapshot taken at text_ns; NULL: none yet */
	__u64 text_ns;
	struct connection connections[METRICS_CONNECTIONS];
	int listen_fd, timer_fd;
};

/* Answers. */

static struct MHD_Response *response(const char *type, size_t len, void *text,
				     enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, text, mode);

	if (r)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return r;
}

/* The text of the last snapshot; made anew if that is new. */
static struct MHD_Response *metrics_response(struct metrics *m)
{
	const struct stats *s = snapshot_stats(m->snapshot);
	struct timespec cpu = { 0 };
	char *text = NULL;
	size_t len;
	FILE *f;

	if (m->text && m->text_ns == s->taken_ns)
		return m->text;
	f = open_memstream(&text, &len);
	if (!f)
		return m->text;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	metrics_text(f, s, (__u64)cpu.tv_sec * 1000000000 + (__u64)cpu.tv_nsec);
	if (fclose(f)) {
		free(text);
		return m->text;
	}
	if (m->text)
		MHD_destroy_response(m->text); /* once nobody is sent it any more */
	m->text_ns = s->taken_ns;
	m->text = response("text/plain; version=0.0.4; charset=utf-8", len, text,
			   MHD_RESPMEM_MUST_FREE);
	return m->text;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned int status, const char *text)
{
	struct MHD_Response *r = response("text/plain; charset=utf-8", strlen(text),
					  (void *)(unsigned long)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

/* Answered before libmicrohttpd looks for a body, so it closes behind it: a connection, a request. */
static enum MHD_Result on_request(void *metrics, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **request)
{
	struct metrics *m = metrics;
	struct MHD_Response *text;

	(void)version;
	(void)upload;
	(void)upload_len;
	(void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (!strcmp(url, "/metrics")) {
		text = metrics_response(m);
		return text ? MHD_queue_response(c, MHD_HTTP_OK, text) : MHD_NO;
	}
	if (!strcmp(url, "/healthz"))
		return snapshot_stats(m->snapshot)->ready ?
			       say(c, MHD_HTTP_OK, "ok\n") :
			       say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "every frame passes\n");
	if (!strcmp(url, "/"))
		return say(c, MHD_HTTP_OK, "mevnode " MEV_VERSION ": /metrics, /healthz\n");
	return say(c, MHD_HTTP_NOT_FOUND, "there is /metrics and /healthz\n");
}

/* Connections. */

static struct connection *find(struct metrics *m, int fd)
{
	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		if (m->connections[i].fd == fd)
			return &m->connections[i];
	return NULL;
}

static void on_connection(void *metrics, struct MHD_Connection *c, void **unused,
			  enum MHD_ConnectionNotificationCode code)
{
	struct metrics *m = metrics;
	int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	bool starts = code == MHD_CONNECTION_NOTIFY_STARTED;
	struct connection *connection = find(m, starts ? -1 : fd);

	(void)unused;
	if (!connection)
		return;
	connection->fd = starts ? fd : -1;
	connection->since_ns = latency_monotonic_ns();
}

/* libmicrohttpd's time-out begins anew with every byte: a trickle would hold a connection. */
static void end_old_ones(struct metrics *m)
{
	__u64 now = latency_monotonic_ns();

	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		if (m->connections[i].fd >= 0 &&
		    now - m->connections[i].since_ns > METRICS_LIFETIME_S * 1000000000ULL)
			shutdown(m->connections[i].fd, SHUT_RDWR);
}

static int on_traffic(void *metrics)
{
	const struct metrics *m = metrics;
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;

	for (int i = 0; i < ROUNDS && !wait_ms; i++) {
		MHD_run(m->daemon);
		if (MHD_get_timeout(m->daemon, &wait_ms) != MHD_YES)
			break;
	}
	return EVENTS_GO_ON;
}

/* A second has passed: time-outs, and what was left when the rounds were over. */
static int on_timer(void *metrics)
{
	struct metrics *m = metrics;
	__u64 ticks;

	if (read(m->timer_fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		return EVENTS_GO_ON;
	end_old_ones(m);
	return on_traffic(m);
}

/* Opening. */

static const char *address_text(const struct sockaddr_storage *a, char text[80])
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
	char host[INET6_ADDRSTRLEN];

	if (a->ss_family == AF_INET6)
		snprintf(text, 80, "[%s]:%u",
			 inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)),
			 ntohs(in6->sin6_port));
	else
		snprintf(text, 80, "%s:%u", inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host)),
			 ntohs(in->sin_port));
	return text;
}

static int listen_on(const struct sockaddr_storage *a)
{
	socklen_t len =
		a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	int fd = socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int one = 1, zero = 0;
	int err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* [::] takes IPv4 as well, whatever net.ipv6.bindv6only says. */
	if (a->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (!bind(fd, (const struct sockaddr *)a, len) && !listen(fd, METRICS_CONNECTIONS))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int start_daemon(struct metrics *m)
{
	m->daemon =
		MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, m,
				 MHD_OPTION_LISTEN_SOCKET, m->listen_fd,
				 MHD_OPTION_CONNECTION_LIMIT, METRICS_CONNECTIONS,
				 MHD_OPTION_CONNECTION_TIMEOUT, METRICS_IDLE_S,
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_LIMIT,
				 MHD_OPTION_NOTIFY_CONNECTION, on_connection, m, MHD_OPTION_END);
	return m->daemon ? 0 : errno ? -errno : -ENOMEM;
}

static int join_events(struct metrics *m, struct events *e)
{
	const struct itimerspec second = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int epoll_fd = MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	int err;

	m->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (m->timer_fd < 0 || timerfd_settime(m->timer_fd, 0, &second, NULL))
		return -errno;
	err = events_add(e, epoll_fd, on_traffic, m);
	return err ? err : events_add(e, m->timer_fd, on_timer, m);
}

int metrics_open(struct metrics **out, const struct sockaddr_storage *address,
		 const struct snapshot *snapshot, struct events *e)
{
	struct metrics *m = calloc(1, sizeof(*m));
	char text[80];
	int err;

	if (!m)
		return -ENOMEM;
	tzset(); /* reads a file, as the first gmtime() of a Date header otherwise would */
	m->snapshot = snapshot;
	m->timer_fd = -1;
	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		m->connections[i].fd = -1;
	m->listen_fd = listen_on(address);
	err = m->listen_fd < 0 ? m->listen_fd : start_daemon(m);
	if (!err)
		err = join_events(m, e);
	if (err) {
		log_err("--listen %s: %s%s", address_text(address, text), strerror(-err),
			err == -EADDRINUSE    ? "; take another port" :
			err == -EADDRNOTAVAIL ? "; take an address of this host" :
			err == -EACCES        ? "; take a port from 1024 on" :
						"");
		metrics_close(m);
		return err;
	}
	log_info("metrics on http://%s/metrics", address_text(address, text));
	*out = m;
	return 0;
}

void metrics_close(struct metrics *m)
{
	if (!m)
		return;
	if (m->daemon)
		MHD_stop_daemon(m->daemon); /* closes the socket, too */
	else if (m->listen_fd >= 0)
		close(m->listen_fd);
	if (m->text)
		MHD_destroy_response(m->text);
	if (m->timer_fd >= 0)
		close(m->timer_fd);
	free(m);
}
