/* One frame of a WebSocket (RFC 6455 section 5): what its first bytes say. */
#ifndef WSBPF_WEBSOCKET_FRAME_H
#define WSBPF_WEBSOCKET_FRAME_H

#include "websocket_segment.h"

enum websocket_opcode {
	WEBSOCKET_CONTINUATION = 0x0,
	WEBSOCKET_TEXT = 0x1,
	WEBSOCKET_BINARY = 0x2,
	WEBSOCKET_CLOSE = 0x8,
	WEBSOCKET_PING = 0x9,
	WEBSOCKET_PONG = 0xa,
};

enum {
	WEBSOCKET_FINAL = 0x80,
	WEBSOCKET_RSV1 = 0x40,
	WEBSOCKET_RSV_2_AND_3 = 0x30,
	WEBSOCKET_CONTROL = 0x8, /* of the opcode */
	WEBSOCKET_MASKED = 0x80,
	WEBSOCKET_SHORT_LENGTH = 0x7f,
	WEBSOCKET_LONGEST_CONTROL = 125,
	WEBSOCKET_LENGTH_16 = 126, /* the length follows, in two bytes or in eight */
	WEBSOCKET_LENGTH_64 = 127,
	WEBSOCKET_MASK_BYTES = 4,
	WEBSOCKET_MOST_NEEDED = 10,	/* bytes of a header and a payload, see websocket_needs() */
	WEBSOCKET_NO_STATUS = 1005,	/* RFC 6455 section 7.4.1 */
	WEBSOCKET_PINGS_APART_MS = 100, /* of which the round trip is measured */
	WEBSOCKET_LONGEST_RTT_MS = 30000, /* then the next ping is measured instead */
};

/* As much of a frame as is looked at: two bytes, and up to eight that follow them. */
struct websocket_frame {
	__u8 first;
	__u8 second;
	__u64 rest;   /* the earliest byte is the lowest */
	__u64 length; /* of the payload */
};

WEBSOCKET_INLINE __u8 websocket_opcode(const struct websocket_frame *frame)
{
	return frame->first & 0xf;
}

WEBSOCKET_INLINE __u32 websocket_length_bytes(__u8 second)
{
	const __u8 length = second & WEBSOCKET_SHORT_LENGTH;

	if (length < WEBSOCKET_LENGTH_16)
		return 0;
	return length == WEBSOCKET_LENGTH_16 ? 2 : 8;
}

/* How many bytes of a frame must be there before it can be understood: the header without the mask,
 * of a Close its code, too, of a ping or pong what tells it from others. */
WEBSOCKET_APART __u32 websocket_needs(__u8 first, __u8 second)
{
	const __u8 opcode = first & 0xf;
	const __u32 length = second & WEBSOCKET_SHORT_LENGTH;
	const __u32 mask = second & WEBSOCKET_MASKED ? WEBSOCKET_MASK_BYTES : 0;

	if (length > WEBSOCKET_LONGEST_CONTROL)
		return 2 + websocket_length_bytes(second);
	if (opcode == WEBSOCKET_CLOSE && length >= 2)
		return 2 + mask + 2;
	if (opcode == WEBSOCKET_PING || opcode == WEBSOCKET_PONG)
		return 2 + mask + (length < 4 ? length : 4);
	return 2;
}

WEBSOCKET_INLINE void websocket_read_length(struct websocket_frame *frame)
{
	const __u8 length = frame->second & WEBSOCKET_SHORT_LENGTH;

	if (length == WEBSOCKET_LENGTH_64)
		frame->length = __builtin_bswap64(frame->rest);
	else if (length == WEBSOCKET_LENGTH_16)
		frame->length = __builtin_bswap16((__u16)frame->rest);
	else
		frame->length = length;
}

/* The frame's bytes from its beginning to its end. To be asked of lengths below 2^63 only. */
WEBSOCKET_INLINE __u64 websocket_frame_bytes(const struct websocket_frame *frame)
{
	const __u32 mask = frame->second & WEBSOCKET_MASKED ? WEBSOCKET_MASK_BYTES : 0;

	return 2 + websocket_length_bytes(frame->second) + mask + frame->length;
}

WEBSOCKET_INLINE bool websocket_is_known(__u8 opcode)
{
	return opcode <= WEBSOCKET_BINARY ||
	       (opcode >= WEBSOCKET_CLOSE && opcode <= WEBSOCKET_PONG);
}

/* Anything about the header that RFC 6455 forbids. */
WEBSOCKET_APART __u32 websocket_is_forbidden(__u8 first, __u8 second, __u64 length, __u32 bits,
					     __u32 from_client)
{
	const __u8 short_length = second & WEBSOCKET_SHORT_LENGTH;

	/* Section 5.1: the client's frames are masked, the server's are not. */
	if (!(second & WEBSOCKET_MASKED) != !from_client)
		return true;
	/* Section 5.2 */
	if (!websocket_is_known(first & 0xf) || first & WEBSOCKET_RSV_2_AND_3)
		return true;
	/* Where the handshake was not seen, an extension may have been agreed upon. */
	if (first & WEBSOCKET_RSV1 &&
	    !(bits & (WSBPF_WEBSOCKET_COMPRESSED | WSBPF_WEBSOCKET_PROVEN)))
		return true;
	/* Section 5.5 */
	if (first & WEBSOCKET_CONTROL)
		return !(first & WEBSOCKET_FINAL) || first & WEBSOCKET_RSV1 ||
		       short_length > WEBSOCKET_LONGEST_CONTROL;
	/* The shortest form must be used. */
	if (short_length == WEBSOCKET_LENGTH_16)
		return length < WEBSOCKET_LENGTH_16;
	return short_length == WEBSOCKET_LENGTH_64 && (length <= 0xffff || length >> 63);
}

/* Most frames: data of up to 64 KB, uncompressed, and masked as it must be. */
WEBSOCKET_INLINE bool websocket_is_usual(const struct websocket_frame *frame, __u32 from_client)
{
	const __u8 length = frame->second ^ (from_client ? WEBSOCKET_MASKED : 0);

	return (frame->first & ~WEBSOCKET_FINAL) <= WEBSOCKET_BINARY &&
	       (length <= WEBSOCKET_LONGEST_CONTROL ||
		(length == WEBSOCKET_LENGTH_16 && frame->length >= WEBSOCKET_LENGTH_16));
}

/* The first four bytes of the payload, of which no more than those that there are. */
WEBSOCKET_APART __u32 websocket_payload(__u8 second, __u64 rest, __u64 length)
{
	__u32 payload = (__u32)rest;

	if (second & WEBSOCKET_MASKED)
		payload ^= (__u32)(rest >> 32);
	return length < 4 ? payload & ((1u << (8 * (__u32)length)) - 1) : payload;
}

/* As each control frame must be (RFC 6455 section 5.5): only then its payload has been looked at.
 */
WEBSOCKET_INLINE bool websocket_is_short(const struct websocket_frame *frame)
{
	return (frame->second & WEBSOCKET_SHORT_LENGTH) <= WEBSOCKET_LONGEST_CONTROL;
}

/* RFC 6455 section 7.4: codes that may stand in a frame, with those registered since. */
WEBSOCKET_APART __u32 websocket_may_be_sent(__u16 code)
{
	if (code >= 3000 && code <= 4999)
		return true;
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

/* Tells a ping's payload from others, as far as 16 bits can; 0: its length is not a ping's. */
WEBSOCKET_INLINE __u16 websocket_tag(const struct websocket_frame *frame)
{
	const __u32 mixed = (websocket_payload(frame->second, frame->rest, frame->length) +
			     (__u32)frame->length) *
			    0x9e3779b1u;

	return websocket_is_short(frame) ? (__u16)(mixed >> 16 | 1) : 0;
}

#endif /* WSBPF_WEBSOCKET_FRAME_H */
