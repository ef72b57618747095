// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <string.h>

#include "verdict.h"

/* The contract's order; appended ones follow. A changed number breaks everybody's dashboards. */
static const char *const names[] = {
	"pass",           "malformed",         "bad_checksum",
	"bad_length",     "bad_field",         "below_min",
	"unknown_pool",   "no_state",          "below_break_even",
	"victim_reverts", "redirect",          "update_applied",
	"update_stale",   "update_invalid",    "update_unknown_pool",
	"unprofitable",   "replied",           "update_forbidden",
	"pool_busy",      "no_socket",         "rejected",
	"stack",          "replied_in_driver", "handed_up",
};

Test(verdict, names_and_numbers_are_kept)
{
	cr_assert_eq(MEV_VERDICT_CNT, sizeof(names) / sizeof(names[0]));
	for (__u32 i = 0; i < MEV_VERDICT_CNT; i++) {
		cr_assert_str_eq(mev_verdict_name(i + 1), names[i]);
		cr_assert_gt(strlen(mev_verdict_text(i + 1)), 0);
	}
	cr_assert_str_eq(mev_verdict_name(0), "?");
	cr_assert_str_eq(mev_verdict_name(MEV_VERDICT_CNT + 1), "?");
}

Test(verdict, each_has_its_own_counter)
{
	struct mev_counters c = { 0 };

	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++)
		mev_counter_of(&c, v)->packets = v;
	cr_assert_eq(c.pass.packets, 1);
	cr_assert_eq(c.redirect.packets, 11);
	cr_assert_eq(c.stack.packets, 22);
	cr_assert_eq(c.handed_up.packets, MEV_VERDICT_CNT);
	cr_assert_null(mev_counter_of(&c, 0));
	cr_assert_null(mev_counter_of(&c, MEV_VERDICT_CNT + 1));
	cr_assert_null(mev_counter_of(&c, ~0u));
}
