/* Readers of the kernel's sockets: the port filter, addresses, counters, and who is running. */
#ifndef WSBPF_SOCK_BPF_H
#define WSBPF_SOCK_BPF_H

#include "maps.bpf.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

static __always_inline bool is_watched_port(__u16 port)
{
	return watched_ports[port >> 6] >> (port & 63) & 1;
}

static __always_inline bool is_watched(__u16 local_port, __be16 remote_port)
{
	if ((watched_roles & WSBPF_ROLE_SERVER) && is_watched_port(local_port))
		return true;
	return (watched_roles & WSBPF_ROLE_CLIENT) && is_watched_port(bpf_ntohs(remote_port));
}

/* skc_num is 0 at the entry into CLOSE for autobound and accepted sockets; inet_sport stays. */
static __always_inline __u16 local_port_of(struct sock *sk)
{
	__u16 port = sk->__sk_common.skc_num;
	struct tcp_sock *tp;

	if (port)
		return port;
	tp = bpf_skc_to_tcp_sock(sk);
	return tp ? bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport) : 0;
}

static __always_inline bool is_watched_sock(struct sock *sk)
{
	return is_watched(local_port_of(sk), sk->__sk_common.skc_dport);
}

/* Reading the cookie is cheaper than the helper, which alone can give a socket its first one. */
static __always_inline __u64 cookie_of(struct sock *sk)
{
	__u64 cookie = sk->__sk_common.skc_cookie.counter;

	return cookie ? cookie : bpf_get_socket_cookie(sk);
}

static __always_inline void fill_header_with(struct wsbpf_header *header, const struct sock *sk,
					     __u64 cookie, enum wsbpf_record_type type, __u8 state,
					     __u8 old_state)
{
	header->type = type;
	header->state = state;
	header->old_state = old_state;
	header->family = sk->__sk_common.skc_family;
	header->netns = sk->__sk_common.skc_net.net->ns.inum;
	header->cookie = cookie;
	header->time_ns = bpf_ktime_get_boot_ns();
}

static __always_inline void fill_header(struct wsbpf_header *header, struct sock *sk,
					enum wsbpf_record_type type, __u8 state, __u8 old_state)
{
	fill_header_with(header, sk, cookie_of(sk), type, state, old_state);
}

static __always_inline void fill_address(__u8 *out, __be32 v4, const struct in6_addr *v6,
					 bool is_v6)
{
	__u32 *words = (__u32 *)out;

	if (is_v6) {
		words[0] = v6->in6_u.u6_addr32[0];
		words[1] = v6->in6_u.u6_addr32[1];
		words[2] = v6->in6_u.u6_addr32[2];
		words[3] = v6->in6_u.u6_addr32[3];
	} else {
		words[0] = v4;
		words[1] = 0;
		words[2] = 0;
		words[3] = 0;
	}
}

static __always_inline void fill_endpoints(struct wsbpf_endpoints *endpoints,
					   const struct sock_common *skc, __u16 local_port)
{
	bool is_v6 = skc->skc_family == AF_INET6;

	fill_address(endpoints->local_address, skc->skc_rcv_saddr, &skc->skc_v6_rcv_saddr, is_v6);
	fill_address(endpoints->remote_address, skc->skc_daddr, &skc->skc_v6_daddr, is_v6);
	endpoints->local_port = local_port;
	endpoints->remote_port = bpf_ntohs(skc->skc_dport);
}

/* The kernel's times are the low 32 bits of jiffies, so that differences are right as they are. */
static __always_inline __u32 ticks_to_ms(__u32 ticks)
{
	return (__u64)ticks * ms_per_tick_shifted >> MS_PER_TICK_SHIFT;
}

static __always_inline __u32 ms_since(__u32 now, __u32 then)
{
	return ticks_to_ms(now - then);
}

/* The time of the first probe outlives the probing when the window opens by less than what waits
 * (tcp_ack_probe()); while it is closed there is something to send, and nothing under way. */
static __always_inline bool is_window_probed(const struct tcp_sock *tp)
{
	return tp->inet_conn.icsk_probes_tstamp && tp->write_seq != tp->snd_nxt &&
	       tp->snd_nxt == tp->snd_una;
}

static __always_inline void fill_counters(struct wsbpf_counters *counters,
					  const struct tcp_sock *tp)
{
	const struct inet_connection_sock *icsk = &tp->inet_conn;
	const struct sock *sk = &icsk->icsk_inet.sk;
	__u32 now = (__u32)bpf_jiffies64();
	__u32 flags = sk->__sk_common.skc_flags &
		      (WSBPF_SOCK_DEAD | WSBPF_SOCK_DONE | WSBPF_SOCK_KEEPALIVE);

	if (tp->sacked_out)
		flags |= WSBPF_SOCK_SACKED;
	counters->bytes_received = tp->bytes_received;
	counters->bytes_acked = tp->bytes_acked;
	counters->unread_bytes = tp->rcv_nxt - tp->copied_seq;
	counters->unacked_bytes = tp->snd_nxt - tp->snd_una;
	counters->unsent_bytes = tp->write_seq - tp->snd_nxt;
	counters->retransmits = tp->total_retrans;
	counters->srtt_us = tp->srtt_us >> 3;
	counters->received_ms_ago = ms_since(now, icsk->icsk_ack.lrcvtime);
	counters->sent_ms_ago = ms_since(now, tp->lsndtime);
	counters->heard_ms_ago = ms_since(now, tp->rcv_tstamp);
	counters->zero_window_ms =
		is_window_probed(tp) ? ms_since(now, icsk->icsk_probes_tstamp) : 0;
	counters->user_timeout_ms = icsk->icsk_user_timeout;
	counters->mss_bytes = tp->mss_cache;
	counters->timeouts = icsk->icsk_retransmits;
	counters->probes = icsk->icsk_probes_out;
	counters->flags = flags | (sk->sk_shutdown & SHUTDOWN_MASK) << 8;
}

/* The thread group of a task; 0 for a kernel thread. */
static __always_inline __u32 pid_of(const struct task_struct *task)
{
	return task->flags & PF_KTHREAD ? 0 : task->tgid;
}

/* Of the running task. To be asked only where the socket call itself is what runs: elsewhere the
 * task is a bystander of the softirq. */
static __always_inline __u32 current_pid(void)
{
	return pid_of(bpf_get_current_task_btf());
}

static __always_inline void fill_closer(struct wsbpf_closer *closer, bool by_caller)
{
	struct task_struct *task;

	closer->pid = 0;
	closer->exiting = 0;
	closer->exit_code = 0;
	if (!by_caller)
		return;
	task = bpf_get_current_task_btf();
	closer->pid = pid_of(task);
	if (!(task->flags & PF_EXITING))
		return;
	closer->exiting = 1;
	closer->exit_code = task->exit_code;
}

/* A copy for the daemon, without what was made of bytes of the payload: of a ping it learns that
 * its pong has not come, and of a header that is cut nothing. */
static __always_inline void fill_websocket(struct wsbpf_websocket_state *copy,
					   const struct wsbpf_websocket_state *state)
{
	*copy = *state;
	for (int i = 0; i < WSBPF_DIRECTIONS; i++) {
		struct wsbpf_websocket_direction *direction = &copy->directions[i];

		copy->ping_tag[i] = !!copy->ping_tag[i];
		direction->held_first[0] = 0;
		direction->held_first[1] = 0;
		if (direction->held)
			direction->skip = 0;
		if ((direction->reading & WSBPF_READING_MASK) < WSBPF_READING_FRAMES)
			direction->head.hash = 0;
	}
}

/* What the socket has received and sent behind what was read of it, without the FINs, which take a
 * sequence number each. */
static __always_inline void fill_behind(__u32 *behind, const struct wsbpf_websocket_state *state,
					const struct tcp_sock *tp)
{
	const struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u32 in = tp->rcv_nxt - state->directions[WSBPF_IN].seq;
	__u32 out = tp->snd_nxt - state->directions[WSBPF_OUT].seq;

	if (in && sk->__sk_common.skc_flags & WSBPF_SOCK_DONE)
		in--;
	if (out == 1 && sk->sk_shutdown & SEND_SHUTDOWN)
		out = 0;
	behind[WSBPF_IN] = in;
	behind[WSBPF_OUT] = out;
}

#endif /* WSBPF_SOCK_BPF_H */
