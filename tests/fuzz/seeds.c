// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes every fixture as a starting point for the targets that take frames, and all of them as a
 * capture: seeds DIR, in which a folder for each target is there.
 */
#include <stdio.h>

#include "filter_world.h"

/* Folders that are missing are of targets that nobody asked for. */
static FILE *create(const char *dir, const char *target, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s/%s", dir, target, name);
	return fopen(path, "w");
}

static int put(const char *dir, const char *target, const char *name, const void *head,
	       size_t head_len, const struct frame *f)
{
	FILE *out = create(dir, target, name);

	if (!out)
		return 0;
	if (head_len && fwrite(head, head_len, 1, out) != 1)
		return 1;
	if (f->len && fwrite(f->bytes, f->len, 1, out) != 1)
		return 1;
	return fclose(out) ? 1 : 0;
}

static int put_fixture(const char *dir, const struct fixture *x)
{
	/* Metadata of pool A, then the byte that says that its line is whole. */
	struct {
		struct mev_meta hint;
		__u8 whole;
	} __attribute__((packed)) meta = {
		.hint = { .class = MEV_CLASS_SWAP,
			  .reserve0 = 1000000000000,
			  .reserve1 = 500000000000 },
	};
	__u8 flags = (__u8)x->flags;
	struct frame f;

	fixture_frame(&f, x);
	return put(dir, "packet", x->name, NULL, 0, &f) ||
	       put(dir, "filter", x->name, &flags, 1, &f) ||
	       put(dir, "hot_path", x->name, &meta, sizeof(meta), &f);
}

/* A batch a configuration: all fixtures that want it. */
static int put_batches(const char *dir)
{
	for (__u32 flags = 0; flags < 4; flags++) {
		char name[32];
		FILE *out;

		snprintf(name, sizeof(name), "fixtures_%u", flags);
		out = create(dir, "differential", name);
		if (!out)
			return 0;
		fputc((int)flags, out);
		for (size_t i = 0; i < FIXTURE_CNT; i++) {
			struct frame f;

			if (fixtures[i].flags != flags)
				continue;
			fixture_frame(&f, &fixtures[i]);
			fputc(f.len & 0xff, out);
			fputc(f.len >> 8, out);
			fwrite(f.bytes, 1, f.len, out);
		}
		if (fclose(out))
			return 1;
	}
	return 0;
}

/* draft-ietf-opsawg-pcap: file header, then a header and bytes a frame. */
static int put_capture(const char *dir)
{
	const __u32 file_head[] = { 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1 };
	FILE *out = create(dir, "pcap", "fixtures");

	if (!out)
		return 0;
	fwrite(file_head, sizeof(file_head), 1, out);
	for (size_t i = 0; i < FIXTURE_CNT; i++) {
		struct frame f;

		fixture_frame(&f, &fixtures[i]);
		fwrite((__u32[]){ (__u32)i, 0, f.len, f.len }, 16, 1, out);
		fwrite(f.bytes, 1, f.len, out);
	}
	return fclose(out) ? 1 : 0;
}

/* A segment's arguments as fuzz_stack.c takes them: which client, options in words, and so on. */
#define SEGMENT(words, ahead, flags, len, ...)                                                \
	4, 0, words, (ahead) >> 8, (ahead)&255, 0, 0, flags, (len) >> 8, (len)&255, 255, 255, \
		##__VA_ARGS__
#define WHOLE_SYN SEGMENT(1, 0, 0x02, 0, 2, 4, 5, 0xb4)

/* A conversation and its accidents; datagrams whole and in halves. */
static int put_conversation(const char *dir)
{
	static const __u8 steps[] = {
		WHOLE_SYN,
		SEGMENT(0, 0, 0x10, 0),
		SEGMENT(0, 0, 0x18, 480, 2),
		SEGMENT(0, 480, 0x18, 480, 2),          /* ahead */
		SEGMENT(1, 0, 0x10, 48, 2, 4, 0, 1, 2), /* an MSS outside a SYN */
		3,
		4, /* four frames that the link does not take */
		SEGMENT(0, 0, 0x18, 1440, 2),
		2,
		20,                     /* five seconds */
		SEGMENT(0, 0, 0x11, 0), /* FIN */
		1,
		1,
		0x20,
		0,
		0,
		24,
		0,
		0,
		0,
		0,
		0,
		48 + 8,
		0,
		0,
		1,
		2,
		3,
		4,
		5,
		6,
		7,
		8,
		9,
		0,
		1,
		2,
		3,
		4,
		5,
		6,
		1,
		1,
		0,
		3,
		0,
		32,
	};
	FILE *out = create(dir, "stack", "conversation");

	if (!out)
		return 0;
	fwrite(steps, sizeof(steps), 1, out);
	return fclose(out) ? 1 : 0;
}

int main(int argc, char **argv)
{
	int err = 0;

	if (argc != 2)
		return 2;
	for (size_t i = 0; i < FIXTURE_CNT && !err; i++)
		err = put_fixture(argv[1], &fixtures[i]);
	if (err || put_batches(argv[1]) || put_capture(argv[1]) || put_conversation(argv[1])) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
