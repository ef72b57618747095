// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ESC "\x1b"

static struct termios before;
static bool entered, keys_changed;

bool terminal_drawable(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
}

bool terminal_utf8(void)
{
	return setlocale(LC_CTYPE, "") && !strcmp(nl_langinfo(CODESET), "UTF-8");
}

void terminal_enter(void)
{
	struct termios raw;

	if (entered)
		return;
	keys_changed = !tcgetattr(STDIN_FILENO, &before);
	if (keys_changed) {
		raw = before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* ^C and ^Z stay signals */
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
		keys_changed = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	fputs(ESC "[?1049h" ESC "[?25l" ESC "[?7l", stdout); /* other screen, no cursor, no wrap */
	fflush(stdout);
	entered = true;
}

void terminal_leave(void)
{
	if (!entered)
		return;
	fputs(ESC "[?7h" ESC "[?25h" ESC "[?1049l", stdout);
	fflush(stdout);
	if (keys_changed)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	entered = false;
}

struct terminal_size terminal_size(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col || !w.ws_row)
		return (struct terminal_size){ .cols = 80, .rows = 24 };
	return (struct terminal_size){ .cols = w.ws_col, .rows = w.ws_row };
}

/* Bytes of the SGR sequence that `text` begins with, or 0. */
static size_t sgr_len(const char *text)
{
	size_t len;

	if (strncmp(text, ESC "[", 2))
		return 0;
	len = 2 + strspn(text + 2, "0123456789;");
	return text[len] == 'm' ? len + 1 : 0;
}

/* One line, cut; returns what is behind it. Sequences go out even where their text does not. */
static const char *draw_line(FILE *to, const char *text, unsigned int cols)
{
	unsigned int used = 0;

	while (*text && *text != '\n') {
		size_t len = sgr_len(text);
		bool goes_on = ((unsigned char)*text & 0xc0) == 0x80; /* UTF-8 */

		if (len) {
			fwrite(text, 1, len, to);
		} else {
			len = 1;
			used += !goes_on;
			if (used <= cols)
				fputc(*text, to);
		}
		text += len;
	}
	fputs(ESC "[K", to);
	return *text ? text + 1 : text;
}

void terminal_draw(FILE *to, const char *text, struct terminal_size size)
{
	fputs(ESC "[H", to);
	for (unsigned int row = 0; row < size.rows && *text; row++) {
		if (row)
			fputc('\n', to);
		text = draw_line(to, text, size.cols);
	}
	fputs(ESC "[J", to);
	fflush(to);
}
