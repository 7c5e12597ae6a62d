/* What the programs share with each other and with the daemon: the ring buffer, the settings and
 * the drop counters. Weak, so that every object may include it and the linker keeps one.
 */
#ifndef WSBPF_MAPS_BPF_H
#define WSBPF_MAPS_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "wsbpf_events.h"

/* max_entries is set by the daemon before it loads the object. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events __weak SEC(".maps");

/* Which ends are watched: bits of enum wsbpf_role. */
const volatile __u32 watched_roles __weak = WSBPF_ROLE_SERVER;

/* Half of the ring buffer: above it, the daemon is woken before its time. */
const volatile __u64 wakeup_bytes __weak = 2048;

/* One bit a port; the daemon sets and clears them while the programs run. */
__u64 watched_ports[65536 / 64] __weak SEC(".data.ports") = {};

/* WebSockets are read: else nothing is kept of them, and nothing is looked for. */
const volatile bool reads_websockets __weak = true;

/* What is known of each, for as long as its socket lives. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct wsbpf_websocket_state);
} websockets __weak SEC(".maps");

/* How many more ports may be watched because a listener there has answered 101. */
__u32 discoveries_left __weak SEC(".data.discovery") = 0;

/* How long a jiffy is, measured by the daemon before it attaches: milliseconds, shifted to the left
 * so that a multiplication does for a division. Here: HZ is 250. */
#define MS_PER_TICK_SHIFT 16
__u32 ms_per_tick_shifted __weak SEC(".data.clock") = 4 << MS_PER_TICK_SHIFT;

/* CLOCK_BOOTTIME in milliseconds, the low 32 bits, when jiffies were 0: measured with it. */
__u32 boot_ms_of_tick_0 __weak SEC(".data.clock") = 0;

/* Set with the one early wake-up, cleared by the daemon when it consumes. */
__u32 wakeup_asked __weak SEC(".data.wakeup") = 0;

/* Records that found the ring buffer full, by enum wsbpf_program. */
__u64 drops[WSBPF_PROGRAM_COUNT] __weak SEC(".data.drops") = {};

static __always_inline void *reserve_record(__u64 size, enum wsbpf_program program)
{
	void *record = bpf_ringbuf_reserve(&events, size, 0);

	if (!record)
		__sync_fetch_and_add(&drops[program], 1);
	return record;
}

/* A wake-up costs forty times the record itself: the daemon comes by on a timer. */
static __always_inline void submit_record(void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* The same for the last and largest record of a connection, which alone looks at how full the
 * buffer is: when it passes half, the daemon is woken once before its time. Two CPUs may both see
 * the flag clear; that is harmless. */
static __always_inline void submit_last_record(void *record)
{
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > wakeup_bytes && !wakeup_asked) {
		wakeup_asked = 1;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(record, flags);
}

#endif /* WSBPF_MAPS_BPF_H */
