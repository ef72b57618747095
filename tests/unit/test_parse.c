// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "parse.h"

Test(parse, u64)
{
	static const struct {
		const char *text;
		int err;
		__u64 value;
	} rows[] = {
		{ "0", 0, 0 },
		{ "18446744073709551615", 0, ~0ULL },
		{ "007", 0, 7 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1,000", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		__u64 v = 42;

		cr_assert_eq(parse_u64(rows[i].text, 0, ~0ULL, &v), rows[i].err, "\"%s\"",
			     rows[i].text);
		cr_assert_eq(v, rows[i].err ? 42 : rows[i].value);
	}
	__u64 v;

	cr_assert_eq(parse_u64("5", 6, 10, &v), -ERANGE);
	cr_assert_eq(parse_u64("11", 6, 10, &v), -ERANGE);
	cr_assert_eq(parse_u64("10", 6, 10, &v), 0);
}

Test(parse, fee)
{
	__u32 n, d;

	cr_assert_eq(parse_fee("3/1000", &n, &d), 0);
	cr_assert(n == 997 && d == 1000);
	cr_assert_eq(parse_fee("0/1", &n, &d), 0);
	cr_assert(n == 1 && d == 1);
	cr_assert_eq(parse_fee("999999/1000000", &n, &d), 0);
	cr_assert(n == 1 && d == 1000000);
	cr_assert_eq(parse_fee("1000/1000", &n, &d), -ERANGE);
	cr_assert_eq(parse_fee("1/1000001", &n, &d), -ERANGE);
	cr_assert_eq(parse_fee("3", &n, &d), -EINVAL);
	cr_assert_eq(parse_fee("3/", &n, &d), -EINVAL);
	cr_assert_eq(parse_fee("/3", &n, &d), -EINVAL);
	cr_assert_eq(parse_fee("3/0", &n, &d), -ERANGE);
	cr_assert_eq(parse_fee("0.3", &n, &d), -EINVAL);
	cr_assert_eq(parse_fee("3/1000/2", &n, &d), -EINVAL);
}

Test(parse, address)
{
	static const char good[] = "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48";
	char text[48];
	__u8 out[20];

	cr_assert_eq(parse_address(good, out), 0);
	cr_assert(out[0] == 0xa0 && out[19] == 0x48);
	cr_assert_eq(parse_address("0xA0B86991C6218B36C1D19D4A2E9EB0CE3606EB48", out), 0);
	cr_assert(out[0] == 0xa0 && out[19] == 0x48);
	strcpy(text, good);
	text[39] = '\0';
	cr_assert_eq(parse_address(text, out), -EINVAL);
	strcpy(text, good);
	text[7] = 'g';
	cr_assert_eq(parse_address(text, out), -EINVAL);
	cr_assert_eq(parse_address("", out), -EINVAL);
}

Test(parse, list)
{
	static const char *const bad[] = { "",    ",",     "1,", "1-",  "-1", "3-1",
					   "1,1", "0-2,1", "a",  "1;2", " 1" };
	__u32 out[16], cnt;

	cr_assert_eq(parse_list("3,0-2,15", 16, out, &cnt), 0);
	cr_assert(cnt == 5 && out[0] == 3 && out[1] == 0 && out[3] == 2 && out[4] == 15);
	cr_assert_eq(parse_list("16", 16, out, &cnt), -ERANGE);
	cr_assert_eq(parse_list("0-99999999999999999999", 16, out, &cnt), -ERANGE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_neq(parse_list(bad[i], 16, out, &cnt), 0, "\"%s\"", bad[i]);
}

Test(parse, network)
{
	__u8 addr[16];
	__u32 bits;

	cr_assert_eq(parse_network("10.1.0.0/16", &bits, addr), 0);
	cr_assert(bits == 112 && addr[10] == 0xff && addr[12] == 10 && addr[13] == 1);
	cr_assert_eq(parse_network("10.1.2.3", &bits, addr), 0);
	cr_assert_eq(bits, 128);
	cr_assert_eq(parse_network("0.0.0.0/0", &bits, addr), 0);
	cr_assert_eq(bits, 96);
	cr_assert_eq(parse_network("2001:db8::/32", &bits, addr), 0);
	cr_assert(bits == 32 && addr[0] == 0x20 && addr[10] == 0);
	cr_assert_eq(parse_network("::/0", &bits, addr), 0);
	cr_assert_eq(bits, 0);
	cr_assert_eq(parse_network("10.1.0.1/16", &bits, addr), -ERANGE);
	cr_assert_eq(parse_network("2001:db8::1/127", &bits, addr), -ERANGE);
	cr_assert_eq(parse_network("10.1.0.0/33", &bits, addr), -EINVAL);
	cr_assert_eq(parse_network("10.1.0.0/", &bits, addr), -EINVAL);
	cr_assert_eq(parse_network("10.1.0/8", &bits, addr), -EINVAL);
	cr_assert_eq(parse_network("", &bits, addr), -EINVAL);
}

Test(parse, endpoint)
{
	static const char *const bad[] = { "",
					   "0",
					   ":9464",
					   "65536",
					   "a:1",
					   "1.2.3:80",
					   "1.2.3.4",
					   "1.2.3.4:",
					   "::1:80",
					   "[::1]",
					   "[::1]:",
					   "[::1:80",
					   "::1]:80",
					   "[1.2.3.4]:80",
					   "[]:80",
					   "[:80",
					   "localhost:80",
					   "1.2.3.4:80 ",
					   "]:80" };
	struct sockaddr_storage a;
	const struct sockaddr_in *in = (struct sockaddr_in *)&a;
	const struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a;

	cr_assert_eq(parse_endpoint("9464", &a), 0);
	cr_assert(a.ss_family == AF_INET && in->sin_port == htons(9464));
	cr_assert_eq(in->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	cr_assert_eq(parse_endpoint("0.0.0.0:1", &a), 0);
	cr_assert(a.ss_family == AF_INET && !in->sin_addr.s_addr && in->sin_port == htons(1));
	cr_assert_eq(parse_endpoint("[::1]:65535", &a), 0);
	cr_assert(a.ss_family == AF_INET6 && in6->sin6_port == htons(65535));
	cr_assert(IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		a.ss_family = AF_UNIX;
		cr_assert_eq(parse_endpoint(bad[i], &a), -EINVAL, "%s", bad[i]);
		cr_assert_eq(a.ss_family, AF_UNIX, "%s", bad[i]);
	}
}
