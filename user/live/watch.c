// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "events.h"
#include "log.h"
#include "terminal.h"
#include "view.h"

#define HEADING_EVERY 20 /* lines */
#define SILENT_NS 3000000000ULL

struct watch {
	struct source *source;
	struct events events;
	struct view view;
	bool screen, json;
	__u32 line_cnt;
	int signal_fd, timer_fd;
};

/* Showing. */

static int draw(const struct watch *w)
{
	struct terminal_size size = terminal_size();
	__u64 age = latency_monotonic_ns() - w->view.now.taken_ns;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	if (age > SILENT_NS)
		fprintf(f, "\x1b[7mno news from the node for %llu s\x1b[0m\n",
			(unsigned long long)age / 1000000000);
	view_print(&w->view, f, size.cols, size.rows);
	if (!fclose(f))
		terminal_draw(stdout, text, size);
	free(text);
	return ferror(stdout) ? -EIO : 0;
}

static int show_line(struct watch *w)
{
	char now[16];
	time_t t = time(NULL);
	struct tm tm;

	if (w->view.seconds <= 0)
		return 0;
	if (w->line_cnt++ % HEADING_EVERY == 0)
		view_print_heading(stdout);
	strftime(now, sizeof(now), "%H:%M:%S", localtime_r(&t, &tm));
	view_print_line(&w->view, stdout, now);
	return stats_flush();
}

static int show(struct watch *w)
{
	if (w->json)
		return stats_print_json(&w->source->stats);
	return w->screen ? draw(w) : show_line(w);
}

/* EVENTS_GO_ON, or what to end with: a reader that has gone is a way to end. */
static int refresh(struct watch *w)
{
	int err = source_read(w->source);

	if (err < 0)
		return EXIT_FAILED;
	if (err)
		view_update(&w->view, &w->source->stats);
	if (err || (w->screen && latency_monotonic_ns() - w->view.now.taken_ns > SILENT_NS))
		err = show(w);
	return err < 0 ? EXIT_DONE : EVENTS_GO_ON;
}

/* Events. */

static int on_timer(void *watch)
{
	struct watch *w = watch;
	__u64 ticks;

	if (read(w->timer_fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		return EVENTS_GO_ON;
	return refresh(w);
}

static int on_key(void *watch)
{
	char key;

	(void)watch;
	if (read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q' && key != 4) /* ^D */
		return EVENTS_GO_ON;
	return EXIT_DONE;
}

static int on_node_end(void *watch)
{
	struct watch *w = watch;

	refresh(w); /* what it said last */
	if (w->screen)
		terminal_leave();
	log_info("the node has ended");
	return EXIT_DONE;
}

/* ^Z: the shell gets its screen back, and `fg` brings ours. */
static void stop_for_a_while(struct watch *w)
{
	if (w->screen)
		terminal_leave();
	raise(SIGSTOP);
	if (w->screen) {
		terminal_enter();
		draw(w);
	}
}

static int on_signal(void *watch)
{
	struct watch *w = watch;
	struct signalfd_siginfo info;

	if (read(w->signal_fd, &info, sizeof(info)) != sizeof(info))
		return EVENTS_GO_ON;
	switch (info.ssi_signo) {
	case SIGWINCH:
		return w->screen && draw(w) ? EXIT_DONE : EVENTS_GO_ON;
	case SIGTSTP:
		stop_for_a_while(w);
		return EVENTS_GO_ON;
	default:
		return EXIT_DONE;
	}
}

static int open_events(struct watch *w)
{
	/* A node's snapshots come when they come; bare maps can be read at any time. */
	const bool bare = w->source->bare != NULL;
	const struct timespec pace = { .tv_sec = bare, .tv_nsec = bare ? 0 : 100000000 };
	const struct itimerspec interval = { pace, pace };
	const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (w->signal_fd < 0 || w->timer_fd < 0 ||
	    timerfd_settime(w->timer_fd, 0, &interval, NULL)) {
		log_err("cannot set up signals and timers: %s", strerror(errno));
		return -errno;
	}
	events_add(&w->events, w->signal_fd, on_signal, w);
	if (source_end_fd(w->source) >= 0)
		events_add(&w->events, source_end_fd(w->source), on_node_end, w);
	events_add(&w->events, w->timer_fd, on_timer, w);
	if (w->screen && isatty(STDIN_FILENO))
		events_add(&w->events, STDIN_FILENO, on_key, w);
	return 0;
}

enum exit_code watch_run(struct source *s, bool json)
{
	static struct watch w;
	int code;

	w = (struct watch){ .source = s, .json = json, .signal_fd = -1, .timer_fd = -1 };
	w.screen = !json && terminal_drawable();
	if (view_open(&w.view, terminal_utf8())) {
		log_err("no memory for a view");
		return EXIT_FAILED;
	}
	if (!open_events(&w)) {
		if (w.screen)
			terminal_enter();
		code = refresh(&w);
		if (code == EVENTS_GO_ON)
			code = events_run(&w.events);
		terminal_leave();
	} else {
		code = EXIT_FAILED;
	}
	if (w.signal_fd >= 0)
		close(w.signal_fd);
	if (w.timer_fd >= 0)
		close(w.timer_fd);
	view_close(&w.view);
	return (enum exit_code)code;
}
