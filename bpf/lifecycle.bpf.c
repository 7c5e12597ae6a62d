/* The life of a socket: opened, entered a state where it can dwell, closed, destroyed. */
#include "sock.bpf.h"

#include "websocket_segment.h"

char LICENSE[] SEC("license") = "GPL";

/* connect() and listen() run in their caller; the handshake's last step does not. */
static __always_inline void on_opened(struct sock *sk, int old_state, int new_state)
{
	struct wsbpf_opened *record = reserve_record(sizeof(*record), WSBPF_PROGRAM_SET_STATE);

	if (!record)
		return;
	fill_header(&record->header, sk, WSBPF_RECORD_OPENED, new_state, old_state);
	fill_endpoints(&record->endpoints, &sk->__sk_common, local_port_of(sk));
	record->pid = new_state == TCP_ESTABLISHED ? 0 : current_pid();
	submit_record(record);
}

/* Only close(), shutdown() and an exit lead into these two. */
static __always_inline bool is_own_fin(int new_state)
{
	return new_state == TCP_FIN_WAIT1 || new_state == TCP_LAST_ACK;
}

static __always_inline void on_left(struct sock *sk, int new_state)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct wsbpf_left *record;

	if (!tp)
		return;
	record = reserve_record(sizeof(*record), WSBPF_PROGRAM_SET_STATE);
	if (!record)
		return;
	fill_header(&record->header, sk, WSBPF_RECORD_LEFT, new_state, TCP_ESTABLISHED);
	fill_closer(&record->closer, is_own_fin(new_state));
	fill_counters(&record->counters, tp);
	record->reserved = 0;
	submit_record(record);
}

static __always_inline void on_dwell(struct sock *sk, int old_state, int new_state)
{
	struct wsbpf_state *record = reserve_record(sizeof(*record), WSBPF_PROGRAM_SET_STATE);

	if (!record)
		return;
	fill_header(&record->header, sk, WSBPF_RECORD_STATE, new_state, old_state);
	fill_closer(&record->closer, is_own_fin(new_state));
	record->reserved = 0;
	submit_record(record);
}

/* close() after shutdown() had sent the FIN: it alone shuts the other direction of a socket that it
 * has not orphaned yet. The peer's FIN does so too, but is known as such. */
static __always_inline bool is_closed_after_shutdown(const struct sock *sk, int old_state)
{
	return (old_state == TCP_FIN_WAIT1 || old_state == TCP_FIN_WAIT2) &&
	       (sk->sk_shutdown & SHUTDOWN_MASK) == SHUTDOWN_MASK &&
	       !(sk->__sk_common.skc_flags & (WSBPF_SOCK_DEAD | WSBPF_SOCK_DONE));
}

/* Does a system call itself enter CLOSE here, rather than a reset or a timer? Those leave an error.
 * In later states the call that began the end was another one, earlier. */
static __always_inline bool is_closed_by_caller(const struct sock *sk, int old_state)
{
	return !sk->sk_err && (old_state == TCP_LISTEN || old_state == TCP_SYN_SENT ||
			       old_state == TCP_ESTABLISHED || old_state == TCP_CLOSE_WAIT ||
			       is_closed_after_shutdown(sk, old_state));
}

/* What has passed behind what was read will not be read any more. */
static __always_inline void miss_behind(struct wsbpf_websocket *record)
{
	for (int i = 0; i < WSBPF_DIRECTIONS; i++) {
		if (websocket_reading(&record->state.directions[i]) >= WSBPF_READING_FRAMES)
			websocket_count_missed(&record->state, record->behind[i]);
	}
}

/* The last word on its WebSocket; the socket may connect again, and begin another. */
static __always_inline void on_websocket_ended(struct sock *sk, const struct tcp_sock *tp)
{
	struct wsbpf_websocket_state *state = bpf_sk_storage_get(&websockets, sk, 0, 0);
	struct wsbpf_websocket *record;

	if (!state)
		return;
	record = reserve_record(sizeof(*record), WSBPF_PROGRAM_SET_STATE);
	if (record) {
		fill_header(&record->header, sk, WSBPF_RECORD_WEBSOCKET, TCP_CLOSE, 0);
		fill_websocket(&record->state, state);
		record->news = WSBPF_NEWS_ENDED;
		fill_behind(record->behind, state, tp);
		miss_behind(record);
		record->reserved = 0;
		submit_record(record);
	}
	bpf_sk_storage_delete(&websockets, sk);
}

static __always_inline void on_closed(struct sock *sk, int old_state)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct wsbpf_closed *record;

	if (!tp)
		return;
	if (reads_websockets)
		on_websocket_ended(sk, tp);
	record = reserve_record(sizeof(*record), WSBPF_PROGRAM_SET_STATE);
	if (!record)
		return;
	fill_header(&record->header, sk, WSBPF_RECORD_CLOSED, TCP_CLOSE, old_state);
	fill_endpoints(&record->endpoints, &sk->__sk_common,
		       bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport));
	record->error = sk->sk_err;
	fill_counters(&record->counters, tp);
	fill_closer(&record->closer, is_closed_by_caller(sk, old_state));
	record->reserved = 0;
	submit_last_record(record);
}

/* As is_watched_sock(), but cheaper: only sockets that close have lost a port that they had. */
static __always_inline bool is_watched_in(struct sock *sk, int new_state)
{
	__u16 local_port = sk->__sk_common.skc_num;

	if (!local_port && new_state == TCP_CLOSE)
		local_port = local_port_of(sk);
	return is_watched(local_port, sk->__sk_common.skc_dport);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, struct sock *sk, int old_state, int new_state)
{
	/* SYN_RECV comes together with ESTABLISHED, on the same child. */
	if (new_state == TCP_SYN_RECV || !is_watched_in(sk, new_state))
		return 0;
	switch (new_state) {
	case TCP_ESTABLISHED:
	case TCP_SYN_SENT:
	case TCP_LISTEN:
		on_opened(sk, old_state, new_state);
		break;
	case TCP_CLOSE:
		on_closed(sk, old_state);
		break;
	default:
		if (old_state == TCP_ESTABLISHED)
			on_left(sk, new_state);
		else
			on_dwell(sk, old_state, new_state);
	}
	return 0;
}

/* An abort (SO_LINGER 0) and a refused connect() have wiped the peer's port by now, so that nothing
 * tells whether a client's socket was watched: the daemon knows its cookie. */
static __always_inline bool may_be_watched_client(const struct sock *sk)
{
	return (watched_roles & WSBPF_ROLE_CLIENT) && !sk->__sk_common.skc_dport;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(destroy_sock, struct sock *sk)
{
	struct wsbpf_destroyed *record;

	if (!is_watched_sock(sk) && !may_be_watched_client(sk))
		return 0;
	record = reserve_record(sizeof(*record), WSBPF_PROGRAM_DESTROY);
	if (!record)
		return 0;
	fill_header(&record->header, sk, WSBPF_RECORD_DESTROYED, sk->__sk_common.skc_state, 0);
	submit_record(record);
	return 0;
}
