// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * packet - AF_PACKET with a memory-mapped RX ring; replies leave from where the request lies
 *
 * TPACKET_V2: a version 3 ring hands over a block when it is full or a timer ends, which no round
 * trip can wait for. Replies go by one sendmmsg a turn past the queueing discipline; from the ring
 * the kernel copies them once, as AF_XDP's copy mode does.
 */
#include "packet.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach.h"
#include "log.h"
#include "peer.h"
#include "xsk.h"

/* As many frames as an AF_XDP socket's RX ring, in chunks of the same size. */
#define FRAME_SIZE UMEM_CHUNK_COPY
#define FRAME_CNT XSK_RING_SIZE
#define FRAMES_A_BLOCK 32u

struct packet_peer {
	struct attach attach;
	struct bpf_tc_hook hook;
	bool hooked;
	int fd;
	__u8 *ring;
	__u32 next;
	struct iovec iov[PEER_BATCH];
	struct mmsghdr msg[PEER_BATCH];
};

/* Keeps the kernel's UDP from answering that nobody listens. */
static int swallow(struct packet_peer *k, const struct peer *p)
{
	LIBBPF_OPTS(bpf_tc_opts, opts,
		    .prog_fd = bpf_program__fd(k->attach.bpf->progs.mevpeer_swallow));
	int err;

	k->hook = (struct bpf_tc_hook){
		.sz = sizeof(k->hook),
		.ifindex = (int)p->netif.index,
		.attach_point = BPF_TC_INGRESS,
	};
	err = bpf_tc_hook_create(&k->hook);
	k->hooked = !err;
	if (!err)
		err = bpf_tc_attach(&k->hook, &opts);
	if (err)
		log_err("cannot keep the kernel from answering on %s: %s%s", p->netif.name,
			strerror(-err), err == -EEXIST ? "; remove its clsact qdisc" : "");
	return err;
}

static int set_options(int fd)
{
	const struct tpacket_req ring = {
		.tp_block_size = FRAME_SIZE * FRAMES_A_BLOCK,
		.tp_block_nr = FRAME_CNT / FRAMES_A_BLOCK,
		.tp_frame_size = FRAME_SIZE,
		.tp_frame_nr = FRAME_CNT,
	};
	const int version = TPACKET_V2, one = 1, tag_room = sizeof(struct vlan_hdr);

	return setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	       setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &tag_room, sizeof(tag_room)) ||
	       setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	       setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) ||
	       setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring));
}

static int open_ring(struct packet_peer *k, const struct peer *p)
{
	const struct sockaddr_ll on = {
		.sll_family = AF_PACKET,
		.sll_protocol = MEV_HTONS(ETH_P_ALL),
		.sll_ifindex = (int)p->netif.index,
	};
	int err = 0;

	k->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (k->fd < 0 || set_options(k->fd))
		err = -errno;
	if (!err) {
		k->ring = mmap(NULL, (size_t)FRAME_SIZE * FRAME_CNT, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_POPULATE, k->fd, 0);
		if (k->ring == MAP_FAILED)
			err = -errno;
	}
	if (!err && bind(k->fd, (const struct sockaddr *)&on, sizeof(on)))
		err = -errno;
	if (err)
		log_err("cannot open a packet socket on %s: %s%s", p->netif.name, strerror(-err),
			err == -EPERM ? "; run as root" : "");
	return err;
}

static int packet_open(struct peer *p)
{
	struct packet_peer *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	p->own = k;
	k->fd = -1;
	k->ring = MAP_FAILED;
	for (__u32 i = 0; i < PEER_BATCH; i++)
		k->msg[i].msg_hdr = (struct msghdr){ .msg_iov = &k->iov[i], .msg_iovlen = 1 };
	err = attach_load(&k->attach, p);
	if (!err)
		err = swallow(k, p);
	return err ? err : open_ring(k, p);
}

static struct tpacket2_hdr *ring_at(const struct packet_peer *k, __u32 idx)
{
	return (struct tpacket2_hdr *)(k->ring + (size_t)(idx % FRAME_CNT) * FRAME_SIZE);
}

static bool arrived(const struct tpacket2_hdr *h)
{
	return __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

/* The frame as it was on the wire: the kernel has taken its VLAN tag out. */
static __u8 *whole_frame(const struct tpacket2_hdr *h, __u32 *len)
{
	__u8 *frame = (__u8 *)h + h->tp_mac;
	struct vlan_hdr tag = { .tci = MEV_HTONS(h->tp_vlan_tci), .type = 0 };
	__be16 tpid;

	*len = h->tp_snaplen;
	if (likely(!(h->tp_status & TP_STATUS_VLAN_VALID)))
		return frame;
	tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? MEV_HTONS(h->tp_vlan_tpid) :
							  MEV_HTONS(MEV_ETH_P_8021Q);
	frame -= sizeof(tag);
	*len += (__u32)sizeof(tag);
	memmove(frame, frame + sizeof(tag), 12);
	memcpy(frame + 12, &tpid, sizeof(tpid));
	memcpy(frame + 14, &tag.tci, sizeof(tag.tci));
	return frame;
}

/* Judges what has come, at most a batch. Returns how many slots; *replies of them go back. */
static __u32 receive(struct peer *p, struct packet_peer *k, __u32 *replies)
{
	__u32 cnt = 0;

	*replies = 0;
	while (cnt < PEER_BATCH && arrived(ring_at(k, k->next + cnt))) {
		__u32 len, reply_len = 0;
		__u8 *frame = whole_frame(ring_at(k, k->next + cnt), &len);
		enum mev_verdict verdict = work_frame(&p->work, frame, len, &reply_len);

		peer_count(p, verdict, len);
		if (verdict == MEV_REPLIED)
			k->iov[(*replies)++] = (struct iovec){ frame, reply_len };
		cnt++;
	}
	return cnt;
}

static void packet_loop(struct peer *p)
{
	struct packet_peer *k = p->own;
	struct pollfd fds[] = {
		{ .fd = k->fd, .events = POLLIN },
		{ .fd = p->wake_fd, .events = POLLIN },
	};

	while (!peer_stopping(p)) {
		__u32 replies, cnt = receive(p, k, &replies);

		if (replies) {
			int sent = sendmmsg(k->fd, k->msg, replies, MSG_DONTWAIT);

			p->send_errors += replies - (__u32)(sent > 0 ? sent : 0);
		}
		for (__u32 i = 0; i < cnt; i++)
			__atomic_store_n(&ring_at(k, k->next + i)->tp_status, TP_STATUS_KERNEL,
					 __ATOMIC_RELEASE);
		k->next += cnt;
		if (!cnt && !p->options->spin)
			poll(fds, 2, -1);
	}
}

static void packet_close(struct peer *p)
{
	struct packet_peer *k = p->own;

	if (!k)
		return;
	if (k->ring != MAP_FAILED)
		munmap(k->ring, (size_t)FRAME_SIZE * FRAME_CNT);
	if (k->fd >= 0)
		close(k->fd);
	if (k->hooked) {
		k->hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* the whole clsact */
		bpf_tc_hook_destroy(&k->hook);
	}
	attach_close(&k->attach);
	free(k);
}

const struct peer_ops peer_packet = {
	.name = "packet",
	.what = "AF_PACKET with a memory-mapped RX ring",
	.works = true,
	.polls = true,
	.open = packet_open,
	.loop = packet_loop,
	.close = packet_close,
};
