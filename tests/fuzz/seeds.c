// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes every fixture as a starting point for fuzz_filter and fuzz_hot_path: seeds DIR */
#include <stdio.h>

#include "filter_world.h"

static int put(const char *dir, const char *target, const struct fixture *x, const void *head,
	       size_t head_len, const struct frame *f)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s/%s", dir, target, x->name);
	out = fopen(path, "w");
	if (!out || fwrite(head, head_len, 1, out) != 1 || fwrite(f->bytes, f->len, 1, out) > 1 ||
	    fclose(out)) {
		perror(path);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	/* Metadata of pool A, then the byte that says that its line is whole. */
	struct {
		struct mev_meta hint;
		__u8 whole;
	} __attribute__((packed)) head = {
		.hint = { .class = MEV_CLASS_SWAP,
			  .reserve0 = 1000000000000,
			  .reserve1 = 500000000000 },
	};

	if (argc != 2)
		return 2;
	for (size_t i = 0; i < FIXTURE_CNT; i++) {
		const struct fixture *x = &fixtures[i];
		__u8 flags = (__u8)x->flags;
		struct frame f;

		fixture_frame(&f, x);
		if (put(argv[1], "filter", x, &flags, 1, &f) ||
		    put(argv[1], "hot_path", x, &head, sizeof(head), &f))
			return 1;
	}
	return 0;
}
