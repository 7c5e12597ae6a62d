/* Segments sent again: the first sign of a peer that is gone. */
#include "sock.bpf.h"

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit_skb, struct sock *sk, const struct sk_buff *skb)
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
	record->total = tp->total_retrans;
	record->unacked_from = tp->snd_una;
	record->bytes = skb->len;
	record->heard_ms_ago = ms_since((__u32)bpf_jiffies64(), tp->rcv_tstamp);
	record->rto_ms = ticks_to_ms(tp->inet_conn.icsk_rto);
	record->mss_bytes = tp->mss_cache;
	record->timeouts = tp->inet_conn.icsk_retransmits;
	record->reserved = 0;
	submit_record(record);
	return 0;
}

/* The only sign of a handshake that hangs: request sockets have no other events. */
SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(retransmit_synack, struct sock *sk)
{
	struct wsbpf_synack *record;

	if (!is_watched_sock(sk))
		return 0;
	record = reserve_record(sizeof(*record), WSBPF_PROGRAM_RETRANSMIT_SYNACK);
	if (!record)
		return 0;
	fill_header(&record->header, sk, WSBPF_RECORD_SYNACK, sk->__sk_common.skc_state, 0);
	submit_record(record);
	return 0;
}
