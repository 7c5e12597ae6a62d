/* Reads WebSockets from the packets of watched connections, on both ways through the root of the
 * cgroup hierarchy. A packet of any other connection costs a look at its ports; nothing is ever
 * changed or held up, and of the payload nothing leaves the kernel but what wsbpf_events.h says.
 */
#include "sock.bpf.h"

#include "websocket_segment.h"

#define websocket_loop(most, callback, context) bpf_loop(most, callback, context, 0)
#define websocket_load(segment, position, to, size)                                                \
	bpf_skb_load_bytes((segment)->bytes, (segment)->offset + (position), to, size)
#define websocket_now_ns() bpf_ktime_get_boot_ns()

/* A seventh of the price of the exact time, which only the round trips of pings need. */
static __always_inline __u32 websocket_now_ms(void)
{
	return (bpf_jiffies64() * ms_per_tick_shifted >> MS_PER_TICK_SHIFT) + boot_ms_of_tick_0;
}

static __always_inline __u32 websocket_expected(const struct websocket_segment *segment)
{
	struct __sk_buff *skb = segment->bytes;
	struct bpf_sock *sk = skb->sk;
	__u32 expected = segment->seq;
	struct tcp_sock *tp;

	if (segment->direction == WSBPF_OUT || !sk)
		return expected;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return expected;
	expected = tp->rcv_nxt;
	/* Or both loads become one, of which the verifier wants to know what it loads from. */
	barrier_var(expected);
	return expected;
}

/* What lies beyond the window, or acknowledges what was never written, TCP drops; this program runs
 * before it looks. (What it drops for its timestamp, or for a checksum that no hardware has
 * checked, is read all the same.) */
static __always_inline bool websocket_is_acceptable(const struct websocket_segment *segment)
{
	struct __sk_buff *skb = segment->bytes;
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tp;

	if (segment->direction == WSBPF_OUT)
		return true;
	tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	return tp && websocket_ahead(segment->ack, tp->write_seq) <= 0 &&
	       websocket_ahead(segment->seq, tp->rcv_wup + tp->rcv_wnd) <= 0;
}

#include "websocket_reader.h"

enum {
	IP_V4_SHORTEST = 20,
	IP_V6_HEADER = 40,
	IP_V6_HOP_BY_HOP = 0,
	TCP_SHORTEST = 20,
	PROTOCOL_TCP = 6,
};

/* Finds the payload; false: there is none. */
static __always_inline bool find_payload(struct __sk_buff *skb, struct websocket_segment *segment)
{
	const __u8 *data = (const __u8 *)(long)skb->data;
	const __u8 *data_end = (const __u8 *)(long)skb->data_end;
	const __u8 *tcp;
	__u32 ip_bytes;
	__u8 protocol;

	if (data + IP_V4_SHORTEST > data_end)
		return false;
	if (data[0] >> 4 == 4) {
		ip_bytes = (data[0] & 0xf) * 4;
		protocol = data[9];
	} else {
		ip_bytes = IP_V6_HEADER;
		protocol = data[6];
		/* Packets of more than 64 KB tell their length in one (RFC 2675). */
		if (protocol == IP_V6_HOP_BY_HOP) {
			if (data + IP_V6_HEADER + 2 > data_end)
				return false;
			protocol = data[IP_V6_HEADER];
			ip_bytes += (data[IP_V6_HEADER + 1] + 1) * 8;
		}
	}
	tcp = data + ip_bytes;
	if (protocol != PROTOCOL_TCP || tcp + TCP_SHORTEST > data_end)
		return false;
	segment->offset = ip_bytes + (tcp[12] >> 4) * 4;
	if (skb->len <= segment->offset)
		return false;
	segment->bytes = skb;
	segment->length = skb->len - segment->offset;
	segment->seq = bpf_ntohl(*(const __be32 *)(tcp + 4));
	/* A SYN takes a number of its own before the data that may come with it (RFC 7413). */
	segment->seq += tcp[13] >> 1 & 1;
	segment->ack = bpf_ntohl(*(const __be32 *)(tcp + 8));
	return true;
}

static __always_inline void fill_packet_header(struct wsbpf_header *header, struct __sk_buff *skb,
					       const struct tcp_sock *tp,
					       enum wsbpf_record_type type)
{
	const struct sock *sk = &tp->inet_conn.icsk_inet.sk;

	fill_header_with(header, sk, bpf_get_socket_cookie(skb), type, sk->__sk_common.skc_state,
			 0);
}

static __always_inline void tell_state(struct __sk_buff *skb, const struct tcp_sock *tp,
				       const struct wsbpf_websocket_state *state, __u32 news)
{
	struct wsbpf_websocket *record = reserve_record(sizeof(*record), WSBPF_PROGRAM_WEBSOCKET);

	if (!record)
		return;
	fill_packet_header(&record->header, skb, tp, WSBPF_RECORD_WEBSOCKET);
	fill_websocket(&record->state, state);
	record->news = news;
	record->behind[WSBPF_IN] = 0;
	record->behind[WSBPF_OUT] = 0;
	record->reserved = 0;
	submit_record(record);
}

static __always_inline void tell_unreadable(struct __sk_buff *skb, const struct tcp_sock *tp,
					    __u32 reason)
{
	struct wsbpf_unreadable *record = reserve_record(sizeof(*record), WSBPF_PROGRAM_WEBSOCKET);

	if (!record)
		return;
	fill_packet_header(&record->header, skb, tp, WSBPF_RECORD_UNREADABLE);
	record->reason = reason;
	record->reserved = 0;
	submit_record(record);
}

/* The client's first bytes, or the server's, are those that nothing was sent before. */
static __always_inline bool is_first(const struct websocket_segment *segment,
				     const struct tcp_sock *tp)
{
	if (segment->direction == WSBPF_IN)
		return !tp->bytes_received && segment->seq == tp->rcv_nxt;
	return tp->bytes_sent == segment->length; /* counted before it is sent */
}

/* A state for the connection, if this segment is worth one. */
static __noinline struct wsbpf_websocket_state *begin_state(struct __sk_buff *skb,
							    const struct websocket_segment *segment)
{
	struct wsbpf_websocket_state *state;
	struct bpf_sock *sk = skb->sk;
	enum websocket_look look;
	struct tcp_sock *tp;
	bool first;

	if (!sk)
		return NULL;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return NULL;
	first = segment->from_client && is_first(segment, tp);
	look = websocket_look_at(segment, first);
	if (look == WEBSOCKET_LOOK_NOTHING || !websocket_is_acceptable(segment))
		return NULL;
	if (look >= WEBSOCKET_LOOK_TLS)
		tell_unreadable(skb, tp, look - WEBSOCKET_LOOK_TLS + WSBPF_UNREADABLE_TLS);
	if (look != WEBSOCKET_LOOK_FOLLOW)
		return NULL;
	state = bpf_sk_storage_get(&websockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (state)
		websocket_begin(state, segment, first);
	return state;
}

static __always_inline void read_segment(struct __sk_buff *skb, struct bpf_sock *sk,
					 struct websocket_segment *segment)
{
	struct wsbpf_websocket_state *state = bpf_sk_storage_get(&websockets, sk, 0, 0);
	const bool is_in = segment->direction == WSBPF_IN;
	struct tcp_sock *tp;
	__u32 news;

	if (!state) {
		state = begin_state(skb, segment);
		if (!state)
			return;
	}
	/* Two CPUs may have received segments of one socket; what is not read now is missed, and
	 * noticed. What is sent, the socket's lock keeps in order. */
	if (is_in && __sync_fetch_and_or(&state->bits, WSBPF_WEBSOCKET_BUSY) & WSBPF_WEBSOCKET_BUSY)
		return;
	news = websocket_read(state, segment);
	if (news) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp && news & ~WSBPF_NEWS_PLAIN)
			tell_state(skb, tp, state, news);
		if (tp && news & WSBPF_NEWS_PLAIN)
			tell_unreadable(skb, tp, WSBPF_UNREADABLE_OTHER);
	}
	if (is_in)
		__sync_fetch_and_and(&state->bits, ~(__u32)WSBPF_WEBSOCKET_BUSY);
}

/* Watches the port, too, whose listener has answered 101 as the first thing it said. */
static __always_inline bool discover(struct __sk_buff *skb, struct bpf_sock *sk,
				     struct websocket_segment *segment, __u16 port)
{
	struct wsbpf_discovered *record;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return false;
	if (segment->direction == WSBPF_OUT ? tp->bytes_sent > skb->len : tp->bytes_received)
		return false;
	if (!find_payload(skb, segment) || !is_first(segment, tp) || !websocket_is_switch(segment))
		return false;
	if ((__s32)__sync_fetch_and_add(&discoveries_left, -1) <= 0) {
		__sync_fetch_and_add(&discoveries_left, 1);
		return false;
	}
	__sync_fetch_and_or(&watched_ports[port >> 6], 1ull << (port & 63));
	record = reserve_record(sizeof(*record), WSBPF_PROGRAM_WEBSOCKET);
	if (!record)
		return true;
	fill_packet_header(&record->header, skb, tp, WSBPF_RECORD_DISCOVERED);
	record->port = port;
	record->reserved = 0;
	submit_record(record);
	return true;
}

static __always_inline bool is_server(__u16 local_port)
{
	return (watched_roles & WSBPF_ROLE_SERVER) && is_watched_port(local_port);
}

/* Always 1: the packet goes on. */
static __always_inline int on_packet(struct __sk_buff *skb, __u32 direction)
{
	struct websocket_segment segment = {.direction = direction};
	struct bpf_sock *sk = skb->sk;
	__u16 local_port, remote_port;
	__u32 answers_in;

	if (!sk)
		return 1;
	local_port = sk->src_port;
	remote_port = bpf_ntohs(sk->dst_port);
	if (!is_watched(local_port, sk->dst_port)) {
		if ((__s32)discoveries_left <= 0)
			return 1;
		/* Whoever answers is the server. */
		answers_in = direction == WSBPF_OUT ? WSBPF_ROLE_SERVER : WSBPF_ROLE_CLIENT;
		if (!(watched_roles & answers_in) ||
		    !discover(skb, sk, &segment, direction == WSBPF_OUT ? local_port : remote_port))
			return 1;
	} else if (!find_payload(skb, &segment)) {
		return 1;
	}
	/* Data that comes with the ACK of the handshake is the listener's still. */
	if (sk->state == TCP_LISTEN)
		return 1;
	segment.from_client = is_server(local_port) == (direction == WSBPF_IN);
	read_segment(skb, sk, &segment);
	return 1;
}

SEC("cgroup_skb/ingress")
int websocket_in(struct __sk_buff *skb)
{
	return on_packet(skb, WSBPF_IN);
}

SEC("cgroup_skb/egress")
int websocket_out(struct __sk_buff *skb)
{
	return on_packet(skb, WSBPF_OUT);
}
