/* The frames of a WebSocket, one behind the other: their headers are read, and of control frames
 * the first bytes of the payload; the rest is passed over by its length.
 */
#ifndef WSBPF_WEBSOCKET_FRAMES_H
#define WSBPF_WEBSOCKET_FRAMES_H

#include "websocket_frame.h"

struct websocket_frame_walk {
	const struct websocket_segment *segment;
	struct wsbpf_websocket_state *state;
	struct wsbpf_websocket_direction *direction;
	__u32 position; /* of the next byte, in the payload */
	__u32 news;
};

WEBSOCKET_INLINE void websocket_note_violation(struct wsbpf_websocket_direction *direction)
{
	if (direction->violations < 255)
		direction->violations++;
}

/* Of the control frames: each returns what has become known. */
WEBSOCKET_INLINE __u32 websocket_take_close(const struct websocket_segment *segment,
					    struct wsbpf_websocket_state *state,
					    const struct websocket_frame *frame)
{
	const bool is_in = segment->direction == WSBPF_IN;
	struct wsbpf_websocket_direction *direction = &state->directions[!is_in];
	const struct wsbpf_websocket_direction *other = &state->directions[is_in];
	const bool has_code = frame->length >= 2 && websocket_is_short(frame);
	const __u16 code = has_code ? __builtin_bswap16((__u16)websocket_payload(
					      frame->second, frame->rest, frame->length))
				    : (__u16)WEBSOCKET_NO_STATUS;

	if ((has_code && !websocket_may_be_sent(code)) || frame->length == 1)
		websocket_note_violation(direction);
	if (direction->close_code) {
		websocket_note_violation(direction);
		return 0;
	}
	direction->close_code = code ? code : (__u16)WEBSOCKET_NO_STATUS;
	/* It is the first only where the other direction is read, too, as far as it has come: with
	 * ours goes how far that is, and a FIN may be in it. */
	if (!other->close_code && websocket_reading(other) == WSBPF_READING_FRAMES &&
	    (is_in || websocket_ahead(segment->ack, other->seq) <= 1))
		__sync_fetch_and_or(&state->bits, is_in ? WSBPF_WEBSOCKET_CLOSE_FIRST_IN
							: WSBPF_WEBSOCKET_CLOSE_FIRST_OUT);
	/* Ours had passed here before: had the peer received it, it would have acknowledged it. */
	else if (is_in && other->close_code &&
		 websocket_ahead(segment->ack, state->directions[WSBPF_OUT].seq) < 0)
		__sync_fetch_and_or(&state->bits, WSBPF_WEBSOCKET_CLOSES_CROSSED);
	return WSBPF_NEWS_CLOSE;
}

/* While one waits for its pong, others are not measured. Of two with the same payload neither is:
 * which of them a pong answers could not be told. */
WEBSOCKET_INLINE __u32 websocket_take_ping(const struct websocket_segment *segment,
					   struct wsbpf_websocket_state *state,
					   const struct websocket_frame *frame)
{
	const __u32 at = segment->direction & 1;
	const __u32 now_us = (__u32)(websocket_now_ns() / 1000);
	const __u16 tag = websocket_tag(frame);

	const __u16 waiting = state->ping_tag[at];
	const __u32 since_us = now_us - state->ping_us[at];

	if (!tag || since_us < WEBSOCKET_PINGS_APART_MS * 1000)
		return 0;
	if (waiting && waiting != tag && since_us < WEBSOCKET_LONGEST_RTT_MS * 1000)
		return 0;
	state->ping_us[at] = now_us;
	state->ping_tag[at] = waiting == tag ? 0 : tag;
	return 0;
}

WEBSOCKET_INLINE __u32 websocket_take_pong(const struct websocket_segment *segment,
					   struct wsbpf_websocket_state *state,
					   const struct websocket_frame *frame)
{
	const bool is_in = segment->direction == WSBPF_IN;
	const __u32 at = is_in ? WSBPF_OUT : WSBPF_IN; /* the ping's direction */

	const __u16 waiting = state->ping_tag[at];

	/* One that answers a later ping passes over the others (section 5.5.3): they will have
	 * none. */
	state->ping_tag[at] = 0;
	if (!waiting || waiting != websocket_tag(frame))
		return 0;
	state->rtt_us = (__u32)(websocket_now_ns() / 1000) - state->ping_us[at];
	if (is_in)
		__sync_fetch_and_and(&state->bits, ~(__u32)WSBPF_WEBSOCKET_PING_IN);
	else
		__sync_fetch_and_or(&state->bits, WSBPF_WEBSOCKET_PING_IN);
	return WSBPF_NEWS_PONG;
}

/* The frame by value, and nothing of the walk: so that these stay in registers for the frames of
 * most segments, which are data. */
WEBSOCKET_SELDOM __u32 websocket_take_control(const struct websocket_segment *segment,
					      struct wsbpf_websocket_state *state, __u32 header,
					      __u64 rest, __u64 length)
{
	const struct websocket_frame frame = {(__u8)header, (__u8)(header >> 8), rest, length};

	switch (websocket_opcode(&frame)) {
	case WEBSOCKET_CLOSE:
		return websocket_take_close(segment, state, &frame);
	case WEBSOCKET_PING:
		return websocket_take_ping(segment, state, &frame);
	case WEBSOCKET_PONG:
		return websocket_take_pong(segment, state, &frame);
	default:
		return 0; /* reserved, and counted as a violation */
	}
}

/* Messages of one tick are taken for one arrival. */
WEBSOCKET_INLINE void websocket_note_gap(struct wsbpf_websocket_direction *direction, __u32 now_ms)
{
	const __u32 slot = direction->slots >> 2 & (WSBPF_GAPS - 1);

	if (direction->message_ms && websocket_ahead(now_ms, direction->message_ms) > 0) {
		direction->gaps[slot] = wsbpf_gap(now_ms - direction->message_ms);
		direction->slots = (__u8)((direction->slots & 3) | ((slot + 1) % WSBPF_GAPS) << 2);
	}
	direction->message_ms = now_ms ? now_ms : 1;
}

WEBSOCKET_INLINE void websocket_take_data(struct websocket_frame_walk *walk,
					  const struct websocket_frame *frame, __u32 now_ms)
{
	struct wsbpf_websocket_direction *direction = walk->direction;
	const bool continues = websocket_opcode(frame) == WEBSOCKET_CONTINUATION;
	const bool in_message = direction->reading & WSBPF_IN_MESSAGE;
	/* Where something was missed, a beginning may have been, too. */
	const bool whole =
		!walk->state->missed_bytes && !(walk->state->bits & WSBPF_WEBSOCKET_PROVEN);

	if ((whole && continues != in_message) || direction->close_code)
		websocket_note_violation(direction);
	if (!continues)
		websocket_note_gap(direction, now_ms);
	direction->message_bytes += frame->length;
	if (frame->first & WEBSOCKET_FINAL) {
		direction->messages++;
		direction->reading &= (__u8)~WSBPF_IN_MESSAGE;
	} else {
		direction->reading |= WSBPF_IN_MESSAGE;
	}
}

WEBSOCKET_INLINE void websocket_keep_frame(struct wsbpf_websocket_direction *direction,
					   const struct websocket_frame *frame, __u32 now_ms)
{
	const __u32 slot = direction->slots & (WSBPF_FRAMES_KEPT - 1);
	const __u32 length =
		frame->length < WSBPF_FRAME_LENGTH ? (__u32)frame->length : WSBPF_FRAME_LENGTH;

	direction->frames[slot] =
		WSBPF_FRAME_SEEN | (frame->first & WEBSOCKET_FINAL ? (__u32)WSBPF_FRAME_FINAL : 0) |
		(__u32)websocket_opcode(frame) << WSBPF_FRAME_OPCODE_SHIFT | length;
	direction->frame_gaps[slot] =
		direction->frame_ms && websocket_ahead(now_ms, direction->frame_ms) > 0
			? wsbpf_gap(now_ms - direction->frame_ms)
			: 0;
	direction->frame_ms = now_ms;
	direction->slots =
		(__u8)((direction->slots & ~3u) | ((slot + 1) & (WSBPF_FRAMES_KEPT - 1)));
}

/* Returns whether the stream can be followed behind the frame. */
WEBSOCKET_INLINE bool websocket_take_frame(struct websocket_frame_walk *walk,
					   const struct websocket_frame *frame)
{
	struct wsbpf_websocket_direction *direction = walk->direction;
	const __u8 opcode = websocket_opcode(frame);
	__u32 now_ms;

	if (!websocket_is_usual(frame, walk->segment->from_client) &&
	    websocket_is_forbidden(frame->first, frame->second, frame->length, walk->state->bits,
				   walk->segment->from_client))
		websocket_note_violation(direction);
	if (frame->length >> 63)
		return false; /* no stream is that long: these are no frames */
	now_ms = websocket_now_ms();
	websocket_keep_frame(direction, frame, now_ms);
	if (opcode <= WEBSOCKET_BINARY)
		websocket_take_data(walk, frame, now_ms);
	else if (opcode & WEBSOCKET_CONTROL)
		walk->news |= websocket_take_control(walk->segment, walk->state,
						     frame->first | (__u32)frame->second << 8,
						     frame->rest, frame->length);
	return true;
}

/* The next byte of a header that is cut, or too near the segment's end for all its bytes to be
 * there. */
WEBSOCKET_INLINE long websocket_hold_byte(struct websocket_frame_walk *walk,
					  struct websocket_frame *frame)
{
	struct wsbpf_websocket_direction *direction = walk->direction;
	__u8 byte = 0;

	if (websocket_load(walk->segment, walk->position, &byte, 1))
		return 1;
	walk->position++;
	if (direction->held < 2)
		direction->held_first[direction->held & 1] = byte;
	else
		direction->skip |= (__u64)byte << (8 * ((direction->held - 2) & 7));
	direction->held++;
	frame->first = direction->held_first[0];
	frame->second = direction->held_first[1];
	frame->rest = direction->skip;
	return 0;
}

/* Passes over what there is of the frame's payload. Returns whether the segment ends with it. */
WEBSOCKET_INLINE bool websocket_pass_payload(struct websocket_frame_walk *walk)
{
	struct wsbpf_websocket_direction *direction = walk->direction;
	const __u32 left = walk->segment->length - walk->position;

	if (direction->held)
		return !left;
	if (direction->skip >= left) {
		direction->skip -= left;
		walk->position += left;
		return true;
	}
	walk->position += (__u32)direction->skip;
	direction->skip = 0;
	return false;
}

/* One frame a call, or one byte of one that is cut. */
WEBSOCKET_INLINE long websocket_take_next(struct websocket_frame_walk *walk)
{
	struct wsbpf_websocket_direction *direction = walk->direction;
	const __u32 left = walk->segment->length - walk->position;
	struct websocket_frame frame = {0, 0, 0, 0};
	__u32 needed;

	if (!direction->held && direction->skip)
		return websocket_pass_payload(walk);
	if (!left)
		return 1;
	if (!direction->held && left >= WEBSOCKET_MOST_NEEDED) {
		__u8 bytes[16] = {0};

		/* So that the eight bytes behind the first two are aligned. */
		if (websocket_load(walk->segment, walk->position, bytes + 6, WEBSOCKET_MOST_NEEDED))
			return 1;
		frame.first = bytes[6];
		frame.second = bytes[7];
		__builtin_memcpy(&frame.rest, bytes + 8, 8);
		needed = frame.first & WEBSOCKET_CONTROL
				 ? websocket_needs(frame.first, frame.second)
				 : 2 + websocket_length_bytes(frame.second);
		WEBSOCKET_FORGET(needed, walk->segment->seq);
		walk->position += needed;
	} else {
		if (websocket_hold_byte(walk, &frame))
			return 1;
		needed = websocket_needs(frame.first, frame.second);
		if (direction->held < 2 || direction->held < needed)
			return 0;
		direction->held = 0;
		direction->skip = 0;
	}
	websocket_read_length(&frame);
	WEBSOCKET_FORGET(frame.length, walk->segment->seq);
	if (!websocket_take_frame(walk, &frame)) {
		direction->reading = WSBPF_READING_LOST;
		if (!walk->state->missed_bytes)
			walk->news |= WSBPF_NEWS_LOST;
		websocket_count_missed(walk->state,
				       needed + walk->segment->length - walk->position);
		return 1;
	}
	direction->skip = websocket_frame_bytes(&frame) - needed;
	return 0;
}

static long websocket_walk_frame(__u32 i, void *context)
{
	(void)i;
	return websocket_take_next((struct websocket_frame_walk *)context);
}

/* Do whole frames, without anything that RFC 6455 forbids, end where the segment does? That is the
 * proof that a stream whose beginning was not seen, or a part of it, is understood again. */
struct websocket_proof_walk {
	const struct websocket_segment *segment;
	__u32 position;
	__u32 failed;
};

static long websocket_walk_proof(__u32 i, void *context)
{
	struct websocket_proof_walk *walk = (struct websocket_proof_walk *)context;
	const __u32 left = walk->segment->length - walk->position;
	struct websocket_frame frame = {0, 0, 0, 0};
	__u8 bytes[16] = {0};

	(void)i;
	if (!left)
		return 1;
	walk->failed = 1;
	if (left < 2 || websocket_load(walk->segment, walk->position, bytes + 6, 2))
		return 1;
	frame.first = bytes[6];
	frame.second = bytes[7];
	if (websocket_length_bytes(frame.second) == 8) {
		if (left < 10 || websocket_load(walk->segment, walk->position + 2, bytes + 8, 8))
			return 1;
	} else if (websocket_length_bytes(frame.second) == 2) {
		if (left < 4 || websocket_load(walk->segment, walk->position + 2, bytes + 8, 2))
			return 1;
	}
	__builtin_memcpy(&frame.rest, bytes + 8, 8);
	websocket_read_length(&frame);
	/* Zeros would be empty fragments without an end: allowed, and no proof. But compressed a
	 * frame may be: the handshake that says so may not have been seen. */
	if (!(frame.first | frame.second) || frame.length >> 63 ||
	    websocket_is_forbidden(frame.first, frame.second, frame.length,
				   WSBPF_WEBSOCKET_COMPRESSED, walk->segment->from_client) ||
	    websocket_frame_bytes(&frame) > left)
		return 1;
	walk->position += (__u32)websocket_frame_bytes(&frame);
	walk->failed = 0;
	return 0;
}

#endif /* WSBPF_WEBSOCKET_FRAMES_H */
