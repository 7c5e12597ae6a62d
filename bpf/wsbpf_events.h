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
	WSBPF_RECORD_WEBSOCKET,
	WSBPF_RECORD_UNREADABLE, /* the first bytes are not those of a WebSocket's handshake */
	WSBPF_RECORD_DISCOVERED, /* a listener that was not watched has answered 101 */
};

/* Programs that can lose a record; indexes the drop counters. */
enum wsbpf_program {
	WSBPF_PROGRAM_SET_STATE,
	WSBPF_PROGRAM_DESTROY,
	WSBPF_PROGRAM_RETRANSMIT,
	WSBPF_PROGRAM_SEND_RESET,
	WSBPF_PROGRAM_RECEIVE_RESET,
	WSBPF_PROGRAM_RETRANSMIT_SYNACK,
	WSBPF_PROGRAM_WEBSOCKET,
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

/* How far the stream of bytes in one direction of a connection is understood. */
enum wsbpf_reading {
	WSBPF_READING_NOTHING, /* none of it has been read, or none was understood */
	WSBPF_READING_HEAD,    /* of a request or a response, up to the empty line */
	WSBPF_READING_AWAITED, /* the client's: behind a request for a WebSocket, without the answer
				*/
	WSBPF_READING_HTTP,    /* the request was for no WebSocket, or it was refused */
	WSBPF_READING_FRAMES,  /* in step with the frames */
	WSBPF_READING_LOST, /* fell out of step with them: a segment with a header was not seen */
	WSBPF_READING_REGAINED, /* out of step, but the last segment held whole frames only */
};

/* Bits of wsbpf_websocket_state.bits. */
enum wsbpf_websocket_bit {
	WSBPF_WEBSOCKET_STATUS = 0x3ff,	      /* of the response; 0: there was none yet */
	WSBPF_WEBSOCKET_IS_CLIENT = 1 << 10,  /* our end sent the request: it masks its frames */
	WSBPF_WEBSOCKET_REQUEST = 1 << 11,    /* a request for one was read to its end */
	WSBPF_WEBSOCKET_KEY = 1 << 12,	      /* the request had Sec-WebSocket-Key */
	WSBPF_WEBSOCKET_UPGRADE = 1 << 13,    /* ... Upgrade: websocket */
	WSBPF_WEBSOCKET_CONNECTION = 1 << 14, /* ... Connection: upgrade */
	WSBPF_WEBSOCKET_VERSION_13 = 1 << 15, /* ... Sec-WebSocket-Version: 13 */
	WSBPF_WEBSOCKET_HTTP_1_0 = 1 << 16,   /* ... came as HTTP/1.0 */
	WSBPF_WEBSOCKET_COMPRESSED = 1 << 17, /* the response had an extension that uses RSV1 */
	WSBPF_WEBSOCKET_PROVEN = 1 << 18,     /* its frames have proven themselves where
					       * something before them was not read */
	WSBPF_WEBSOCKET_CLOSE_FIRST_IN = 1 << 19, /* the peer's Close came first */
	WSBPF_WEBSOCKET_CLOSE_FIRST_OUT = 1 << 20,
	WSBPF_WEBSOCKET_CLOSES_CROSSED = 1 << 21, /* the peer's was sent before ours had arrived */
	WSBPF_WEBSOCKET_PING_IN = 1 << 22,	  /* rtt_us is of the peer's ping and our pong */
	WSBPF_WEBSOCKET_PLAIN = 1 << 23,	  /* a request for something else was seen */
	WSBPF_WEBSOCKET_BUSY = 1 << 30,		  /* a segment that was received is being read */
};

enum {
	WSBPF_IN,  /* from the peer */
	WSBPF_OUT, /* to the peer */
	WSBPF_DIRECTIONS,
};

/* How many are kept of each direction, and how long the head of a request may be. */
enum { WSBPF_GAPS = 8, WSBPF_FRAMES_KEPT = 4, WSBPF_LONGEST_HEAD = 32768 };

/* A frame in four bytes: its opcode, whether it is a message's last, and its length, at most
 * WSBPF_FRAME_LENGTH, which stands for all that are longer. */
enum {
	WSBPF_FRAME_LENGTH = (1 << 26) - 1,
	WSBPF_FRAME_OPCODE_SHIFT = 26,
	WSBPF_FRAME_FINAL = 1 << 30,
	WSBPF_FRAME_SEEN = 1u << 31, /* 0: there was none */
};

/* Where a HTTP head is read. That happens byte by byte; tokens are compared by their hash. */
struct wsbpf_head {
	__u32 hash;   /* of the bytes of the token so far, in lower case; 0: it has none */
	__u32 found;  /* bits of enum wsbpf_websocket_bit that its lines have set */
	__u16 bytes;  /* of the head so far */
	__u16 status; /* of the status line, as far as it has been read */
	__u8 field;   /* what the line is about: enum websocket_field */
	__u8 tokens;  /* of the line that are over */
	__u8 in_line; /* something of the line has been read */
	__u8 in_value;
};

/* One direction of a WebSocket. Times are the low 32 bits of CLOCK_BOOTTIME in milliseconds. */
struct wsbpf_websocket_direction {
	__u64 skip; /* bytes before the next frame's header; while `held`, its bytes from the
		       third on */
	__u64 message_bytes; /* payload of data frames, compressed where they are so */
	__u32 seq;	     /* TCP sequence number up to which the stream has been read */
	__u32 messages;	     /* whose last frame has begun */
	__u32 message_ms;    /* when a message began last; 0: none has */
	__u32 frame_ms;	     /* the last frame; before there is one, the end of the head */
	__u32 frames[WSBPF_FRAMES_KEPT];     /* a ring; see WSBPF_FRAME_* */
	__u16 frame_gaps[WSBPF_FRAMES_KEPT]; /* before each of them, as in `gaps` */
	union {
		__u16 gaps[WSBPF_GAPS]; /* a ring: from message to message, as wsbpf_gap() encodes
					   them; 0: there was none */
		struct wsbpf_head head; /* before there are frames */
	};
	__u16 close_code; /* of its first Close frame; 0: there was none, 1005: it bore no code */
	__u8 reading;	  /* enum wsbpf_reading, and WSBPF_IN_MESSAGE */
	__u8 violations;  /* of RFC 6455; 255 stands for more */
	__u8 slots;	  /* the next of `frames`, and from bit 2 on the next of `gaps` */
	__u8 held; /* bytes of a frame's header whose rest has not come; while out of step, of
		      segments that have proven themselves in a row */
	__u8 held_first[2];
};

/* In `reading`: the last data frame was not the last one of its message. */
enum { WSBPF_READING_MASK = 0xf, WSBPF_IN_MESSAGE = 0x10 };

/* What is known of a WebSocket; the kernel keeps it in the socket's storage. */
struct wsbpf_websocket_state {
	struct wsbpf_websocket_direction directions[WSBPF_DIRECTIONS];
	__u32 ping_us[WSBPF_DIRECTIONS];  /* low 32 bits of the time of the last ping */
	__u16 ping_tag[WSBPF_DIRECTIONS]; /* of that ping's payload; 0: none waits for its pong */
	__u32 rtt_us;			  /* of the last ping that was answered; 0: none was */
	__u32 missed_bytes;		  /* that passed without being read */
	__u32 bits;			  /* enum wsbpf_websocket_bit */
};

/* Times between messages in 16 bits: milliseconds up to 32.7 s, then units of 64 ms up to 17 min,
 * then of 4.1 s up to 18 h, which stands for all that is longer. */
static inline __u16 wsbpf_gap(__u32 ms)
{
	if (ms < 0x8000)
		return (__u16)ms;
	if (ms < 0x4000 << 6)
		return (__u16)(0x8000 | ms >> 6);
	return (__u16)(ms < 0x4000u << 12 ? 0xc000 | ms >> 12 : 0xffff);
}

static inline __u32 wsbpf_gap_ms(__u16 gap)
{
	if (gap < 0x8000)
		return gap;
	return gap < 0xc000 ? (gap & 0x3fffu) << 6 : (gap & 0x3fffu) << 12;
}

/* What a record of a WebSocket was written for, as bits. */
enum wsbpf_websocket_news {
	WSBPF_NEWS_ANSWER = 1 << 0, /* a response was read to its end */
	WSBPF_NEWS_CLOSE = 1 << 1,  /* the first Close frame of a direction */
	WSBPF_NEWS_PONG = 1 << 2,   /* rtt_us is new */
	WSBPF_NEWS_PROVEN = 1 << 3, /* in step with frames whose beginning was not seen */
	WSBPF_NEWS_LOST = 1 << 4,   /* fell out of step */
	WSBPF_NEWS_ENDED = 1 << 5,  /* the connection is about to enter CLOSE */
	WSBPF_NEWS_PLAIN = 1 << 6,  /* a request, or its answer, is not for a WebSocket */
	WSBPF_NEWS_SWEPT = 1 << 7,  /* none: an iterator came by */
};

struct wsbpf_websocket {
	struct wsbpf_header header;
	struct wsbpf_websocket_state state;
	__u32 news;
	/* Bytes that the socket has received, and sent, behind those that were read; without FINs.
	 */
	__u32 behind[WSBPF_DIRECTIONS];
	__u32 reserved;
};

enum wsbpf_unreadable_reason {
	WSBPF_UNREADABLE_TLS = 1,
	WSBPF_UNREADABLE_HTTP2, /* RFC 8441 is not read */
	WSBPF_UNREADABLE_OTHER,
};

/* A connection whose first bytes, or whose request, are not a WebSocket's. */
struct wsbpf_unreadable {
	struct wsbpf_header header;
	__u32 reason; /* enum wsbpf_unreadable_reason */
	__u32 reserved;
};

/* The connection of the header, to a port that was not watched, was answered 101. */
struct wsbpf_discovered {
	struct wsbpf_header header;
	__u32 port; /* watched from now on */
	__u32 reserved;
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
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_websocket_direction) == 80, "websocket direction");
/* With the 72 bytes that the kernel puts before it, the slab of 256. */
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_websocket_state) == 184, "websocket state");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_websocket) == 224, "websocket");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_unreadable) == 32, "unreadable");
WSBPF_STATIC_ASSERT(sizeof(struct wsbpf_discovered) == 32, "discovered");

#endif /* WSBPF_EVENTS_H */
