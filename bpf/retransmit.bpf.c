/* Segments sent again: the first sign of a peer that is gone. */
#include "sock.bpf.h"

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit_skb, struct sock *sk)
{
	struct wsbpf_retransmit *record;
	struct tcp_sock *tp;

	if (!is_watched_sock(sk))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	record = reserve_record(sizeof(*record), WSBPF_PROGRAM_RETRANSMIT);
	if (!record)
		return 0;
	fill_header(&record->header, sk, WSBPF_RECORD_RETRANSMIT, sk->__sk_common.skc_state, 0);
	record->streak = tp->inet_conn.icsk_retransmits;
	record->total = tp->total_retrans;
	submit_record(record);
	return 0;
}
