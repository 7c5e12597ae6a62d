// --role: a connection within one host has two ends, and each is seen when asked for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { startClients, startServer } from './lib/processes.mjs';
import { countBy } from './lib/ss.mjs';
import { until } from './lib/wait.mjs';

const OLDER = 10;
const LATER = 10;
const COUNT = OLDER + LATER;

const CASES = {
  server: { server: COUNT },
  client: { client: COUNT },
  both: { server: COUNT, client: COUNT },
};

for (const [role, expected] of Object.entries(CASES)) {
  test(`--role ${role}`, { timeout: 60_000 }, async (t) => {
    const server = await startServer(t);
    const clients = await startClients(t);
    await clients.call('open', OLDER, { port: server.port });
    const daemon = await startDaemon(t, ['--port', server.port, '--role', role]);
    await clients.call('open', LATER, { port: server.port });

    await until(async () => {
      const connections = await daemon.connections();
      const roles = countBy(connections, (connection) => connection.role);
      assert.deepEqual(roles, expected);
      for (const { role: seen, local, remote, owner } of connections) {
        const [watched, end] = seen === 'server' ? [local, server] : [remote, clients];
        assert.equal(watched.port, server.port);
        assert.equal(owner.pid, end.pid);
      }
    });
    // A listener of the client role is a remote port.
    await until(async () => {
      const { listeners } = await daemon.get('/api/listeners');
      const counts = listeners.map((each) => [each.role, each.states.established]);
      assert.deepEqual(Object.fromEntries(counts), expected);
    });
  });
}
