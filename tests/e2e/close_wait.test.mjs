// The main job: 50 sockets in CLOSE_WAIT are borne, 51 raise the alert, everywhere and with the
// right names, and it resolves when they go.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { sum } from './lib/metrics.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { alertFires, alertResolves, countsAgree } from './lib/truth.mjs';
import { throughout, until } from './lib/wait.mjs';

const THRESHOLD = 50;
const CLOSE_WAIT_FOR_MS = 3_000;

// No listener's alert is firing; EventsLost may be, on a machine that loses events.
async function checkIsQuiet(daemon) {
  const { code, stdout } = await daemon.command('check');
  assert.ok(!stdout.includes('CloseWaitAccumulation'), stdout);
  if ((await daemon.firing()).length === 0) assert.equal(code, 0);
}

test('51 sockets in CLOSE_WAIT raise the alert, 50 do not', { timeout: 120_000 }, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port]);
  const comm = readFileSync(`/proc/${server.pid}/comm`, 'utf8').trim();

  const alertMetric = async () =>
    sum(await daemon.metrics(), 'wsbpf_alerts_firing', {
      alert: 'CloseWaitAccumulation',
      port: server.port,
    });
  const logged = (state) =>
    daemon.log.filter((line) => line.includes('CloseWaitAccumulation') && line.includes(state));

  await t.test('50 are borne', async () => {
    await clients.call('open', THRESHOLD, { port: server.port });
    await countsAgree(daemon, server, { established: THRESHOLD });
    await clients.call('leave', THRESHOLD);
    await countsAgree(daemon, server, { close_wait: THRESHOLD });
    await throughout(2 * CLOSE_WAIT_FOR_MS, async () =>
      assert.deepEqual(await daemon.firingOfListeners(), []),
    );
    await checkIsQuiet(daemon);
    assert.equal(await alertMetric(), 0);
    assert.deepEqual(logged('firing'), []);
  });

  await t.test('the 51st raises the alert', async (t) => {
    await leak(clients, server, 1);
    const start = performance.now();
    await countsAgree(daemon, server, { close_wait: THRESHOLD + 1 });

    const alert = await alertFires(daemon, server, THRESHOLD + 1);
    t.diagnostic(`after ${((performance.now() - start) / 1000).toFixed(1)} s`);
    assert.equal(alert.severity, 'warning');
    assert.equal(alert.threshold, THRESHOLD);
    assert.equal(alert.listener.role, 'server');
    assert.equal(alert.listener.comm, comm);
    assert.ok(alert.summary.includes(`${comm}[${server.pid}]`), alert.summary);

    const check = await daemon.command('check');
    assert.equal(check.code, 3, check.stderr);
    await until(() => assert.equal(logged('firing').length, 1));
    const alerts = await daemon.command('alerts');
    for (const words of [check.stdout, alerts.stdout, ...logged('firing')]) {
      for (const word of ['CloseWaitAccumulation', server.port, server.pid, comm]) {
        assert.ok(words.includes(word), `no ${word} in: ${words}`);
      }
    }
    assert.equal(await alertMetric(), 1);

    const { stdout } = await daemon.command('alerts', '-o', 'json');
    const listed = JSON.parse(stdout).alerts.map(({ name, state }) => `${name} ${state}`);
    assert.deepEqual(listed, ['CloseWaitAccumulation firing']);
  });

  await t.test('wsbpf list names each of them', async () => {
    const { stdout } = await daemon.command('list', '-o', 'jsonl');
    const rows = stdout.trimEnd().split('\n').map(JSON.parse);
    assert.equal(rows.length, THRESHOLD + 1);
    for (const row of rows) {
      assert.equal(row.state, 'close_wait');
      assert.equal(row.role, 'server');
      assert.equal(row.age_source, 'exact');
      assert.equal(row.local.port, server.port);
      assert.deepEqual([row.owner.pid, row.owner.comm], [server.pid, comm]);
    }
    assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length);
  });

  await t.test('closing them resolves it', async () => {
    await server.call('close');
    await countsAgree(daemon, server, {});
    await alertResolves(daemon);
    await checkIsQuiet(daemon);
    assert.equal(await alertMetric(), 0);
    await until(() => assert.equal(logged('resolved').length, 1));
    await until(() => {
      const states = daemon.alertEvents().map(({ alert }) => alert.state);
      assert.deepEqual(states, ['pending', 'firing', 'resolved']);
    });
  });
});
