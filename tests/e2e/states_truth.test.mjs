// The counts by state are those of ss, at twenty random moments of a churn that has connections in
// every state.
//
// Both look at what moves, so each moment is looked at twice. While the churn goes on, each count
// has to lie between those of ss shortly before and after. Then it is frozen, and the two must
// agree: TIME_WAIT and SYN_RECV come from sweeps, once a second while somebody asks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './lib/daemon.mjs';
import { createNetns, holdBack } from './lib/netns.mjs';
import { startPairs } from './lib/processes.mjs';
import { ssCounts } from './lib/ss.mjs';
import { nonzero } from './lib/truth.mjs';
import { until } from './lib/wait.mjs';

const WORKERS = 60;
const MOMENTS = 20;
const BETWEEN_MS = 1_000;
const LOOK_EVERY_MS = 50;
const LAG_MS = 5_000; // of a sweep, on a machine that has other things to do
const STATES = [
  ...['established', 'syn_recv', 'fin_wait1', 'fin_wait2', 'time_wait'],
  ...['close_wait', 'last_ack', 'closing'],
];

// Calls `task` with looks by ss, [{ time, counts }], to which more come as long as it takes. The
// daemon is asked as often, so that it sweeps.
async function whileLooking(daemon, port, netns, task) {
  const looks = [];
  let wanted = true;
  const look = async () => {
    while (wanted) {
      const time = performance.now();
      looks.push({ time, counts: await ssCounts(port, { netns }) });
      await daemon.listener(port);
      await sleep(LOOK_EVERY_MS);
    }
  };
  const end = () => (wanted = false);
  await Promise.all([look(), task(looks).finally(end)]);
}

// Between two looks a count may go further than in either: by no more, is the assumption, than it
// ever went from one look to the next.
function assertBetween(looks, counts) {
  for (const state of STATES) {
    const seen = looks.map(({ counts }) => counts[state] ?? 0);
    const step = Math.max(1, ...seen.slice(1).map((count, i) => Math.abs(count - seen[i])));
    const [least, most] = [Math.min(...seen) - step, Math.max(...seen) + step];
    const count = counts[state] ?? 0;
    assert.ok(least <= count && count <= most, `${state}: ${count}, ss: ${least} to ${most}`);
  }
}

test('the counts by state are those of ss', { timeout: 240_000 }, async (t) => {
  const netns = createNetns().name;
  const pairs = await startPairs(t, { netns });
  holdBack(netns, pairs.port);
  const daemon = await startDaemon(t, ['--port', pairs.port]);
  const counts = async () => nonzero((await daemon.listener(pairs.port)).states);

  await until(async () => (await daemon.listener(pairs.port)) !== undefined);
  const met = new Set();
  let slowest = 0;
  await whileLooking(daemon, pairs.port, netns, async (looks) => {
    await until(() => looks.length > 0);
    await pairs.call('startMix', WORKERS);
    for (let moment = 0; moment < MOMENTS; ++moment) {
      await sleep(Math.random() * BETWEEN_MS);
      const asked = performance.now();
      const moving = await counts();
      const answered = performance.now();
      await until(() => looks.at(-1).time > answered);
      assertBetween(looks.filter(({ time }) => time > asked - LAG_MS), moving);

      await pairs.call('freeze');
      const frozen = performance.now();
      await until(async () => {
        const real = await ssCounts(pairs.port, { netns });
        assert.deepEqual(await counts(), real);
        for (const state of Object.keys(real)) met.add(state);
      });
      slowest = Math.max(slowest, performance.now() - frozen);
      await pairs.call('thaw');
    }
    await pairs.call('stopMix');
  });
  t.diagnostic(`once frozen, they agreed after ${slowest.toFixed(0)} ms at most`);
  assert.deepEqual([...met].sort(), [...STATES].sort());
});
