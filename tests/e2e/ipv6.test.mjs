// IPv6 and v4-mapped connections of one server are of one listener.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { countBy } from './lib/ss.mjs';
import { alertFires, countsAgree } from './lib/truth.mjs';

const EACH = 30;

test('a leak over IPv6 and v4-mapped IPv4 adds up', { timeout: 120_000 }, async (t) => {
  const server = await startServer(t, { host: '::' });
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port]);

  await leak(clients, server, EACH, '::1');
  await countsAgree(daemon, server, { close_wait: EACH });
  await leak(clients, server, EACH, '127.0.0.1');
  await countsAgree(daemon, server, { close_wait: 2 * EACH });

  await alertFires(daemon, server, 2 * EACH);
  assert.deepEqual(
    countBy(await daemon.connections(), ({ remote }) => remote.address),
    {
      '::1': EACH,
      '::ffff:127.0.0.1': EACH,
    },
  );
});
