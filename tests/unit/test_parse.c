// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <errno.h>
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
