/* What the reader of WebSockets reads: one TCP segment's payload. The reader is the same in the
 * kernel and in tests; whoever includes it says how bytes are loaded there, as a function or macro
 * each, before:
 *
 * long websocket_load(const struct websocket_segment *segment, __u32 position, void *to, __u32
 * size): 0, or an error, and then nothing is known of the bytes.
 *
 * long websocket_loop(__u32 most, callback, void *context): calls callback(i, context) for i <
 * most, until it returns 1.
 *
 * __u64 websocket_now_ns(void): CLOCK_BOOTTIME.
 *
 * __u32 websocket_now_ms(void): the same, the low 32 bits; may be as coarse as a tick.
 *
 * __u32 websocket_expected(const struct websocket_segment *segment): the sequence number that the
 * socket waits for; of one that we send: its own.
 *
 * bool websocket_is_acceptable(const struct websocket_segment *segment): TCP will not drop it.
 */
#ifndef WSBPF_WEBSOCKET_SEGMENT_H
#define WSBPF_WEBSOCKET_SEGMENT_H

#include "wsbpf_events.h"

#define WEBSOCKET_INLINE static inline __attribute__((always_inline))

/* What most segments do not need. */
#define WEBSOCKET_SELDOM static __attribute__((noinline))

/* A function of numbers that the verifier looks at once, by itself, as it does with those that are
 * global: whatever way its result came by is then not followed apart. */
#ifdef __bpf__
#define WEBSOCKET_APART __attribute__((noinline))
#else
#define WEBSOCKET_APART static
#endif

/* Of a loop in what bpf_loop() calls: Linux 6.1 takes none there. */
#ifdef __bpf__
#define WEBSOCKET_UNROLL _Pragma("unroll")
#else
#define WEBSOCKET_UNROLL
#endif

/* Makes the verifier forget what it knows of `value`, which stays as it is, for the same reason.
 * `any` is what it knows nothing of. */
#ifdef __bpf__
#define WEBSOCKET_FORGET(value, any) asm volatile("%0 ^= %1; %0 ^= %1" : "+r"(value) : "r"(any))
#else
#define WEBSOCKET_FORGET(value, any) ((void)(any))
#endif

struct websocket_segment {
	void *bytes;	   /* where they are: the reader hands it on only */
	__u32 offset;	   /* of the payload in them */
	__u32 length;	   /* of the payload */
	__u32 seq;	   /* TCP sequence number of its first byte */
	__u32 ack;	   /* TCP acknowledgement number that comes with it */
	__u32 direction;   /* WSBPF_IN or WSBPF_OUT */
	__u32 from_client; /* it was sent by the end that connected */
};

/* How far sequence number `a` is ahead of `b`; negative: behind it (RFC 9293 section 3.4). */
WEBSOCKET_INLINE __s32 websocket_ahead(__u32 a, __u32 b)
{
	return (__s32)(a - b);
}

WEBSOCKET_INLINE __u32 websocket_reading(const struct wsbpf_websocket_direction *direction)
{
	return direction->reading & WSBPF_READING_MASK;
}

/* Saturates: of a stream that is never understood again everything is missed. */
WEBSOCKET_INLINE void websocket_count_missed(struct wsbpf_websocket_state *state, __u32 bytes)
{
	const __u32 missed = state->missed_bytes + bytes;

	state->missed_bytes = missed < bytes ? (__u32)-1 : missed;
}

#endif /* WSBPF_WEBSOCKET_SEGMENT_H */
