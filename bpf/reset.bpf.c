/* Resets, sent and received. */
#include "sock.bpf.h"

/* Timewait and request sockets are smaller than struct sock: of those only the common part may be
 * read, and they get no cookie. */
static __always_inline bool is_full(const struct sock *sk)
{
	__u8 state = sk->__sk_common.skc_state;

	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

static __always_inline void on_reset(struct sock *sk, enum wsbpf_reset_direction direction,
				     __s32 reason, enum wsbpf_program program)
{
	__u8 state = sk->__sk_common.skc_state;
	struct wsbpf_reset *record;
	__u16 local_port;

	local_port = is_full(sk) ? local_port_of(sk) : sk->__sk_common.skc_num;
	if (!is_watched(local_port, sk->__sk_common.skc_dport))
		return;
	record = reserve_record(sizeof(*record), program);
	if (!record)
		return;
	record->header.type = WSBPF_RECORD_RESET;
	record->header.state = state;
	record->header.old_state = 0;
	record->header.family = sk->__sk_common.skc_family;
	record->header.netns = sk->__sk_common.skc_net.net->ns.inum;
	record->header.cookie = is_full(sk) ? bpf_get_socket_cookie(sk) : 0;
	record->header.time_ns = bpf_ktime_get_boot_ns();
	fill_endpoints(&record->endpoints, &sk->__sk_common, local_port);
	record->direction = direction;
	record->reason = reason;
	record->reserved = 0;
	submit_record(record);
}

/* The reason became an argument in 6.10 ("rstreason: make it work in trace world"); the daemon
 * loads the one that fits the running kernel. The socket is NULL for segments that belong to none.
 */
SEC("?tp_btf/tcp_send_reset")
int BPF_PROG(send_reset_reason, struct sock *sk, const struct sk_buff *skb, int reason)
{
	if (sk)
		on_reset(sk, WSBPF_RESET_SENT, reason, WSBPF_PROGRAM_SEND_RESET);
	return 0;
}

SEC("?tp_btf/tcp_send_reset")
int BPF_PROG(send_reset, struct sock *sk)
{
	if (sk)
		on_reset(sk, WSBPF_RESET_SENT, -1, WSBPF_PROGRAM_SEND_RESET);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(receive_reset, struct sock *sk)
{
	on_reset(sk, WSBPF_RESET_RECEIVED, -1, WSBPF_PROGRAM_RECEIVE_RESET);
	return 0;
}
