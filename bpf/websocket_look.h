/* What a segment looks like by itself: a request, an answer, frames, or something else. */
#ifndef WSBPF_WEBSOCKET_LOOK_H
#define WSBPF_WEBSOCKET_LOOK_H

#include "websocket_frames.h"

WEBSOCKET_INLINE __u64 websocket_first_bytes(const struct websocket_segment *segment)
{
	__u64 bytes = 0;

	if (segment->length >= 8) {
		if (websocket_load(segment, 0, &bytes, 8))
			return 0;
	} else if (segment->length >= 4) {
		if (websocket_load(segment, 0, &bytes, 4))
			return 0;
	} else if (segment->length >= 2) {
		if (websocket_load(segment, 0, &bytes, 2))
			return 0;
	} else if (websocket_load(segment, 0, &bytes, 1)) {
		return 0;
	}
	return bytes;
}

/* Texts as they lie in memory, the first byte lowest. */
#define WEBSOCKET_TEXT_GET    0x20544547ull	    /* "GET " */
#define WEBSOCKET_TEXT_HTTP_1 0x2e312f50545448ull   /* "HTTP/1." */
#define WEBSOCKET_TEXT_PRI    0x5448202a20495250ull /* "PRI * HT", RFC 9113 section 3.4 */

WEBSOCKET_INLINE bool websocket_begins_as(__u64 bytes, __u32 length, __u64 text, __u32 most)
{
	const __u32 same = length < most ? length : most;
	const __u32 known = same >= 8 ? 8 : same >= 4 ? 4 : same >= 2 ? 2 : 1;
	const __u64 mask = known == 8 ? ~0ull : (1ull << (8 * known)) - 1;

	return ((bytes ^ text) & mask) == 0;
}

WEBSOCKET_INLINE bool websocket_is_request(const struct websocket_segment *segment)
{
	__u32 bytes = 0;

	return segment->length >= 4 && !websocket_load(segment, 0, &bytes, 4) &&
	       bytes == WEBSOCKET_TEXT_GET;
}

/* The same, or the beginning of it where no more has come. */
WEBSOCKET_INLINE bool websocket_may_be_request(const struct websocket_segment *segment)
{
	return websocket_begins_as(websocket_first_bytes(segment), segment->length,
				   WEBSOCKET_TEXT_GET, 4);
}

WEBSOCKET_INLINE bool websocket_is_response(const struct websocket_segment *segment)
{
	__u64 bytes = websocket_first_bytes(segment);

	if (segment->length >= 8)
		return (bytes & 0xffffffffffffffull) == WEBSOCKET_TEXT_HTTP_1;
	return websocket_begins_as(bytes, segment->length, WEBSOCKET_TEXT_HTTP_1, 4);
}

/* "HTTP/1.1 101" */
WEBSOCKET_INLINE bool websocket_is_switch(const struct websocket_segment *segment)
{
	__u32 status = 0;

	return segment->length >= 12 && websocket_is_response(segment) &&
	       !websocket_load(segment, 8, &status, 4) && status == 0x31303120; /* " 101" */
}

WEBSOCKET_INLINE bool websocket_proves_itself(const struct websocket_segment *segment)
{
	struct websocket_proof_walk walk = {segment, 0, 1};

	websocket_loop(segment->length, websocket_walk_proof, &walk);
	return !walk.failed && walk.position == segment->length;
}

/* Of a segment that proves itself: is it a Close frame alone, with a code that there is? Nothing
 * follows one, so that it must be proof enough; by chance it is one segment in millions. */
WEBSOCKET_INLINE bool websocket_is_close_alone(const struct websocket_segment *segment)
{
	struct websocket_frame frame = {0, 0, 0, 0};
	__u16 header = 0;

	if (segment->length < 4 || websocket_load(segment, 0, &header, 2))
		return false;
	frame.first = (__u8)header;
	frame.second = (__u8)(header >> 8);
	frame.length = frame.second & WEBSOCKET_SHORT_LENGTH;
	if (frame.first != ((__u8)WEBSOCKET_FINAL | (__u8)WEBSOCKET_CLOSE) || frame.length < 2 ||
	    websocket_frame_bytes(&frame) != segment->length)
		return false;
	if (frame.second & WEBSOCKET_MASKED) {
		if (segment->length < 8 || websocket_load(segment, 2, &frame.rest, 6))
			return false;
	} else if (websocket_load(segment, 2, &frame.rest, 2)) {
		return false;
	}
	return websocket_may_be_sent(__builtin_bswap16(
		(__u16)websocket_payload(frame.second, frame.rest, frame.length)));
}

enum websocket_look {
	WEBSOCKET_LOOK_NOTHING, /* nothing to see in this segment */
	WEBSOCKET_LOOK_FOLLOW,	/* keep a state for the connection, and give it this segment */
	WEBSOCKET_LOOK_TLS,	/* as enum wsbpf_unreadable_reason, */
	WEBSOCKET_LOOK_HTTP2,	/* one more: of the first segment only */
	WEBSOCKET_LOOK_OTHER,
};

/* Of a connection that has no state: is it to be followed? `is_first`: the client's first bytes. */
WEBSOCKET_INLINE enum websocket_look websocket_look_at(const struct websocket_segment *segment,
						       bool is_first)
{
	__u64 bytes;

	if (!is_first) {
		if (segment->from_client ? websocket_is_request(segment)
					 : websocket_is_switch(segment))
			return WEBSOCKET_LOOK_FOLLOW;
		return websocket_proves_itself(segment) ? WEBSOCKET_LOOK_FOLLOW
							: WEBSOCKET_LOOK_NOTHING;
	}
	bytes = websocket_first_bytes(segment);
	if (websocket_begins_as(bytes, segment->length, WEBSOCKET_TEXT_GET, 4))
		return WEBSOCKET_LOOK_FOLLOW;
	/* A handshake record of any version; RFC 8446 section 5.1. */
	if ((bytes & 0xff) == 0x16 && (segment->length < 2 || (bytes >> 8 & 0xff) == 3))
		return WEBSOCKET_LOOK_TLS;
	if (segment->length >= 4 &&
	    websocket_begins_as(bytes, segment->length, WEBSOCKET_TEXT_PRI, 8))
		return WEBSOCKET_LOOK_HTTP2;
	return WEBSOCKET_LOOK_OTHER;
}

#endif /* WSBPF_WEBSOCKET_LOOK_H */
