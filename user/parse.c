// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Reads digits at *text up to the first other character; at least one is wanted. */
static int take_u64(const char **text, __u64 *out)
{
	const char *p = *text;
	bool over = false;
	__u64 v = 0;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		over |= __builtin_mul_overflow(v, 10, &v);
		over |= __builtin_add_overflow(v, (__u64)(*p - '0'), &v);
	}
	*text = p;
	if (over)
		return -ERANGE;
	*out = v;
	return 0;
}

int parse_u64(const char *text, __u64 min, __u64 max, __u64 *out)
{
	__u64 v = 0;
	int err = take_u64(&text, &v);

	if (*text)
		return -EINVAL;
	if (err)
		return err;
	if (v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

int parse_u32(const char *text, __u32 min, __u32 max, __u32 *out)
{
	__u64 v;
	int err = parse_u64(text, min, max, &v);

	if (!err)
		*out = (__u32)v;
	return err;
}

int parse_fee(const char *text, __u32 *n, __u32 *d)
{
	__u64 num, den;
	int err;

	err = take_u64(&text, &num);
	if (err)
		return err;
	if (*text++ != '/')
		return -EINVAL;
	err = parse_u64(text, 1, 1000000, &den);
	if (err)
		return err;
	if (num >= den)
		return -ERANGE;
	*n = (__u32)(den - num);
	*d = (__u32)den;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int parse_address(const char *text, __u8 out[20])
{
	__u8 raw[20];

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	if (strlen(text) != 2 * sizeof(raw))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(raw); i++) {
		int hi = hex_digit(text[2 * i]), lo = hex_digit(text[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		raw[i] = (__u8)(hi << 4 | lo);
	}
	memcpy(out, raw, sizeof(raw));
	return 0;
}

static bool listed(const __u32 *list, __u32 cnt, __u64 v)
{
	for (__u32 i = 0; i < cnt; i++)
		if (list[i] == v)
			return true;
	return false;
}

int parse_list(const char *text, __u32 limit, __u32 *out, __u32 *cnt)
{
	__u32 n = 0;

	for (;;) {
		__u64 from, to;
		int err = take_u64(&text, &from);

		if (err)
			return err;
		to = from;
		if (*text == '-') {
			text++;
			err = take_u64(&text, &to);
			if (err)
				return err;
		}
		if (from > to)
			return -EINVAL;
		if (to >= limit)
			return -ERANGE;
		for (; from <= to; from++) {
			if (listed(out, n, from))
				return -EINVAL;
			out[n++] = (__u32)from;
		}
		if (!*text)
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
	*cnt = n;
	return 0;
}

int parse_network(const char *text, __u32 *prefix_len, __u8 addr[16])
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	__u8 raw[16] = { [10] = 0xff, [11] = 0xff };
	char host[INET6_ADDRSTRLEN];
	__u32 bits, most = 32;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, raw + 12) != 1) {
		if (inet_pton(AF_INET6, host, raw) != 1)
			return -EINVAL;
		most = 128;
	}
	bits = most;
	if (slash && parse_u32(slash + 1, 0, most, &bits))
		return -EINVAL;
	bits += 128 - most;
	for (__u32 i = bits; i < 128; i++)
		if (raw[i / 8] & 0x80 >> i % 8)
			return -ERANGE;
	*prefix_len = bits;
	memcpy(addr, raw, sizeof(raw));
	return 0;
}

int parse_endpoint(const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN] = "127.0.0.1";
	bool brackets = colon && colon > text && *text == '[' && colon[-1] == ']';
	__u32 port;

	if (colon) {
		size_t len = (size_t)(colon - text) - (brackets ? 2 : 0);

		if (len >= sizeof(host))
			return -EINVAL;
		memcpy(host, text + brackets, len);
		host[len] = '\0';
	}
	if (parse_u32(colon ? colon + 1 : text, 1, 65535, &port))
		return -EINVAL;
	in.sin_port = in6.sin6_port = htons((__u16)port);
	if (brackets ? inet_pton(AF_INET6, host, &in6.sin6_addr) != 1 :
		       inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return -EINVAL;
	*out = (struct sockaddr_storage){ 0 };
	if (brackets)
		memcpy(out, &in6, sizeof(in6));
	else
		memcpy(out, &in, sizeof(in));
	return 0;
}
