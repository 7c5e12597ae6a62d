// While sockets open and close, a start misses none and doubles none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { createNetns } from './lib/netns.mjs';
import { startClients, startServer } from './lib/processes.mjs';
import { ssConnections } from './lib/ss.mjs';
import { until } from './lib/wait.mjs';

const STARTS = 5;
const WORKERS = 16;

const endpoint = ({ address, port }) => `${address}:${port}`;
const line = (...words) => words.join(' ');

test('the table agrees with ss after starts amid churn', { timeout: 120_000 }, async (t) => {
  const netns = createNetns().name;
  const servers = [await startServer(t, { netns }), await startServer(t, { netns, mode: 'brief' })];
  const clients = await Promise.all(servers.map(() => startClients(t, { netns })));

  const ports = servers.map(({ port }) => port).join();

  for (let start = 0; start < STARTS; ++start) {
    for (const [i, { port }] of servers.entries()) {
      await clients[i].call('startChurn', WORKERS, { port });
    }
    // No sweep, which would repair what the start got wrong.
    const daemon = await startDaemon(t, ['--port', ports, '--sweep', '1h']);
    const open = await Promise.all(clients.map((each) => each.call('stopChurn')));

    for (const [i, { port }] of servers.entries()) {
      await until(async () => {
        const real = await ssConnections(port, { netns });
        const seen = (await daemon.connections()).filter(({ local }) => local.port === port);
        assert.deepEqual(
          seen.map((row) => line(row.state, endpoint(row.local), endpoint(row.remote))).sort(),
          real.map((row) => line(row.state, row.local, row.remote)).sort(),
        );
        assert.equal(real.filter(({ state }) => state === 'established').length, open[i]);
      });
    }
    t.diagnostic(`start ${start + 1}: ${open.join(' + ')} open`);
    await daemon.stop();
  }
});
