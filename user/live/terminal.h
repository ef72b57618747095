/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * terminal - a screen to draw on: plain ANSI, as every terminal since the VT100 and every ssh has it
 *
 * Between enter and leave the terminal is in its other screen, without cursor, echo and line mode;
 * leave puts all of it back, and has to be called before the process ends or stops. One thread.
 */
#ifndef MEV_TERMINAL_H
#define MEV_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

struct terminal_size {
	unsigned int cols, rows;
};

/* Whether stdout is a terminal that can be drawn on ($TERM is there and not dumb). */
bool terminal_drawable(void);

/* Whether the locale's characters are UTF-8. */
bool terminal_utf8(void);

void terminal_enter(void);
void terminal_leave(void);

/* Now; 80 x 24 where nobody knows. */
struct terminal_size terminal_size(void);

/*
 * Writes `text` over what is on the screen: lines are cut at `cols` characters (SGR sequences and
 * UTF-8 are understood, wide characters are not), and what is beyond `rows` is left out.
 */
void terminal_draw(FILE *to, const char *text, struct terminal_size size);

#endif /* MEV_TERMINAL_H */
