// What is served where, and who may read it.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { get } from './lib/http.mjs';
import { freePort } from './lib/ports.mjs';
import { startClients, startServer } from './lib/processes.mjs';
import { countsAgree } from './lib/truth.mjs';

const PUBLIC = ['/metrics', '/healthz', '/readyz'];
const PRIVATE = ['/', '/api/status', '/api/listeners', '/api/connections', '/api/alerts'];

test('the socket, --listen and --metrics-listen', { timeout: 60_000 }, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const metricsPort = await freePort();
  const daemon = await startDaemon(t, [
    ...['--port', server.port],
    ...['--metrics-listen', `127.0.0.1:${metricsPort}`],
  ]);
  await clients.call('open', 1, { port: server.port });
  await countsAgree(daemon, server, { established: 1 });

  const statuses = async (where, paths) =>
    Promise.all(paths.map(async (path) => (await get(where, path)).status));

  for (const where of [{ socketPath: daemon.socket }, { port: daemon.port }]) {
    assert.deepEqual(new Set(await statuses(where, [...PUBLIC, ...PRIVATE])), new Set([200]));
    const { status, body } = await get(where, '/api/nonsense');
    assert.equal(status, 404);
    assert.equal(typeof JSON.parse(body).error, 'string');
  }
  const metricsOnly = { port: metricsPort };
  assert.deepEqual(new Set(await statuses(metricsOnly, PUBLIC)), new Set([200]));
  assert.deepEqual(new Set(await statuses(metricsOnly, PRIVATE)), new Set([404]));

  // Whole peer addresses only for those who may open the socket.
  const [known] = await daemon.connections();
  const [seen] = JSON.parse((await daemon.getTcp('/api/connections')).body).connections;
  assert.deepEqual([known.remote.address, seen.remote.address], ['127.0.0.1', '127.0.0.0']);

  assert.equal(statSync(daemon.socket).mode & 0o777, 0o660);
  assert.equal(statSync(daemon.eventLog).mode & 0o777, 0o600);
});
