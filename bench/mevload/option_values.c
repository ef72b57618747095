// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "option_values.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "parse.h"

bool option_wrong(const char *option, const char *value, const char *want)
{
	log_err("%s %s: want %s", option, value, want);
	return false;
}

int option_pick(const char *option, const char *text, const char *const names[], size_t cnt,
		const char *want)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(text, names[i]))
			return (int)i;
	option_wrong(option, text, want);
	return -1;
}

bool option_seconds(const char *option, const char *value, __u64 least_ms, __u64 *ns)
{
	static const __u32 scale[] = { 0, 100, 10, 1 };
	const char *dot = strchr(value, '.');
	size_t whole_len = dot ? (size_t)(dot - value) : strlen(value);
	__u32 ms = 0, seconds;
	char whole[12];

	if (whole_len >= sizeof(whole))
		return option_wrong(option, value, "seconds, such as 10 or 0.5");
	memcpy(whole, value, whole_len);
	whole[whole_len] = '\0';
	if (parse_u32(whole, 0, 1u << 20, &seconds) ||
	    (dot && (strlen(dot + 1) > 3 || parse_u32(dot + 1, 0, 999, &ms))))
		return option_wrong(option, value, "seconds, such as 10 or 0.5");
	if (dot)
		ms *= scale[strlen(dot + 1)];
	*ns = (seconds * 1000ULL + ms) * 1000000;
	return seconds * 1000ULL + ms >= least_ms ||
	       option_wrong(option, value, "seconds, at least 0.001");
}

static bool take_mac(const char *text, size_t len, __u8 mac[6])
{
	unsigned int byte[6];
	char buf[18], rest;

	if (len != 17)
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (strspn(buf, "0123456789abcdefABCDEF:") != len ||
	    sscanf(buf, "%2x:%2x:%2x:%2x:%2x:%2x%c", &byte[0], &byte[1], &byte[2], &byte[3],
		   &byte[4], &byte[5], &rest) != 6)
		return false;
	for (int i = 0; i < 6; i++)
		mac[i] = (__u8)byte[i];
	return true;
}

/* IP:PORT or IP:PORT-PORT; ports of `least` and more. */
static bool take_ends(const char *text, __be32 *ip, __u32 least, __u16 *first, __u16 *last)
{
	char buf[64], *colon, *dash;
	__u32 from, to;

	if (strlen(text) >= sizeof(buf))
		return false;
	strcpy(buf, text);
	colon = strchr(buf, ':');
	if (!colon)
		return false;
	*colon = '\0';
	dash = strchr(colon + 1, '-');
	if (dash)
		*dash = '\0';
	if (inet_pton(AF_INET, buf, ip) != 1 || parse_u32(colon + 1, least, 65535, &from))
		return false;
	to = from;
	if (dash && parse_u32(dash + 1, from, 65535, &to))
		return false;
	*first = (__u16)from;
	*last = (__u16)to;
	return true;
}

bool option_to(const char *value, struct frame_ends *ends, bool *has_mac)
{
	static const char want[] = "MAC,IP:PORT, such as 02:00:00:00:00:01,192.168.69.2:8080";
	const char *comma = strchr(value, ',');
	__u16 last;

	if (comma && !take_mac(value, (size_t)(comma - value), ends->to_mac))
		return option_wrong("--to", value, want);
	*has_mac = comma;
	return (take_ends(comma ? comma + 1 : value, &ends->to_ip, 1, &ends->to_port, &last) &&
		last == ends->to_port) ||
	       option_wrong("--to", value, want);
}

bool option_from(const char *value, struct frame_ends *ends)
{
	return take_ends(value, &ends->from_ip, 0, &ends->from_port, &ends->from_port_last) ||
	       option_wrong("--from", value,
			    "IP:PORT or IP:PORT-PORT, such as 192.168.69.1:40000-40063");
}

bool option_seed(const char *value, __u64 *seed)
{
	return !parse_u64(value, 0, ~0ULL, seed) ||
	       option_wrong("--seed", value, "a whole number below 2^64");
}

bool option_cpu(const char *value, __u32 *cpu)
{
	return !parse_u32(value, 0, 1023, cpu) ||
	       option_wrong("--cpu", value, "the number of a CPU, 0 to 1023");
}
