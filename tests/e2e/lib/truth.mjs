// What the daemon says, held against what ss says.
import assert from 'node:assert/strict';
import { samples } from './metrics.mjs';
import { ssCounts } from './ss.mjs';
import { until } from './wait.mjs';

// Without the states that no connection is in.
export const nonzero = (counts) =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

async function metricCounts(daemon, port) {
  const counts = {};
  for (const { labels, value } of samples(await daemon.metrics(), 'wsbpf_tcp_connections')) {
    if (labels.port !== String(port) || labels.role !== 'server') continue;
    counts[labels.state] = (counts[labels.state] ?? 0) + value;
  }
  return counts;
}

// Waits until ss, /api/listeners and /metrics all count `expected`, like { close_wait: 51 }, on
// the port of `server`.
export async function countsAgree(daemon, { port }, expected, { netns } = {}) {
  await until(async () => {
    assert.deepEqual(await ssCounts(port, { netns }), expected, 'ss');
    const listed = (await daemon.listener(port))?.states ?? {};
    assert.deepEqual(nonzero(listed), expected, '/api/listeners');
    assert.deepEqual(nonzero(await metricCounts(daemon, port)), expected, '/metrics');
  });
}

// Waits until CloseWaitAccumulation, and no other alert, fires for `server` on account of `count`
// sockets, and returns it.
export async function alertFires(daemon, { port }, count) {
  return until(async () => {
    const firing = await daemon.firingOfListeners();
    assert.deepEqual(
      firing.map(({ name, listener, value }) => [name, listener.port, value]),
      [['CloseWaitAccumulation', port, count]],
    );
    return firing[0];
  });
}

// Waits until no alert fires.
export async function alertResolves(daemon) {
  await until(async () => assert.deepEqual(await daemon.firingOfListeners(), []));
}
