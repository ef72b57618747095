/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse - strict text to value, shared by the command line and the configuration file
 *
 * Every function takes the whole string or refuses it: no leading blanks, no sign, no rest.
 * Returns 0, -EINVAL (not of this form) or -ERANGE (of this form, out of bounds); *out is only
 * written on success.
 */
#ifndef MEV_PARSE_H
#define MEV_PARSE_H

#include <linux/types.h>
#include <sys/socket.h>

/* Decimal digits in [min, max]. */
int parse_u64(const char *text, __u64 min, __u64 max, __u64 *out);
int parse_u32(const char *text, __u32 min, __u32 max, __u32 *out);

/* "NUM/DEN" with 0 <= NUM < DEN <= 1,000,000 (economics.md): n = DEN - NUM, d = DEN. */
int parse_fee(const char *text, __u32 *n, __u32 *d);

/* 40 hexadecimal digits, either case, an optional 0x in front: a 20-byte pool address. */
int parse_address(const char *text, __u8 out[20]);

/*
 * "0", "0-3", "0,2-5": numbers below `limit`, in the order written, no duplicates. Fills out[] (room
 * for `limit` entries) and *cnt.
 */
int parse_list(const char *text, __u32 limit, __u32 *out, __u32 *cnt);

/*
 * "a.b.c.d/n" or "x::y/n", or an address alone, as an IPv6 network (IPv4 as ::ffff:a.b.c.d):
 * *prefix_len of 0 to 128 and the address in network order. -ERANGE: bits are set behind the prefix.
 */
int parse_network(const char *text, __u32 *prefix_len, __u8 addr[16]);

/*
 * "port" on IPv4's loopback, "a.b.c.d:port" or "[x::y]:port" as a socket address; port 1 to 65535.
 */
int parse_endpoint(const char *text, struct sockaddr_storage *out);

#endif /* MEV_PARSE_H */
