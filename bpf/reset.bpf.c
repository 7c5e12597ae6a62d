/* Resets, sent and received. */
#include "sock.bpf.h"

/* Timewait and request sockets are smaller than struct sock: of those only the common part may be
 * read, and they get no cookie. */
static __always_inline bool is_full(const struct sock *sk)
{
	__u8 state = sk->__sk_common.skc_state;

	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

/* A TCP header as on the wire (RFC 9293 section 3.1). */
struct tcp_header {
	__be16 source;
	__be16 destination;
	__be32 sequence;
	__be32 acknowledgment;
	__u8 data_offset; /* in its upper half, in words of four bytes */
	__u8 flags;
	__be16 window;
};

#define TCP_FLAG_SYN 0x02

static __always_inline bool read_tcp_header(struct tcp_header *header, const struct sk_buff *skb)
{
	return bpf_probe_read_kernel(header, sizeof(*header), skb->head + skb->transport_header) ==
	       0;
}

/* What a received segment carries; its data begins at the TCP header while TCP looks at it. */
static __always_inline __u32 payload_of(const struct sk_buff *skb)
{
	struct tcp_header header;
	__u32 header_bytes;

	if (!read_tcp_header(&header, skb))
		return 0;
	header_bytes = (header.data_offset >> 4) * 4;
	return skb->len > header_bytes ? skb->len - header_bytes : 0;
}

static __always_inline void fill_reset_header(struct wsbpf_header *header, __u8 state, __u8 family,
					      __u32 netns, __u64 cookie)
{
	header->type = WSBPF_RECORD_RESET;
	header->state = state;
	header->old_state = 0;
	header->family = family;
	header->netns = netns;
	header->cookie = cookie;
	header->time_ns = bpf_ktime_get_boot_ns();
}

static __always_inline void on_reset(struct sock *sk, enum wsbpf_reset_direction direction,
				     __s32 reason, __u32 payload_bytes, enum wsbpf_program program)
{
	struct wsbpf_reset *record;
	__u16 local_port;

	local_port = is_full(sk) ? local_port_of(sk) : sk->__sk_common.skc_num;
	if (!is_watched(local_port, sk->__sk_common.skc_dport))
		return;
	record = reserve_record(sizeof(*record), program);
	if (!record)
		return;
	fill_reset_header(&record->header, sk->__sk_common.skc_state, sk->__sk_common.skc_family,
			  sk->__sk_common.skc_net.net->ns.inum, is_full(sk) ? cookie_of(sk) : 0);
	fill_endpoints(&record->endpoints, &sk->__sk_common, local_port);
	record->direction = direction;
	record->reason = reason;
	record->payload_bytes = payload_bytes;
	submit_record(record);
}

/* Offsets of the addresses in the IP headers, and the byte that tells their versions apart. */
#define IPV4_SOURCE  12
#define IPV6_SOURCE  8
#define IP_VERSION_4 4

/* A segment that belongs to no socket any more; not the answer to a SYN, which is a connection
 * refused. Its receiver is our end. */
static __always_inline void on_orphan_reset(const struct sock *sk, const struct sk_buff *skb,
					    __s32 reason)
{
	unsigned char *network = skb->head + skb->network_header;
	struct wsbpf_reset *record;
	struct tcp_header header;
	__u32 netns;
	__u8 version;

	if (!read_tcp_header(&header, skb) || header.flags & TCP_FLAG_SYN)
		return;
	if (!is_watched(bpf_ntohs(header.destination), header.source))
		return;
	/* A segment that has found a socket has lost its device. */
	netns = sk ? sk->__sk_common.skc_net.net->ns.inum : skb->dev->nd_net.net->ns.inum;
	if (bpf_probe_read_kernel(&version, sizeof(version), network))
		return;
	record = reserve_record(sizeof(*record), WSBPF_PROGRAM_SEND_RESET);
	if (!record)
		return;
	__builtin_memset(&record->endpoints, 0, sizeof(record->endpoints));
	if (version >> 4 == IP_VERSION_4) {
		bpf_probe_read_kernel(record->endpoints.remote_address, 4, network + IPV4_SOURCE);
		bpf_probe_read_kernel(record->endpoints.local_address, 4,
				      network + IPV4_SOURCE + 4);
	} else {
		bpf_probe_read_kernel(record->endpoints.remote_address, 16, network + IPV6_SOURCE);
		bpf_probe_read_kernel(record->endpoints.local_address, 16,
				      network + IPV6_SOURCE + 16);
	}
	record->endpoints.local_port = bpf_ntohs(header.destination);
	record->endpoints.remote_port = bpf_ntohs(header.source);
	fill_reset_header(&record->header, TCP_CLOSE,
			  version >> 4 == IP_VERSION_4 ? AF_INET : AF_INET6, netns, 0);
	record->direction = WSBPF_RESET_SENT;
	record->reason = reason;
	record->payload_bytes = payload_of(skb);
	submit_record(record);
}

/* A segment of a connection that is over meets no socket, or the one that still listens there. */
static __always_inline bool is_orphan(const struct sock *sk)
{
	return !sk || sk->__sk_common.skc_state == TCP_LISTEN;
}

/* The reason became an argument in 6.10 ("rstreason: make it work in trace world"); the daemon
 * loads the one that fits the running kernel. The segment is NULL for a reset that answers none. */
SEC("?tp_btf/tcp_send_reset")
int BPF_PROG(send_reset_reason, struct sock *sk, const struct sk_buff *skb, int reason)
{
	if (!is_orphan(sk))
		on_reset(sk, WSBPF_RESET_SENT, reason, skb ? payload_of(skb) : 0,
			 WSBPF_PROGRAM_SEND_RESET);
	else if (skb)
		on_orphan_reset(sk, skb, reason);
	return 0;
}

SEC("?tp_btf/tcp_send_reset")
int BPF_PROG(send_reset, struct sock *sk, const struct sk_buff *skb)
{
	if (!is_orphan(sk))
		on_reset(sk, WSBPF_RESET_SENT, -1, skb ? payload_of(skb) : 0,
			 WSBPF_PROGRAM_SEND_RESET);
	else if (skb)
		on_orphan_reset(sk, skb, -1);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(receive_reset, struct sock *sk)
{
	on_reset(sk, WSBPF_RESET_RECEIVED, -1, 0, WSBPF_PROGRAM_RECEIVE_RESET);
	return 0;
}
