// With a ring buffer of one page, under a load that overflows it, the counts by state are those of
// ss after a sweep, and a verdict for which the evidence was lost is `unknown`, never a guess.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './lib/daemon.mjs';
import { sum } from './lib/metrics.mjs';
import { createNetns, holdBack } from './lib/netns.mjs';
import { startPairs } from './lib/processes.mjs';
import { countBy, ssCounts } from './lib/ss.mjs';
import { nonzero } from './lib/truth.mjs';
import { until } from './lib/wait.mjs';

const PAGE = 4096;
const WORKERS = 20;
const CONNECTIONS = 1_600;
const AT_ONCE = 100;
const FIRST_PORT = 33_000; // of the clients, each with one of its own
const BYTES = 1_000;
const MAX_MS = 100;
const STARVED_MS = 10;
const FED_MS = 200;

// How each ends, and what is then true of it, besides `unknown`.
const verdicts = {
  client_fin: ['remote_close'],
  server_fin: ['local_close'],
  server_close: ['local_close'],
  client_reset: ['peer_reset'],
  server_reset: ['local_abort'],
  unread: ['unread_data_reset'],
  reset_after_fin: ['reset_after_fin'],
  // Our FIN was first, and a reset is what ended it.
  reset_after_our_fin: ['peer_reset', 'local_close'],
};
const endings = Object.keys(verdicts);

const plans = Array.from({ length: CONNECTIONS }, (_, i) => ({
  localPort: FIRST_PORT + i,
  up: BYTES,
  down: BYTES,
  ms: Math.random() * MAX_MS,
  ending: endings[i % endings.length],
}));

// Until `done`, the daemon does not get to run now and then, as on a machine that is overloaded.
async function whileStarving(daemon, done) {
  let ended = false;
  const end = () => (ended = true);
  const starve = async () => {
    while (!ended) {
      daemon.signal('SIGSTOP');
      await sleep(STARVED_MS);
      daemon.signal('SIGCONT');
      await sleep(FED_MS);
    }
  };
  await Promise.all([starve(), done.finally(end)]);
}

test('what is lost is repaired, or said to be unknown', { timeout: 180_000 }, async (t) => {
  const netns = createNetns().name;
  const pairs = await startPairs(t, { netns });
  holdBack(netns, pairs.port);
  const daemon = await startDaemon(t, ['--port', pairs.port, '--ring-bytes', PAGE]);
  const lost = async () => sum(await daemon.metrics(), 'wsbpf_events_lost_total');
  const sweeps = async () => (await daemon.get('/api/status')).sweep.count;
  const planOf = ({ remote }) => plans[remote.port - FIRST_PORT];
  const closed = () => daemon.events('closed').filter(({ connection }) => planOf(connection));

  await pairs.call('startMix', WORKERS);
  await whileStarving(daemon, pairs.call('live', plans, AT_ONCE));
  await pairs.call('freeze');
  await until(async () => assert.ok((await lost()) > 0));
  t.diagnostic(`${await lost()} events lost`);

  await t.test('a sweep puts the counts right', async () => {
    // The one that is under way may have begun before the load stood still.
    const enough = (await sweeps()) + 2;
    await until(async () => (await sweeps()) >= enough);
    // A closed socket that still has a descriptor is not in ss: see below. More than one look is
    // needed only where a timewait socket has expired since the sweep.
    await until(
      async () => {
        const real = await ssCounts(pairs.port, { netns });
        const { close, ...states } = (await daemon.listener(pairs.port)).states;
        assert.deepEqual(nonzero(states), real);
      },
      { deadline: 5_000 },
    );
  });

  // Where the record of the end was lost, only a pass over all file descriptors tells. They come
  // when something was lost, but never take more than their share of a core, and else every minute.
  await t.test('what had closed is forgotten', async (t) => {
    const start = performance.now();
    const closed = async () => (await daemon.listener(pairs.port)).states.close;
    t.diagnostic(`${await closed()} too many`);
    await until(async () => assert.equal(await closed(), 0), { deadline: 90_000 });
    t.diagnostic(`${((performance.now() - start) / 1000).toFixed(1)} s after the sweep`);
  });

  await t.test('no verdict is a guess', async (t) => {
    // All have ended: what the daemon has not heard of by now it never will.
    await until(async () => {
      const open = (await daemon.connections()).filter(planOf);
      assert.deepEqual(open, []);
    });
    for (const { verdict } of daemon.events('closed')) assert.equal(typeof verdict, 'string');
    const said = closed().map(({ verdict, connection }) => [planOf(connection).ending, verdict]);
    const share = said.filter(([, verdict]) => verdict === 'unknown').length / said.length;
    t.diagnostic(`${said.length} of ${CONNECTIONS} seen, ${(100 * share).toFixed(0)} % unknown`);
    assert.ok(share < 1);
    const wrong = said.filter(
      ([ending, verdict]) => verdict !== 'unknown' && !verdicts[ending].includes(verdict),
    );
    assert.deepEqual(countBy(wrong, ([ending, verdict]) => `${ending}: ${verdict}`), {});
  });

  await t.test('it is said', async () => {
    const { status, body } = await daemon.getTcp('/readyz');
    assert.equal(status, 200);
    assert.match(body, /^degraded\n/);
    assert.match(body, /lost/);
    const alert = await until(async () => {
      const firing = await daemon.firing();
      const found = firing.find(({ name }) => name === 'EventsLost');
      assert.ok(found, `firing: ${firing.map(({ name }) => name)}`);
      return found;
    });
    assert.equal(alert.listener, null);
    assert.ok(alert.value > 0);
    const labels = { alert: 'EventsLost' };
    assert.equal(sum(await daemon.metrics(), 'wsbpf_alerts_firing', labels), 1);
    const told = daemon.events('lost').reduce((total, { lost }) => total + lost.count, 0);
    assert.ok(told > 0);
  });

  await t.test('the commands show an alert that is of no listener', async () => {
    const [alerts, check, top] = await Promise.all([
      daemon.command('alerts'),
      daemon.command('check'),
      daemon.command('top', '-b', '-n', '1'),
    ]);
    assert.deepEqual([alerts.code, check.code, top.code], [0, 3, 0]);
    assert.match(alerts.stdout, /^firing warning EventsLost since \S+\n {2}\d+ events were lost/m);
    assert.match(check.stdout, /^firing warning EventsLost /m);
    assert.match(top.stdout, /^WARNING EventsLost {2}\d+ events were lost/m); // no port
  });
});
