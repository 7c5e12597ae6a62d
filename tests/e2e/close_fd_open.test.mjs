// A socket which the peer reset is in CLOSE, unseen by ss, until the application closes it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { startClients, startServer } from './lib/processes.mjs';
import { countBy, ssConnections } from './lib/ss.mjs';
import { throughout, until } from './lib/wait.mjs';

const COUNT = 5;
const SWEEP_MS = 1_000;

test('a reset socket with an open fd stays visible in CLOSE', { timeout: 60_000 }, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port, '--sweep', `${SWEEP_MS}ms`]);
  const states = async () => countBy(await daemon.connections(), ({ state }) => state);

  await clients.call('open', COUNT, { port: server.port });
  await until(async () => assert.deepEqual(await states(), { established: COUNT }));

  server.signal('SIGSTOP');
  await clients.call('reset', COUNT);
  await until(async () => assert.deepEqual(await states(), { close: COUNT }));
  // Nor does a sweep take them for gone.
  await throughout(3 * SWEEP_MS, async () => assert.deepEqual(await states(), { close: COUNT }));
  assert.deepEqual(await ssConnections(server.port), []);
  for (const { owner } of await daemon.connections()) assert.equal(owner.pid, server.pid);

  server.signal('SIGCONT');
  await until(async () => assert.deepEqual(await states(), {}));
});
