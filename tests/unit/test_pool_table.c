// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "pool_table.h"

static void address_of(__u8 out[20], __u32 i)
{
	memset(out, 0, 20); /* as alike as addresses can be */
	memcpy(out + 16, &i, 4);
}

Test(pool_table, finds_all_and_nothing_else)
{
	struct pool_table *t;
	__u8 address[20];
	__u32 slot;

	cr_assert_eq(pool_table_open(&t, 1000), 0);
	for (__u32 i = 0; i < 1000; i++) {
		address_of(address, i);
		cr_assert_eq(pool_table_add(t, address, i), 0);
	}
	for (__u32 i = 0; i < 3000; i++) {
		address_of(address, i);
		cr_assert_eq(pool_table_find(t, address, &slot), i < 1000);
		if (i < 1000)
			cr_assert_eq(slot, i);
	}
	address_of(address, 5);
	cr_assert_eq(pool_table_add(t, address, 7), -EEXIST);
	address_of(address, 5000);
	cr_assert_eq(pool_table_add(t, address, 7), -ENOSPC);
	pool_table_close(t);
}

Test(pool_table, room_for_none)
{
	struct pool_table *t;
	__u8 address[20] = { 0 };
	__u32 slot;

	cr_assert_eq(pool_table_open(&t, 0), 0);
	cr_assert_not(pool_table_find(t, address, &slot));
	cr_assert_eq(pool_table_add(t, address, 0), -ENOSPC);
	pool_table_close(t);
	pool_table_close(NULL);
}
