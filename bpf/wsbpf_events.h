/* What crosses the border between the kernel programs and the daemon: the only header that both
 * sides include. Every record begins with its type; fields are fixed in width and naturally
 * aligned; sizes are asserted below. Records never leave the machine: they need no byte order.
 */
#ifndef WSBPF_EVENTS_H
#define WSBPF_EVENTS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#ifdef __cplusplus
#define WSBPF_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define WSBPF_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* The ends of a connection that are watched, as bits of the `roles` variable. */
enum wsbpf_role {
	WSBPF_ROLE_SERVER = 1, /* the watched port is the local one */
	WSBPF_ROLE_CLIENT = 2, /* the watched port is the peer's */
};

enum wsbpf_record_type {
	WSBPF_RECORD_OPENED = 1,
	WSBPF_RECORD_STATE,
	WSBPF_RECORD_CLOSED,
	WSBPF_RECORD_DESTROYED,
	WSBPF_RECORD_RETRANSMIT,
	WSBPF_RECORD_RESET,
	WSBPF_RECORD_SOCKET,   /* from the iterators */
	WSBPF_RECORD_MINISOCK, /* from iter/tcp: a request or timewait socket */
	WSBPF_RECORD_LEFT,     /* left ESTABLISHED other than for CLOSE */
	WSBPF_RECORD_SYNACK,   /* a SYN+ACK was sent again */
};

/* Programs that can lose a record; indexes the drop counters. */
enum wsbpf_program {
	WSBPF_PROGRAM_SET_STATE,
	WSBPF_PROGRAM_DESTROY,
	WSBPF_PROGRAM_RETRANSMIT,
	WSBPF_PROGRAM_SEND_RESET,
	WSBPF_PROGRAM_RECEIVE_RESET,
	WSBPF_PROGRAM_RETRANSMIT_SYNACK,
	WSBPF_PROGRAM_COUNT,
};

enum wsbpf_reset_direction {
	WSBPF_RESET_SENT,
	WSBPF_RESET_RECEIVED,
};

/* The first three are the kernel's enum sock_flags. */
enum wsbpf_sock_flag {
	WSBPF_SOCK_DEAD = 1 << 0,      /* no process holds it any more */
	WSBPF_SOCK_DONE = 1 << 1,      /* the peer's FIN has arrived */
	WSBPF_SOCK_KEEPALIVE = 1 << 3, /* SO_KEEPALIVE */
	WSBPF_SOCK_RCV_SHUTDOWN = 1 << 8,
	WSBPF_SOCK_SEND_SHUTDOWN = 1 << 9,
	WSBPF_SOCK_SACKED = 1 << 10, /* segments behind a gap have arrived */
};

struct wsbpf_header {
	__u8 type;	/* enum wsbpf_record_type */
	__u8 state;	/* the kernel's TCP_* number: the state entered, or the one it is in */
	__u8 old_state; /* where a transition came from, else 0 */
	__u8 family;	/* AF_INET or AF_INET6; a v4-mapped peer is AF_INET6 here */
	__u32 netns;	/* inode of the network namespace */
	__u64 cookie;	/* the kernel's socket cookie; 0: the socket has none (timewait) */
	__u64 time_ns;	/* CLOCK_BOOTTIME */
};

/* Addresses as on the wire; IPv4 in the first four bytes. Ports in host order. */
struct wsbpf_endpoints {
	__u8 local_address[16];
	__u8 remote_address[16];
	__u16 local_port;
	__u16 remote_port;
};

/* The socket's counters, as the kernel has them (see docs/architecture.md for what they mean). */
struct wsbpf_counters {
	__u64 bytes_received; /* RFC 4898 tcpEStatsAppHCThruOctetsReceived; counts a FIN */
	__u64 bytes_acked;    /* sent and acknowledged; counts our SYN and FIN */
	__u32 unread_bytes;   /* rcv_nxt - copied_seq; accept queue length while listening */
	__u32 unacked_bytes;  /* snd_nxt - snd_una; accept queue limit while listening */
	__u32 unsent_bytes;   /* write_seq - snd_nxt */
	__u32 retransmits;    /* segments sent again in its life; drops while listening */
	__u32 srtt_us;
	__u32 received_ms_ago; /* since data was last received */
	__u32 sent_ms_ago;     /* since data was last sent, or sent again */
	__u32 heard_ms_ago;    /* since anything was last received */
	__u32 zero_window_ms;  /* since the peer's closed window was first probed; 0: it is open */
	__u32 user_timeout_ms; /* TCP_USER_TIMEOUT; 0: none */
	__u16 mss_bytes;       /* of the segments sent now */
	__u8 timeouts;	       /* retransmission timeouts in a row without progress */
	__u8 probes;	       /* keepalive or window probes in a row without an answer */
	__u32 flags;	       /* enum wsbpf_sock_flag */
};

/* The task that closed a socket. To be read only where the socket call itself is what runs:
 * elsewhere the running task is a bystander of the softirq, and all is 0. */
struct wsbpf_closer {
	__u32 pid;	 /* thread group; 0: not a process's doing */
	__u32 exiting;	 /* the task was exiting: this close is the exit's */
	__s32 exit_code; /* as wait(2) gives it: status << 8 | signal */
};

/* A connection was established, a connect() began (state SYN_SENT), or a socket began to listen.
 * `pid` is known only for the latter two: the others happen in softirq context. */
struct wsbpf_opened {
	struct wsbpf_header header;
	struct wsbpf_endpoints endpoints;
	__u32 pid; /* thread group, 0: not known */
};

/* Entry into a state where a connection can dwell, other than CLOSE. */
struct wsbpf_state {
	struct wsbpf_header header;
	struct wsbpf_closer closer;
	__u32 reserved;
};

/* The same, out of ESTABLISHED: how things stood when the end began. In a FIN from the peer,
 * received_ms_ago does not count the FIN itself, while unread_bytes does. */
struct wsbpf_left {
	struct wsbpf_header header;
	struct wsbpf_closer closer;
	__u32 reserved;
	struct wsbpf_counters counters;
};

/* Entry into CLOSE. The addresses and counters are gone by the time of destruction. */
struct wsbpf_closed {
	struct wsbpf_header header;
	struct wsbpf_endpoints endpoints;
	__s32 error; /* sk_err */
	struct wsbpf_counters counters;
	struct wsbpf_closer closer;
	__u32 reserved;
};

/* The end of the socket; its cookie will not be seen again. */
struct wsbpf_destroyed {
	struct wsbpf_header header;
};

struct wsbpf_retransmit {
	struct wsbpf_header header;
	__u32 total;	    /* segments retransmitted in the connection's life */
	__u32 unacked_from; /* the first sequence number that is not acknowledged: progress moves it
			     */
	__u32 bytes;	    /* of this segment */
	__u32 heard_ms_ago;
	__u32 rto_ms;
	__u16 mss_bytes;
	__u8 timeouts;
	__u8 reserved;
};

/* A SYN+ACK was sent again; the header is the listener's. */
struct wsbpf_synack {
	struct wsbpf_header header;
};

struct wsbpf_reset {
	struct wsbpf_header header;
	struct wsbpf_endpoints endpoints;
	__u32 direction;     /* enum wsbpf_reset_direction */
	__s32 reason;	     /* the kernel's enum sk_rst_reason; -1: this kernel does not say */
	__u32 payload_bytes; /* of the segment that was answered by the reset, where there was one
			      */
};

/* One existing socket, from iter/tcp (pid 0) or iter/task_file (one record for every fd). */
struct wsbpf_socket {
	struct wsbpf_header header;
	struct wsbpf_endpoints endpoints;
	__u32 pid; /* thread group that holds `fd` */
	struct wsbpf_counters counters;
	__s32 fd;
	__u32 reserved;
};

/* A request socket (state SYN_RECV) or a timewait socket (state TIME_WAIT or FIN_WAIT2). */
struct wsbpf_minisock {
	struct wsbpf_header header;
	__u16 local_port;
	__u16 remote_port;
	__u32 retransmits; /* of a request socket's SYN+ACK */
};

WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_header) == 24, "header");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_endpoints) == 36, "endpoints");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_counters) == 64, "counters");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_opened) == 64, "opened");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_state) == 40, "state");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_left) == 104, "left");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_closed) == 144, "closed");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_destroyed) == 24, "destroyed");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_retransmit) == 48, "retransmit");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_synack) == 24, "synack");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_reset) == 72, "reset");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_socket) == 136, "socket");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_minisock) == 32, "minisock");

#endif /* WSBPF_EVENTS_H */
