/* The heads of HTTP requests and responses (RFC 9112), byte by byte, so that it does not matter
 * where segments cut them. Nothing of them is kept but what a WebSocket's handshake needs (RFC 6455
 * section 4): whether a header was there, whether it had the token that it must have, the status.
 */
#ifndef WSBPF_WEBSOCKET_HEAD_H
#define WSBPF_WEBSOCKET_HEAD_H

#include "websocket_segment.h"

/* FNV-1a, 32 bits, of what each name says in lower case. */
enum websocket_hash {
	WEBSOCKET_HASH_SEED = 0x811c9dc5,
	WEBSOCKET_HASH_PRIME = 0x01000193,
	WEBSOCKET_HASH_GET = 0x540ca757,
	WEBSOCKET_HASH_HTTP_1_0 = 0x8d16acfb,
	WEBSOCKET_HASH_HTTP_1_1 = 0x8c16ab68,
	WEBSOCKET_HASH_UPGRADE = 0xdc97cc77,
	WEBSOCKET_HASH_CONNECTION = 0x38b99ed9,
	WEBSOCKET_HASH_SEC_WEBSOCKET_KEY = 0xcab5ec26,
	WEBSOCKET_HASH_SEC_WEBSOCKET_VERSION = 0x050a86e1,
	WEBSOCKET_HASH_SEC_WEBSOCKET_EXTENSIONS = 0x3b4c03c1,
	WEBSOCKET_HASH_WEBSOCKET = 0xcedc7870,
	WEBSOCKET_HASH_13 = 0x1eeb2efd,
};

enum websocket_field {
	WEBSOCKET_FIELD_START, /* the request or status line */
	WEBSOCKET_FIELD_NAME,  /* of a header, up to the colon */
	WEBSOCKET_FIELD_UPGRADE,
	WEBSOCKET_FIELD_CONNECTION,
	WEBSOCKET_FIELD_KEY,
	WEBSOCKET_FIELD_VERSION,
	WEBSOCKET_FIELD_EXTENSIONS,
	WEBSOCKET_FIELD_OTHER,
};

WEBSOCKET_INLINE void websocket_begin_head(struct wsbpf_head *head)
{
	__builtin_memset(head, 0, sizeof(*head));
	head->field = WEBSOCKET_FIELD_START;
	head->in_value = 1;
}

WEBSOCKET_APART __u8 websocket_field_of(__u32 hash)
{
	switch (hash) {
	case WEBSOCKET_HASH_UPGRADE:
		return WEBSOCKET_FIELD_UPGRADE;
	case WEBSOCKET_HASH_CONNECTION:
		return WEBSOCKET_FIELD_CONNECTION;
	case WEBSOCKET_HASH_SEC_WEBSOCKET_KEY:
		return WEBSOCKET_FIELD_KEY;
	case WEBSOCKET_HASH_SEC_WEBSOCKET_VERSION:
		return WEBSOCKET_FIELD_VERSION;
	case WEBSOCKET_HASH_SEC_WEBSOCKET_EXTENSIONS:
		return WEBSOCKET_FIELD_EXTENSIONS;
	default:
		return WEBSOCKET_FIELD_OTHER;
	}
}

/* "GET /chat HTTP/1.1", "HTTP/1.1 101 Switching Protocols" */
WEBSOCKET_INLINE __u32 websocket_found_in_start(__u8 tokens, __u32 hash)
{
	const bool is_1_0 = hash == WEBSOCKET_HASH_HTTP_1_0;

	if (tokens == 0) {
		const bool known = hash == WEBSOCKET_HASH_GET || hash == WEBSOCKET_HASH_HTTP_1_1;

		return known || is_1_0 ? 0 : WSBPF_WEBSOCKET_PLAIN;
	}
	return tokens >= 2 && is_1_0 ? WSBPF_WEBSOCKET_HTTP_1_0 : 0;
}

/* What a token says, by its place. */
WEBSOCKET_APART __u32 websocket_found(__u8 field, __u8 tokens, __u32 hash)
{
	switch (field) {
	case WEBSOCKET_FIELD_START:
		return websocket_found_in_start(tokens, hash);
	case WEBSOCKET_FIELD_UPGRADE:
		return hash == WEBSOCKET_HASH_WEBSOCKET ? WSBPF_WEBSOCKET_UPGRADE : 0;
	case WEBSOCKET_FIELD_CONNECTION:
		return hash == WEBSOCKET_HASH_UPGRADE ? WSBPF_WEBSOCKET_CONNECTION : 0;
	case WEBSOCKET_FIELD_KEY:
		return WSBPF_WEBSOCKET_KEY;
	case WEBSOCKET_FIELD_VERSION:
		return hash == WEBSOCKET_HASH_13 ? WSBPF_WEBSOCKET_VERSION_13 : 0;
	case WEBSOCKET_FIELD_EXTENSIONS:
		return WSBPF_WEBSOCKET_COMPRESSED;
	default:
		return 0;
	}
}

WEBSOCKET_INLINE void websocket_end_token(struct wsbpf_head *head)
{
	if (!head->hash)
		return;
	head->found |= websocket_found(head->field, head->tokens, head->hash);
	head->hash = 0;
	if (head->tokens < 3)
		head->tokens++;
}

/* RFC 9110 section 5.6: what stands between the tokens of the first line, and of the headers that
 * are of interest; a bit each, as all of them lie below 64. */
#define WEBSOCKET_SEPARATORS_OF_START (1ull << ' ' | 1ull << '\t')
#define WEBSOCKET_SEPARATORS                                                                       \
	(WEBSOCKET_SEPARATORS_OF_START | 1ull << ',' | 1ull << ';' | 1ull << '=' | 1ull << '"')

WEBSOCKET_INLINE bool websocket_is_separator(__u8 field, __u8 c)
{
	const __u64 separators = field == WEBSOCKET_FIELD_START ? WEBSOCKET_SEPARATORS_OF_START
								: WEBSOCKET_SEPARATORS;

	return c < 64 && (separators >> c & 1);
}

WEBSOCKET_INLINE void websocket_take_status(struct wsbpf_head *head, __u8 c)
{
	if (head->field != WEBSOCKET_FIELD_START || head->tokens != 1)
		return;
	if (c < '0' || c > '9' || head->status > 99)
		head->status = 0xffff; /* none */
	else
		head->status = (__u16)(head->status * 10 + (c - '0'));
}

WEBSOCKET_INLINE void websocket_begin_line(struct wsbpf_head *head)
{
	head->field = WEBSOCKET_FIELD_NAME;
	head->tokens = 0;
	head->in_line = 0;
	head->in_value = 0;
}

/* Takes the next byte. Returns whether the head is over. */
WEBSOCKET_INLINE bool websocket_take_byte(struct wsbpf_head *head, __u8 c)
{
	const bool ends_line = c == '\n';
	__u32 hash = head->hash;

	if (head->bytes < 0xffff)
		head->bytes++;
	if (c == '\r')
		return false;
	if (ends_line && !head->in_line)
		return true;
	head->in_line = 1;
	if (c == ':' && !head->in_value) {
		head->field = websocket_field_of(hash);
		head->hash = 0;
		head->in_value = 1;
		return false;
	}
	/* What the other headers say does not matter. */
	if (head->field == WEBSOCKET_FIELD_OTHER && !ends_line)
		return false;
	if (ends_line || websocket_is_separator(head->field, c)) {
		websocket_end_token(head);
		if (ends_line)
			websocket_begin_line(head);
		return false;
	}
	websocket_take_status(head, c);
	if (c >= 'A' && c <= 'Z')
		c |= 0x20;
	hash = ((hash ? hash : (__u32)WEBSOCKET_HASH_SEED) ^ c) * (__u32)WEBSOCKET_HASH_PRIME;
	head->hash = hash ? hash : 1;
	return false;
}

/* RFC 9110 section 15.2: another response follows. */
WEBSOCKET_INLINE bool websocket_is_interim(const struct wsbpf_head *head)
{
	return head->status >= 100 && head->status < 200 && head->status != 101 &&
	       !(head->found & WSBPF_WEBSOCKET_PLAIN);
}

/* Does one of the eight bytes end a line? The trick of strlen()s, with the newline in the zero's
 * place. */
WEBSOCKET_INLINE bool websocket_has_newline(__u64 bytes)
{
	const __u64 ones = 0x0101010101010101ull;
	const __u64 zero = bytes ^ '\n' * ones;

	return ((zero - ones) & ~zero & ones << 7) != 0;
}

/* Passes over eight bytes of a header that is of no interest: most of what browsers send. */
WEBSOCKET_INLINE bool websocket_pass_word(struct wsbpf_head *head, __u64 bytes)
{
	if (head->field != WEBSOCKET_FIELD_OTHER || websocket_has_newline(bytes))
		return false;
	head->bytes += 8; /* far from the end of 16 bits: see WSBPF_LONGEST_HEAD */
	return true;
}

struct websocket_head_walk {
	const struct websocket_segment *segment;
	struct wsbpf_head head;
	__u64 ahead[2]; /* the next bytes, the earliest lowest */
	__u32 loaded;	/* how many of these there are */
	__u32 position; /* behind what was taken */
	__u32 over;
};

/* Sixteen at once, and of the last of a segment four or one: to load is what costs most. */
WEBSOCKET_INLINE bool websocket_load_ahead(struct websocket_head_walk *walk)
{
	const __u32 left = walk->segment->length - walk->position;
	const __u32 any = walk->segment->seq;
	__u64 ahead[2] = {0, 0};
	__u32 loaded = left >= 16 ? 16 : left >= 4 ? 4 : 1;

	if (!left)
		return false;
	if (loaded == 16  ? websocket_load(walk->segment, walk->position, ahead, 16)
	    : loaded == 4 ? websocket_load(walk->segment, walk->position, ahead, 4)
			  : websocket_load(walk->segment, walk->position, ahead, 1))
		return false;
	WEBSOCKET_FORGET(ahead[0], any);
	WEBSOCKET_FORGET(ahead[1], any);
	WEBSOCKET_FORGET(loaded, any);
	walk->ahead[0] = ahead[0];
	walk->ahead[1] = ahead[1];
	walk->loaded = loaded;
	return true;
}

/* Takes the next byte. Returns whether no more are to be taken. */
WEBSOCKET_INLINE bool websocket_step_head(struct websocket_head_walk *walk, __u8 c)
{
	const __u32 any = walk->segment->seq;

	walk->over = websocket_take_byte(&walk->head, c);
	if (walk->over && !walk->segment->from_client && websocket_is_interim(&walk->head)) {
		walk->over = 0;
		websocket_begin_head(&walk->head);
	}
	/* Or the verifier would count them along. */
	WEBSOCKET_FORGET(walk->head.hash, any);
	WEBSOCKET_FORGET(walk->head.bytes, any);
	walk->position++;
	return walk->over || walk->head.bytes > WSBPF_LONGEST_HEAD;
}

/* Four bytes a call, which costs as much as they do; with more, the verifier would have too many
 * ways to follow. */
static long websocket_walk_head(__u32 i, void *context)
{
	struct websocket_head_walk *walk = (struct websocket_head_walk *)context;
	const __u32 any = walk->segment->seq;
	__u64 word;

	(void)i;
	if (!walk->loaded && !websocket_load_ahead(walk))
		return 1;
	word = walk->ahead[0];
	if (walk->loaded < 4) {
		walk->loaded = 0;
		return websocket_step_head(walk, (__u8)word);
	}
	if (walk->loaded >= 8 && websocket_pass_word(&walk->head, word)) {
		WEBSOCKET_FORGET(walk->head.bytes, any);
		walk->ahead[0] = walk->ahead[1];
		walk->loaded -= 8;
		WEBSOCKET_FORGET(walk->loaded, any);
		walk->position += 8;
		return walk->head.bytes > WSBPF_LONGEST_HEAD;
	}
	walk->ahead[0] = word >> 32 | walk->ahead[1] << 32;
	walk->ahead[1] >>= 32;
	walk->loaded -= 4;
	WEBSOCKET_FORGET(walk->ahead[0], any);
	WEBSOCKET_FORGET(walk->ahead[1], any);
	WEBSOCKET_FORGET(walk->loaded, any);
	WEBSOCKET_UNROLL
	for (int byte = 0; byte < 4; byte++) {
		if (websocket_step_head(walk, (__u8)(word >> 8 * byte)))
			return 1;
	}
	return 0;
}

#endif /* WSBPF_WEBSOCKET_HEAD_H */
