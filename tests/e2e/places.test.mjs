// Where the owner runs: its container by its cgroup, its pod by the names of the container logs.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { enterCgroup } from './lib/cgroup.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { samples } from './lib/metrics.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { alertFires, alertResolves } from './lib/truth.mjs';
import { until } from './lib/wait.mjs';
import { temporaryDirectory } from './lib/wsbpf.mjs';

const LEAKED = 51;

// However many file descriptors the host has, they are looked at once a minute.
const PASS = { deadline: 90_000 };

test('pods are known by the names of their logs', { timeout: 240_000 }, async (t) => {
  const id = randomBytes(32).toString('hex');
  const logs = temporaryDirectory();
  const server = await startServer(t);
  enterCgroup(`docker-${id}.scope`, server.pid);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, [
    ...['--port', server.port],
    ...['--container-logs', logs],
    ...['--sweep', '1s'],
  ]);
  await leak(clients, server, LEAKED);

  const place = { cgroup: `/docker-${id}.scope`, container_id: id };
  const owner = { pid: server.pid, comm: 'node', ...place };
  const ownersAre = (expected) =>
    until(async () => {
      const owners = (await daemon.connections()).map((connection) => connection.owner);
      assert.deepEqual(owners, Array(LEAKED).fill(expected));
      assert.deepEqual((await daemon.listener(server.port)).owners, [expected]);
    }, PASS);
  await ownersAre({ ...owner, namespace: null, pod: null, container: null });

  // The kubelet makes the link when the container has started.
  symlinkSync('/nowhere/0.log', join(logs, `chat-7f_shop_server-${id}.log`));
  const pod = { namespace: 'shop', pod: 'chat-7f', container: 'server' };
  await ownersAre({ ...owner, ...pod });
  await until(async () => { // when the sweep that has seen it is over
    const { namespace, pod: name, container } = await daemon.listener(server.port);
    assert.deepEqual({ namespace, pod: name, container }, pod);
  });

  await until(async () => {
    const alert = await alertFires(daemon, server, LEAKED);
    assert.equal(alert.listener.namespace, 'shop');
    assert.equal(alert.listener.pod, 'chat-7f');
    assert.match(alert.summary, new RegExp(`owned by node\\[${server.pid}\\] in pod shop/chat-7f`));
  });
  const metrics = samples(await daemon.metrics(), 'wsbpf_close_wait_stuck_connections');
  const { labels, value } = metrics.find((sample) => sample.labels.port === String(server.port));
  assert.deepEqual(labels, { ...labels, ...pod, comm: 'node' });
  assert.equal(value, LEAKED);

  const wide = (await daemon.command('list', '-o', 'wide')).stdout.trim().split('\n');
  assert.match(wide[0], /OWNER +POD$/);
  for (const row of wide.slice(1)) assert.match(row, / shop\/chat-7f$/);
  const { stdout: frame } = await daemon.command('top', '-b', '-n', '1');
  assert.match(frame, /shop\/chat-7f/);

  await server.call('close');
  await alertResolves(daemon);
});
