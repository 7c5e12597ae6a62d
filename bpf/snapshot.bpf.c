/* What exists now: every watched socket of a network namespace (iter/tcp), every watched socket
 * that a process holds (iter/task_file), and the kernel's two clocks beside each other.
 */
#include "sock.bpf.h"

static __always_inline void write_socket(struct seq_file *seq, struct tcp_sock *tp, __u32 pid,
					 __s32 fd)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u8 state = sk->__sk_common.skc_state;
	struct wsbpf_socket record = {};

	fill_header(&record.header, sk, WSBPF_RECORD_SOCKET, state, 0);
	fill_endpoints(&record.endpoints, &sk->__sk_common,
		       bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport));
	if (state == TCP_LISTEN) {
		record.counters.unread_bytes = sk->sk_ack_backlog;
		record.counters.unacked_bytes = sk->sk_max_ack_backlog;
		record.counters.retransmits = sk->sk_drops.counter;
	} else {
		fill_counters(&record.counters, tp);
	}
	record.pid = pid;
	record.fd = fd;
	bpf_seq_write(seq, &record, sizeof(record));
}

/* On a stack of its own: both records together would be too large for one. */
static __noinline int write_websocket(struct seq_file *seq, struct tcp_sock *tp)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	struct wsbpf_websocket_state *state = bpf_sk_storage_get(&websockets, sk, 0, 0);
	struct wsbpf_websocket record = {};

	if (!state)
		return 0;
	fill_header(&record.header, sk, WSBPF_RECORD_WEBSOCKET, sk->__sk_common.skc_state, 0);
	fill_websocket(&record.state, state);
	record.news = WSBPF_NEWS_SWEPT;
	fill_behind(record.behind, state, tp);
	bpf_seq_write(seq, &record, sizeof(record));
	return 0;
}

static __always_inline void write_minisock(struct seq_file *seq, struct sock_common *skc,
					   __u8 state, __u32 retransmits)
{
	struct wsbpf_minisock record = {};

	record.header.type = WSBPF_RECORD_MINISOCK;
	record.header.state = state;
	record.header.family = skc->skc_family;
	record.header.netns = skc->skc_net.net->ns.inum;
	record.local_port = skc->skc_num;
	record.remote_port = bpf_ntohs(skc->skc_dport);
	record.retransmits = retransmits;
	bpf_seq_write(seq, &record, sizeof(record));
}

SEC("iter/tcp")
int dump_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct tcp_request_sock *request;
	struct tcp_timewait_sock *tw;
	struct tcp_sock *tp;

	if (!skc || !is_watched(skc->skc_num, skc->skc_dport))
		return 0;
	tp = bpf_skc_to_tcp_sock(skc);
	if (tp) {
		write_socket(ctx->meta->seq, tp, 0, -1);
		if (reads_websockets)
			write_websocket(ctx->meta->seq, tp);
		return 0;
	}
	tw = bpf_skc_to_tcp_timewait_sock(skc);
	if (tw) {
		write_minisock(ctx->meta->seq, skc, tw->tw_sk.tw_substate, 0);
		return 0;
	}
	request = bpf_skc_to_tcp_request_sock(skc);
	if (request)
		write_minisock(ctx->meta->seq, skc, TCP_SYN_RECV, request->req.req.num_retrans);
	return 0;
}

SEC("iter/task_file")
int dump_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct tcp_sock *tp;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket || !socket->sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(socket->sk);
	if (!tp || !is_watched(bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport),
			       tp->inet_conn.icsk_inet.sk.__sk_common.skc_dport))
		return 0;
	write_socket(ctx->meta->seq, tp, task->tgid, ctx->fd);
	return 0;
}

struct clock_sample {
	__u64 jiffies;
	__u64 time_ns;
};

/* Run by the daemon with BPF_PROG_RUN, to find out how long a jiffy is. */
SEC("syscall")
int read_clocks(struct clock_sample *sample)
{
	sample->jiffies = bpf_jiffies64();
	sample->time_ns = bpf_ktime_get_boot_ns();
	return 0;
}
