// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Frames of a classic pcap file, in either byte order, with time stamps of us or ns.
 * draft-ietf-opsawg-pcap; nothing in the file is believed before it is checked against its end.
 */
#include "frames.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define LINKTYPE_ETHERNET 1

struct file_head {
	__u32 magic;
	__u16 major, minor;
	__u32 zone, sigfigs, snaplen, link;
};

struct record_head {
	__u32 seconds, fraction, held, was;
};

struct capture {
	const __u8 *at, *end;
	bool swapped;
	__u32 cnt;   /* frames */
	__u64 bytes; /* of them, each rounded up to even */
};

static __u32 word(const struct capture *c, __u32 v)
{
	return c->swapped ? __builtin_bswap32(v) : v;
}

/* The next frame and its length, or NULL at the end; *err: the file ends within one. */
static const __u8 *next_frame(struct capture *c, __u32 *len, bool *err)
{
	const __u8 *bytes = c->at + sizeof(struct record_head);
	struct record_head head;

	*err = false;
	if (c->at == c->end)
		return NULL;
	*err = true;
	if ((size_t)(c->end - c->at) < sizeof(head))
		return NULL;
	memcpy(&head, c->at, sizeof(head));
	*len = word(c, head.held);
	if (*len > (size_t)(c->end - bytes) || *len > 65535)
		return NULL;
	*err = false;
	c->at = bytes + *len;
	return bytes;
}

/* Checks the whole of it and adds up what it holds. */
static const char *fault(struct capture *c)
{
	const __u8 *first;
	struct file_head head;
	__u32 len;
	bool err;

	if ((size_t)(c->end - c->at) < sizeof(head))
		return "it is too short for a pcap file";
	memcpy(&head, c->at, sizeof(head));
	c->swapped = __builtin_bswap32(head.magic) == MAGIC_US ||
		     __builtin_bswap32(head.magic) == MAGIC_NS;
	if (word(c, head.magic) != MAGIC_US && word(c, head.magic) != MAGIC_NS)
		return "not a classic pcap file (pcapng? `editcap -F pcap` converts it)";
	if (word(c, head.link) != LINKTYPE_ETHERNET)
		return "its frames are not Ethernet";
	c->at += sizeof(head);
	first = c->at;
	while (next_frame(c, &len, &err)) {
		c->cnt++;
		c->bytes += (len + 1) & ~1U;
	}
	c->at = first;
	if (err)
		return "it is cut short or damaged";
	if (c->cnt > FRAMES_MAX)
		return "it has more frames than can be told apart";
	return c->cnt ? NULL : "there are no frames in it";
}

static int add_all(struct frame_set *s, const struct frame_rules *rules, struct capture *c,
		   const char *path)
{
	struct oracle *o = NULL;
	const __u8 *frame;
	__u32 len;
	bool cut;
	int err;

	err = frames_room(s, c->cnt, c->bytes);
	if (!err)
		err = oracle_open(&o, rules);
	if (err) {
		log_err("out of memory for the %u frames of %s", c->cnt, path);
		return err;
	}
	while ((frame = next_frame(c, &len, &cut)))
		oracle_add(o, s, frame, len);
	oracle_settle(o, s);
	oracle_close(o);
	if (!s->cnt) {
		log_err("%s: none of its %u frames can be sent%s", path, c->cnt,
			rules->records_only ? ": a socket sends well-formed swaps alone" : "");
		return -EINVAL;
	}
	if (s->cnt < c->cnt && !rules->records_only)
		log_warn("%s: %u of its %u frames are left out: shorter than Ethernet's header or "
			 "longer than the %u bytes that fit",
			 path, c->cnt - s->cnt, c->cnt, rules->longest);
	return 0;
}

/* All of the file in memory (nothing, if it is empty). 0 or -errno. */
static int map_file(const char *path, struct capture *c, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		goto out;
	}
	*size = (size_t)st.st_size;
	if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (err || !*size)
		goto out;
	map = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		err = -errno;
	else
		*c = (struct capture){ .at = map, .end = (const __u8 *)map + *size };
out:
	if (fd >= 0)
		close(fd);
	return err;
}

int frames_from_pcap(struct frame_set *s, const struct frame_rules *rules, const char *path)
{
	struct capture c = { 0 };
	const char *why;
	size_t size = 0;
	void *map;
	int err;

	*s = (struct frame_set){ 0 };
	err = map_file(path, &c, &size);
	if (err) {
		log_err("cannot read capture %s: %s; check --pcap", path, strerror(-err));
		return err;
	}
	map = (void *)c.at;
	why = fault(&c);
	if (why) {
		log_err("capture %s: %s", path, why);
		err = -EINVAL;
	} else {
		err = add_all(s, rules, &c, path);
	}
	if (map)
		munmap(map, size);
	if (err)
		frames_free(s);
	return err;
}
