/* Follows a WebSocket through the segments of its TCP connection: the handshake (RFC 6455 section
 * 4), then the frames. Each segment is seen once, as it passes; positions are TCP sequence numbers,
 * so that what is sent again is passed over, and what is missing is noticed.
 */
#ifndef WSBPF_WEBSOCKET_READER_H
#define WSBPF_WEBSOCKET_READER_H

#include "websocket_head.h"
#include "websocket_look.h"

WEBSOCKET_INLINE void websocket_begin_reading_head(struct wsbpf_websocket_direction *direction,
						   __u32 seq)
{
	websocket_begin_head(&direction->head);
	direction->reading = WSBPF_READING_HEAD;
	direction->seq = seq;
}

WEBSOCKET_INLINE void websocket_begin_reading_frames(struct wsbpf_websocket_direction *direction,
						     __u32 seq)
{
	__builtin_memset(direction->gaps, 0, sizeof(direction->gaps));
	direction->reading = WSBPF_READING_FRAMES;
	direction->seq = seq;
	direction->skip = 0;
	direction->held = 0;
}

/* To be called once, for a state that is new, with the segment that it was made for; that is then
 * to be read. */
WEBSOCKET_INLINE void websocket_begin(struct wsbpf_websocket_state *state,
				      const struct websocket_segment *segment, bool is_first)
{
	const bool is_out = segment->direction == WSBPF_OUT;

	if (is_out == !!segment->from_client)
		__sync_fetch_and_or(&state->bits, WSBPF_WEBSOCKET_IS_CLIENT);
	if (segment->from_client ? is_first || websocket_is_request(segment)
				 : websocket_is_switch(segment))
		websocket_begin_reading_head(&state->directions[is_out], segment->seq);
}

/* What has passed behind the last byte that was read is given up. */
WEBSOCKET_INLINE void websocket_miss(struct wsbpf_websocket_state *state,
				     struct wsbpf_websocket_direction *direction, __u32 to_seq)
{
	websocket_count_missed(state, to_seq - direction->seq);
	direction->seq = to_seq;
}

#define WEBSOCKET_REQUEST_BITS                                                                     \
	(WSBPF_WEBSOCKET_KEY | WSBPF_WEBSOCKET_UPGRADE | WSBPF_WEBSOCKET_CONNECTION |              \
	 WSBPF_WEBSOCKET_VERSION_13 | WSBPF_WEBSOCKET_HTTP_1_0)

WEBSOCKET_INLINE void websocket_forget_request(struct wsbpf_websocket_state *state)
{
	__sync_fetch_and_and(&state->bits,
			     ~(__u32)(WEBSOCKET_REQUEST_BITS | WSBPF_WEBSOCKET_REQUEST |
				      WSBPF_WEBSOCKET_STATUS));
}

WEBSOCKET_INLINE void websocket_read_on_as_http(struct wsbpf_websocket_state *state)
{
	state->directions[WSBPF_IN].reading = WSBPF_READING_HTTP;
	state->directions[WSBPF_OUT].reading = WSBPF_READING_HTTP;
}

/* An earlier one may be known, where the request between them was not noticed. */
WEBSOCKET_INLINE void websocket_take_answer(struct wsbpf_websocket_state *state, __u32 bits)
{
	__sync_fetch_and_and(&state->bits, ~(__u32)WSBPF_WEBSOCKET_STATUS);
	__sync_fetch_and_or(&state->bits, bits);
}

/* What was asked for, if anything, is forgotten: whether it was granted is not known. */
WEBSOCKET_INLINE __u32 websocket_become_plain(struct wsbpf_websocket_state *state)
{
	websocket_forget_request(state);
	websocket_read_on_as_http(state);
	if (__sync_fetch_and_or(&state->bits, WSBPF_WEBSOCKET_PLAIN) & WSBPF_WEBSOCKET_PLAIN)
		return 0;
	return WSBPF_NEWS_PLAIN;
}

/* Either makes a request one for a WebSocket; a proxy may have dropped the other. */
WEBSOCKET_INLINE bool websocket_is_asked_for(__u32 found)
{
	return !(found & WSBPF_WEBSOCKET_PLAIN) &&
	       (found & (WSBPF_WEBSOCKET_KEY | WSBPF_WEBSOCKET_UPGRADE));
}

WEBSOCKET_INLINE __u32 websocket_end_request(struct wsbpf_websocket_state *state,
					     struct wsbpf_websocket_direction *client, __u32 found)
{
	if (!websocket_is_asked_for(found))
		return websocket_become_plain(state);
	__sync_fetch_and_or(&state->bits,
			    WSBPF_WEBSOCKET_REQUEST | (found & WEBSOCKET_REQUEST_BITS));
	client->reading = WSBPF_READING_AWAITED;
	return 0;
}

/* The predecessor has come before its turn, and will not come again. */
WEBSOCKET_INLINE __u32 websocket_lose(struct wsbpf_websocket_state *state,
				      struct wsbpf_websocket_direction *direction, __u32 seq)
{
	const bool in_head = websocket_reading(direction) == WSBPF_READING_HEAD;
	__u32 news;

	direction->held = 0;
	if (in_head) {
		direction->reading = WSBPF_READING_NOTHING;
		return 0;
	}
	direction->reading = WSBPF_READING_LOST;
	direction->skip = 0;
	/* Told once: a peer may do it as often as it likes. */
	news = state->missed_bytes ? 0 : WSBPF_NEWS_LOST;
	websocket_miss(state, direction, seq);
	return news;
}

WEBSOCKET_INLINE __u32 websocket_end_response(struct wsbpf_websocket_state *state,
					      struct wsbpf_websocket_direction *client,
					      struct wsbpf_websocket_direction *server, __u32 found,
					      __u16 status, __u32 ack)
{
	if (found & WSBPF_WEBSOCKET_PLAIN || status < 100 || status > 999)
		return websocket_become_plain(state);
	/* Answered before the request was over, or had been read. */
	if (websocket_reading(client) == WSBPF_READING_HEAD &&
	    websocket_is_asked_for(client->head.found))
		__sync_fetch_and_or(&state->bits,
				    WSBPF_WEBSOCKET_REQUEST |
					    (client->head.found & WEBSOCKET_REQUEST_BITS));
	/* To a client that asked for a WebSocket it may lack the header: some clients do not mind.
	 */
	if (status == 101 &&
	    (found & WSBPF_WEBSOCKET_UPGRADE || state->bits & WSBPF_WEBSOCKET_REQUEST)) {
		const bool awaits = websocket_reading(client) == WSBPF_READING_AWAITED;
		const __u32 seq = awaits ? client->seq : ack;
		__u32 news = WSBPF_NEWS_ANSWER;

		websocket_take_answer(state, status | (found & WSBPF_WEBSOCKET_COMPRESSED));
		/* The request may not have been seen: one that comes with the ACK of the TCP
		 * handshake is not yet its socket's. But nothing may follow it before this answer
		 * has arrived, so that the frames begin where the answer acknowledges. */
		websocket_begin_reading_frames(client, seq);
		websocket_begin_reading_frames(server, server->seq);
		/* What a client has sent before its time has passed unread. */
		if (awaits && websocket_ahead(ack, seq) > 0)
			news |= websocket_lose(state, client, ack);
		return news;
	}
	if (status == 101 || !(state->bits & WSBPF_WEBSOCKET_REQUEST))
		return websocket_become_plain(state);
	websocket_take_answer(state, status);
	websocket_read_on_as_http(state);
	return WSBPF_NEWS_ANSWER;
}

WEBSOCKET_SELDOM __u32 websocket_read_more_frames(const struct websocket_segment *segment,
						  struct wsbpf_websocket_state *state,
						  struct wsbpf_websocket_direction *direction,
						  __u32 position)
{
	struct websocket_frame_walk walk = {segment, state, direction, position, 0};

	websocket_loop(segment->length, websocket_walk_frame, &walk);
	return walk.news;
}

WEBSOCKET_INLINE __u32 websocket_read_frames(struct wsbpf_websocket_state *state,
					     struct wsbpf_websocket_direction *direction,
					     const struct websocket_segment *segment)
{
	struct websocket_frame_walk walk = {segment, state, direction,
					    direction->seq - segment->seq, 0};

	/* Behind this segment, also for a Close in it. */
	direction->seq = segment->seq + segment->length;
	/* Most segments hold a single frame, or the beginning of one. */
	if (websocket_take_next(&walk) || websocket_pass_payload(&walk))
		return walk.news;
	return walk.news | websocket_read_more_frames(segment, state, direction, walk.position);
}

/* Reads the head from direction->seq on. Returns what is new. */
WEBSOCKET_SELDOM __u32 websocket_read_head(struct wsbpf_websocket_state *state,
					   struct wsbpf_websocket_direction *direction,
					   struct wsbpf_websocket_direction *other,
					   const struct websocket_segment *segment)
{
	struct websocket_head_walk walk = {
		segment, direction->head, {0, 0}, 0, direction->seq - segment->seq, 0};

	websocket_loop(segment->length, websocket_walk_head, &walk);
	direction->seq = segment->seq + walk.position;
	direction->frame_ms = websocket_now_ms();
	direction->head.hash = 0;
	if (!walk.over) {
		direction->head = walk.head;
		return walk.head.bytes > WSBPF_LONGEST_HEAD ? websocket_become_plain(state) : 0;
	}
	if (segment->from_client)
		return websocket_end_request(state, direction, walk.head.found);
	return websocket_end_response(state, other, direction, walk.head.found, walk.head.status,
				      segment->ack);
}

/* A segment of a stream that is not understood. Two in a row that prove themselves are trusted, and
 * the second of them is read. Returns whether this is it. */
WEBSOCKET_INLINE bool websocket_regain(struct wsbpf_websocket_state *state,
				       struct wsbpf_websocket_direction *direction,
				       const struct websocket_segment *segment)
{
	const bool is_new = websocket_reading(direction) == WSBPF_READING_NOTHING;
	const bool proves = websocket_proves_itself(segment);
	/* `held` counts the proofs meanwhile. */
	const bool follows = direction->held && segment->seq == direction->seq;
	const bool trusted = proves && (follows || websocket_is_close_alone(segment));

	if (trusted) {
		/* A Close alone may follow segments that came ahead of their turn. */
		if (!is_new && websocket_ahead(segment->seq, direction->seq) > 0)
			websocket_miss(state, direction, segment->seq);
		websocket_begin_reading_frames(direction, segment->seq);
		__sync_fetch_and_or(&state->bits, WSBPF_WEBSOCKET_PROVEN);
		return true;
	}
	direction->held = proves;
	if (is_new) {
		direction->seq = segment->seq + segment->length;
		return false;
	}
	direction->reading = proves ? WSBPF_READING_REGAINED : WSBPF_READING_LOST;
	websocket_miss(state, direction, segment->seq + segment->length);
	return false;
}

/* Where nothing is under way: does a request or a response begin here? */
WEBSOCKET_INLINE bool websocket_begins_head(const struct wsbpf_websocket_direction *direction,
					    const struct wsbpf_websocket_direction *other,
					    const struct websocket_segment *segment)
{
	if (segment->from_client)
		return websocket_reading(direction) == WSBPF_READING_HTTP &&
		       websocket_may_be_request(segment);
	if (websocket_reading(direction) == WSBPF_READING_HTTP)
		return websocket_is_switch(segment); /* whose request was not noticed */
	if (websocket_reading(direction) != WSBPF_READING_NOTHING)
		return false;
	return websocket_reading(other) == WSBPF_READING_AWAITED ||
			       websocket_reading(other) == WSBPF_READING_HEAD
		       ? websocket_is_response(segment)
		       : websocket_is_switch(segment);
}

/* What is to be read in a segment; bits beside those of enum wsbpf_websocket_news. */
enum websocket_step {
	WEBSOCKET_STEP_NOTHING = 0,
	WEBSOCKET_STEP_HEAD = 1 << 29,
	WEBSOCKET_STEP_FRAMES = 1 << 30,
};

/* Of a segment of a stream whose position is not known. */
WEBSOCKET_INLINE __u32 websocket_step_unaligned(struct wsbpf_websocket_state *state,
						struct wsbpf_websocket_direction *direction,
						struct wsbpf_websocket_direction *other,
						const struct websocket_segment *segment)
{
	const __u32 reading = websocket_reading(direction);
	bool was_proven;

	/* What comes ahead of its turn, or again, is not looked at. */
	if (segment->seq != websocket_expected(segment))
		return WEBSOCKET_STEP_NOTHING;
	if (websocket_begins_head(direction, other, segment)) {
		if (segment->from_client) {
			websocket_forget_request(state);
			other->reading = WSBPF_READING_NOTHING;
		}
		websocket_begin_reading_head(direction, segment->seq);
		return WEBSOCKET_STEP_HEAD;
	}
	if (reading == WSBPF_READING_HTTP || reading == WSBPF_READING_AWAITED) {
		/* Whoever was refused has gone on with something else. */
		if (segment->from_client && state->bits & WSBPF_WEBSOCKET_STATUS)
			return websocket_become_plain(state);
		return WEBSOCKET_STEP_NOTHING;
	}
	was_proven = state->bits & WSBPF_WEBSOCKET_PROVEN;
	if (!websocket_regain(state, direction, segment))
		return WEBSOCKET_STEP_NOTHING;
	/* The answer that it awaits has passed unread. */
	if (websocket_reading(other) == WSBPF_READING_AWAITED)
		other->reading = WSBPF_READING_NOTHING;
	return (__u32)WEBSOCKET_STEP_FRAMES | (was_proven ? 0 : (__u32)WSBPF_NEWS_PROVEN);
}

/* Of one that begins ahead of what was read last: a predecessor is missing. Returns whether that
 * lies in the payload of a frame, and so does not matter. */
WEBSOCKET_INLINE bool websocket_skip_gap(struct wsbpf_websocket_direction *direction, __s32 ahead)
{
	if (websocket_reading(direction) != WSBPF_READING_FRAMES || direction->held ||
	    (__u64)ahead > direction->skip)
		return false;
	direction->skip -= (__u32)ahead;
	direction->seq += (__u32)ahead;
	return true;
}

/* Returns what is to be read, and what has become known already. */
WEBSOCKET_SELDOM __u32 websocket_next_step(struct wsbpf_websocket_state *state,
					   struct wsbpf_websocket_direction *direction,
					   struct wsbpf_websocket_direction *other,
					   const struct websocket_segment *segment)
{
	const __u32 reading = websocket_reading(direction);
	const __s32 ahead = websocket_ahead(segment->seq, direction->seq);
	const bool in_step = reading == WSBPF_READING_HEAD || reading == WSBPF_READING_FRAMES;
	const bool is_placed =
		in_step || reading == WSBPF_READING_LOST || reading == WSBPF_READING_REGAINED;
	__u32 news = 0;

	if (is_placed && websocket_ahead(segment->seq + segment->length, direction->seq) <= 0)
		return WEBSOCKET_STEP_NOTHING; /* sent again */
	if (in_step && (ahead <= 0 || websocket_skip_gap(direction, ahead)))
		return reading == WSBPF_READING_HEAD ? WEBSOCKET_STEP_HEAD : WEBSOCKET_STEP_FRAMES;
	if (in_step) {
		if (segment->seq != websocket_expected(segment))
			return WEBSOCKET_STEP_NOTHING; /* the missing may be on its way still */
		news = websocket_lose(state, direction, segment->seq);
	}
	return news | websocket_step_unaligned(state, direction, other, segment);
}

/* Reads what is new in the segment. Returns what has become known, as enum wsbpf_websocket_news. */
WEBSOCKET_INLINE __u32 websocket_read(struct wsbpf_websocket_state *state,
				      const struct websocket_segment *segment)
{
	const bool is_out = segment->direction == WSBPF_OUT;
	struct wsbpf_websocket_direction *direction = &state->directions[is_out];
	struct wsbpf_websocket_direction *other = &state->directions[!is_out];
	const __u32 end = segment->seq + segment->length;
	const __s32 remains = websocket_ahead(end, direction->seq);
	const bool in_frames = websocket_reading(direction) == WSBPF_READING_FRAMES && remains > 0;
	__u32 news = WEBSOCKET_STEP_FRAMES;

	/* The common cases: more of a frame's payload, and the next frame. */
	if (in_frames && !direction->held && (__u64)remains <= direction->skip) {
		direction->skip -= (__u32)remains;
		direction->seq = end;
		return 0;
	}
	/* Of payload it does not matter: what comes in its stead is as long. */
	if (!websocket_is_acceptable(segment))
		return 0;
	if (!in_frames || websocket_ahead(segment->seq, direction->seq) > 0)
		news = websocket_next_step(state, direction, other, segment);
	WEBSOCKET_FORGET(news, segment->seq);
	if (news & WEBSOCKET_STEP_HEAD) {
		news |= websocket_read_head(state, direction, other, segment);
		/* Frames may follow a 101 at once. */
		if (websocket_reading(direction) == WSBPF_READING_FRAMES &&
		    websocket_ahead(end, direction->seq) > 0)
			news |= WEBSOCKET_STEP_FRAMES;
	}
	WEBSOCKET_FORGET(news, segment->seq);
	if (news & WEBSOCKET_STEP_FRAMES)
		news |= websocket_read_frames(state, direction, segment);
	return news & ~(__u32)(WEBSOCKET_STEP_HEAD | WEBSOCKET_STEP_FRAMES);
}

#endif /* WSBPF_WEBSOCKET_READER_H */
