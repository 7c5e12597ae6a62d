// Peers that are gone without their server knowing: each kind of half-open connection is shown, and
// HalfOpenAccumulation fires above fifty of those that are proven, and of no others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { startEnds } from './lib/ends.mjs';
import { sum } from './lib/metrics.mjs';
import { createNetns, vanisher } from './lib/netns.mjs';
import { freePort } from './lib/ports.mjs';
import { countBy } from './lib/ss.mjs';
import { throughout, until } from './lib/wait.mjs';

const MANY = 51; // more than HalfOpenAccumulation takes
const FEW = 50;
const KEEPALIVE = [1, 2, 100]; // probes begin after a second, and do not end
const NONE = { syn_recv: 0, unacked: 0, probing: 0, silent: 0 };
const BACKLOG = 4;
const KNOCKS = 12;

// Heard nothing for 15 s, or for 60 s where that is what it takes, on a busy machine.
const STUCK = { deadline: 60_000 };
const SILENT = { deadline: 100_000 };
// Retransmissions come at ever longer intervals, and so does what shows that a peer is back.
const BACK = { deadline: 60_000 };

const { name: netns, inode } = createNetns();
const { vanish, comeBack } = vanisher(netns);

const names = ['unacked', 'few', 'probing', 'silent', 'handshakes', 'full'];
const distinct = new Set();
while (distinct.size < names.length) distinct.add(await freePort());
const ports = Object.fromEntries([...distinct].map((port, i) => [names[i], port]));

test('half-open connections', { timeout: 280_000, concurrency: true }, async (t) => {
  const ends = startEnds(t, { netns });
  for (const port of Object.values(ports)) {
    await ends.call('listen', { port, backlog: port === ports.full ? BACKLOG : 1024 });
  }
  const all = Object.values(ports).join();
  const daemon = await startDaemon(t, ['--port', all, '--sweep', '1s']);

  const listener = async (port) => {
    const { listeners } = await daemon.get('/api/listeners');
    return listeners.find((found) => found.port === port && found.netns === inode);
  };
  const metric = async (name, port, labels = {}) =>
    sum(await daemon.metrics(), name, { port, role: 'server', ...labels });
  const alert = async (port) => {
    const { alerts } = await daemon.get('/api/alerts');
    return alerts.find((found) => found.listener?.port === port);
  };
  const statesOf = (port) =>
    daemon
      .alertEvents()
      .filter(({ alert }) => alert.listener?.port === port)
      .map(({ alert }) => `${alert.name} ${alert.state}`);

  // The API, the list and the metrics all count so many, and no others on that port.
  async function shows(port, kind, count, deadline) {
    await until(async () => {
      assert.deepEqual((await listener(port))?.half_open, { ...NONE, [kind]: count });
      for (const each of Object.keys(NONE)) {
        const expected = each === kind ? count : 0;
        const labels = { kind: each };
        assert.equal(await metric('wsbpf_half_open_connections', port, labels), expected, each);
      }
    }, deadline);
    const { connections } = await daemon.get('/api/connections');
    const here = connections.filter(({ local }) => local.port === port);
    assert.deepEqual(countBy(here, ({ half_open }) => half_open), { [kind]: count });
  }

  async function fires(port, count, matches) {
    const fired = await until(async () => {
      const found = await alert(port);
      assert.deepEqual([found?.name, found?.state], ['HalfOpenAccumulation', 'firing']);
      assert.equal(found.value, count);
      return found;
    }, STUCK);
    assert.deepEqual([fired.listener.netns, fired.threshold], [inode, 50]);
    assert.equal(fired.severity, 'warning');
    assert.match(fired.summary, matches);
    const labels = { alert: 'HalfOpenAccumulation', severity: 'warning' };
    assert.equal(await metric('wsbpf_alerts_firing', port, labels), 1);
  }

  async function resolves(port) {
    await until(async () => assert.equal(await alert(port), undefined), BACK);
    assert.equal(statesOf(port).at(-1), 'HalfOpenAccumulation resolved');
    assert.deepEqual((await listener(port)).half_open, NONE);
  }

  const lines = (port, kind) =>
    daemon
      .events('half_open')
      .filter(({ connection }) => connection.local.port === port && connection.half_open === kind);

  const unacked = async () => {
    const port = ports.unacked;
    await ends.call('open', { port, count: MANY });
    vanish('gone', port);
    await ends.call('serve', { port });
    await shows(port, 'unacked', MANY);
    await until(async () => assert.ok((await alert(port)) !== undefined));
    const { stdout } = await daemon.command('list', '-o', 'table');
    assert.match(stdout, new RegExp(`established .* unacked .* 127.0.0.1:${port} `));
    await fires(port, MANY, new RegExp(`${MANY} connections on port ${port}.* ${MANY} unheard of`));
    assert.equal((await listener(port)).half_open_stuck, MANY);
    assert.equal(await metric('wsbpf_half_open_stuck_connections', port), MANY);
    assert.equal(statesOf(port)[0], 'HalfOpenAccumulation pending'); // for 15 s less 3

    const top = await daemon.command('top', '-b', '-n', '1');
    assert.equal(top.code, 0, top.stderr);
    assert.match(top.stdout, new RegExp(`HalfOpenAccumulation :${port} `));
    const check = await daemon.command('check');
    assert.equal(check.code, 3);
    assert.match(check.stdout, /HalfOpenAccumulation/);

    comeBack('gone', port);
    await ends.call('speak', { port });
    await resolves(port);
    assert.equal(lines(port, 'unacked').length, MANY);
    assert.equal(lines(port, null).length, MANY);
  };

  const few = async () => {
    const port = ports.few;
    await ends.call('open', { port, count: FEW });
    vanish('gone', port);
    await ends.call('serve', { port });
    await shows(port, 'unacked', FEW);
    await until(async () => assert.equal((await listener(port)).half_open_stuck, FEW), STUCK);
    await throughout(3_000, async () => assert.equal(await alert(port), undefined));
    assert.deepEqual(statesOf(port), []);
  };

  const probing = async () => {
    const port = ports.probing;
    await ends.call('open', { port, count: MANY, keepalive: KEEPALIVE });
    vanish('gone', port);
    await shows(port, 'probing', MANY);
    await fires(port, MANY, new RegExp(`owned by python3\\[\\d+\\].* ${MANY} probing`));
    comeBack('gone', port);
    await resolves(port);
    assert.equal(lines(port, 'probing').length, MANY);
  };

  const silent = async () => {
    const port = ports.silent;
    await ends.call('open', { port, count: MANY });
    await shows(port, 'silent', MANY, SILENT);
    await throughout(2_000, async () => {
      assert.equal((await listener(port)).half_open_stuck, 0);
      assert.equal(await alert(port), undefined);
    });
    assert.deepEqual(statesOf(port), []);
    assert.equal(lines(port, 'silent').length, MANY);
  };

  const handshakes = async () => {
    const port = ports.handshakes;
    vanish('deaf', port);
    await ends.call('knock', { port, count: MANY });
    await until(async () => {
      const { half_open, stuck_handshakes } = await listener(port);
      assert.deepEqual(half_open, { ...NONE, syn_recv: MANY });
      assert.equal(stuck_handshakes, MANY);
      assert.equal(await metric('wsbpf_stuck_handshakes', port), MANY);
      const labels = { kind: 'syn_recv' };
      assert.equal(await metric('wsbpf_half_open_connections', port, labels), MANY);
    });
    assert.ok((await metric('wsbpf_retransmitted_synacks_total', port)) >= MANY);
    await fires(port, MANY, new RegExp(`${MANY} handshakes on port ${port}.* hang`));
    await ends.call('leave', { port });
    comeBack('deaf', port); // the next SYN+ACK is answered by a reset
    await resolves(port);
    assert.equal((await listener(port)).stuck_handshakes, 0);
  };

  const full = async () => {
    const port = ports.full;
    await until(async () => assert.equal((await listener(port))?.accept_queue.limit, BACKLOG));
    assert.equal((await listener(port)).accept_queue.full, false);
    await ends.call('knock', { port, count: KNOCKS });
    // One more than the limit fits in.
    const { drops_total: drops } = await until(async () => {
      const { accept_queue } = await listener(port);
      assert.deepEqual([accept_queue.length, accept_queue.full], [BACKLOG + 1, true]);
      assert.ok(accept_queue.drops_total > 0);
      return accept_queue;
    });
    assert.ok((await metric('wsbpf_accept_queue_drops_total', port)) >= drops);
    assert.equal(await metric('wsbpf_accept_queue_length', port), BACKLOG + 1);
    // The others knock again, at ever longer intervals.
    await until(async () => {
      await ends.call('accept', { port });
      const { accept_queue } = await listener(port);
      assert.deepEqual([accept_queue.length, accept_queue.full], [0, false]);
    }, BACK);
    assert.equal(await alert(port), undefined);
  };

  // All at once: they wait for most of the time.
  const tests = {
    unacked,
    'fifty are not more than fifty': few,
    probing,
    'silent ones are shown, and never an alert': silent,
    'handshakes that hang': handshakes,
    'an accept queue that overflows': full,
  };
  await Promise.all(Object.entries(tests).map(([name, run]) => t.test(name, run)));
});
