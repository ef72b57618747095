// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "doctor_netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Of the generic netlink family "netdev": see doctor_netlink.h for the source. */
#define NETDEV_FAMILY "netdev"
#define NETDEV_CMD_DEV_GET 1
#define NETDEV_A_DEV_IFINDEX 1
#define NETDEV_A_DEV_XDP_FEATURES 3

/* An RTM_NEWLINK of an interface without virtual functions is below 4 KiB. */
#define REPLY_MAX 32768

struct question {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct genlmsghdr genl;
	};
	char attrs[64];
};

struct answer {
	char bytes[REPLY_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	size_t len;
};

static void add_attr(struct question *q, __u16 type, const void *value, size_t len)
{
	struct rtattr *attr = (void *)((char *)q + NLMSG_ALIGN(q->head.nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = (__u16)RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), value, len);
	q->head.nlmsg_len = (__u32)(NLMSG_ALIGN(q->head.nlmsg_len) + RTA_SPACE(len));
}

static int send_and_receive(int fd, const struct question *q, struct answer *a)
{
	const struct timeval patience = { .tv_sec = 2 };
	const struct nlmsghdr *head;
	ssize_t len;

	/* The kernel answers before send returns; the limit is for a kernel that does not. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, q, q->head.nlmsg_len, 0) < 0)
		return -errno;
	len = recv(fd, a->bytes, sizeof(a->bytes), MSG_TRUNC);
	if (len < 0)
		return -errno;
	if ((size_t)len > sizeof(a->bytes))
		return -EMSGSIZE;
	a->len = (size_t)len;
	head = (const void *)a->bytes;
	if (a->len < sizeof(*head) || head->nlmsg_len < sizeof(*head) || head->nlmsg_len > a->len)
		return -EBADMSG;
	if (head->nlmsg_type != NLMSG_ERROR)
		return 0;
	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return -EBADMSG;
	/* Nobody asked for an acknowledgement: one instead of an answer is none. */
	len = ((const struct nlmsgerr *)NLMSG_DATA(head))->error;
	return len ? (int)len : -EBADMSG;
}

static int ask(int protocol, const struct question *q, struct answer *a)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), err;

	if (fd < 0)
		return -errno;
	err = send_and_receive(fd, q, a);
	close(fd);
	return err;
}

/*
 * The attribute `type` of a run of them, if it holds at least `min` bytes. Not RTA_NEXT, which
 * takes an unsigned length below zero where the last attribute lacks its padding.
 */
static const struct rtattr *find_in(const char *run, size_t len, __u16 type, size_t min)
{
	for (size_t at = 0; at + sizeof(struct rtattr) <= len;) {
		const struct rtattr *attr = (const void *)(run + at);

		if (attr->rta_len < sizeof(*attr) || attr->rta_len > len - at)
			return NULL;
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return RTA_PAYLOAD(attr) >= min ? attr : NULL;
		at += RTA_ALIGN(attr->rta_len);
	}
	return NULL;
}

/* The same among the attributes of a message, which follow its own header of `fixed` bytes. */
static const struct rtattr *find(const struct answer *a, size_t fixed, __u16 type, size_t min)
{
	const struct nlmsghdr *head = (const void *)a->bytes;
	size_t skip = NLMSG_SPACE(fixed);

	if (head->nlmsg_len < skip)
		return NULL;
	return find_in(a->bytes + skip, head->nlmsg_len - skip, type, min);
}

static __u32 value_u32(const struct rtattr *attr)
{
	__u32 v = 0;

	if (attr)
		memcpy(&v, RTA_DATA(attr), sizeof(v));
	return v;
}

static void take_kind(const struct answer *a, struct doctor_link *out)
{
	const struct rtattr *info = find(a, sizeof(struct ifinfomsg), IFLA_LINKINFO, 0), *kind;

	kind = info ? find_in(RTA_DATA(info), RTA_PAYLOAD(info), IFLA_INFO_KIND, 1) : NULL;
	if (kind)
		snprintf(out->kind, sizeof(out->kind), "%.*s", (int)RTA_PAYLOAD(kind),
			 (const char *)RTA_DATA(kind));
}

int doctor_query_link(__u32 index, struct doctor_link *out)
{
	struct question q = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(q.link)),
			  .nlmsg_type = RTM_GETLINK,
			  .nlmsg_flags = NLM_F_REQUEST },
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index },
	};
	const size_t fixed = sizeof(struct ifinfomsg);
	const struct rtattr *carrier, *nsid;
	struct answer a;
	int err;

	*out = (struct doctor_link){ .carrier = true };
	err = ask(NETLINK_ROUTE, &q, &a);
	if (err)
		return err;
	take_kind(&a, out);
	nsid = find(&a, fixed, IFLA_LINK_NETNSID, 4);
	out->peer_elsewhere = nsid;
	out->peer_nsid = (__s32)value_u32(nsid);
	if (!strcmp(out->kind, "veth"))
		out->peer_index = value_u32(find(&a, fixed, IFLA_LINK, 4));
	carrier = find(&a, fixed, IFLA_CARRIER, 1);
	if (carrier)
		out->carrier = *(const __u8 *)RTA_DATA(carrier);
	return 0;
}

int doctor_query_peer_program(const struct doctor_link *link, bool *has)
{
	struct question q = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(q.link)),
			  .nlmsg_type = RTM_GETLINK,
			  .nlmsg_flags = NLM_F_REQUEST },
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = (int)link->peer_index },
	};
	const struct rtattr *xdp, *attached;
	struct answer a;
	int err;

	if (!link->peer_index)
		return -ENODEV;
	if (link->peer_elsewhere)
		add_attr(&q, IFLA_TARGET_NETNSID, &link->peer_nsid, sizeof(link->peer_nsid));
	err = ask(NETLINK_ROUTE, &q, &a);
	if (err)
		return err;
	xdp = find(&a, sizeof(struct ifinfomsg), IFLA_XDP, 0);
	attached = xdp ? find_in(RTA_DATA(xdp), RTA_PAYLOAD(xdp), IFLA_XDP_ATTACHED, 1) : NULL;
	*has = attached && (*(const __u8 *)RTA_DATA(attached) == XDP_ATTACHED_DRV ||
			    *(const __u8 *)RTA_DATA(attached) == XDP_ATTACHED_MULTI);
	return 0;
}

bool doctor_find_peer(const struct doctor_link *link, struct netif *out)
{
	char name[IF_NAMESIZE];

	return link->peer_index && !link->peer_elsewhere &&
	       if_indextoname(link->peer_index, name) && !netif_query(name, out);
}

static int find_netdev_family(__u16 *id)
{
	struct question q = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(q.genl)),
			  .nlmsg_type = GENL_ID_CTRL,
			  .nlmsg_flags = NLM_F_REQUEST },
		.genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
	};
	const struct rtattr *attr;
	struct answer a;
	int err;

	add_attr(&q, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY, sizeof(NETDEV_FAMILY));
	err = ask(NETLINK_GENERIC, &q, &a);
	if (err)
		return err;
	attr = find(&a, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_ID, sizeof(*id));
	if (!attr)
		return -EBADMSG;
	memcpy(id, RTA_DATA(attr), sizeof(*id));
	return 0;
}

int doctor_query_xdp_features(__u32 index, __u64 *features)
{
	struct question q = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(q.genl)), .nlmsg_flags = NLM_F_REQUEST },
		.genl = { .cmd = NETDEV_CMD_DEV_GET, .version = 1 },
	};
	const struct rtattr *attr;
	struct answer a;
	int err;

	err = find_netdev_family(&q.head.nlmsg_type);
	if (err)
		return err;
	add_attr(&q, NETDEV_A_DEV_IFINDEX, &index, sizeof(index));
	err = ask(NETLINK_GENERIC, &q, &a);
	if (err)
		return err;
	attr = find(&a, sizeof(struct genlmsghdr), NETDEV_A_DEV_XDP_FEATURES, sizeof(*features));
	if (!attr)
		return -EBADMSG;
	memcpy(features, RTA_DATA(attr), sizeof(*features));
	return 0;
}
