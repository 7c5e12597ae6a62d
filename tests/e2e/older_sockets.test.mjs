// Sockets which are older than the daemon count, with an age that is said to be a lower bound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { countBy } from './lib/ss.mjs';
import { alertFires, countsAgree } from './lib/truth.mjs';
import { until } from './lib/wait.mjs';

const OLDER = 60;
const LATER = 5;
const CLOSE_WAIT_FOR_S = 5;

test('a leak from before the start raises the alert', { timeout: 120_000 }, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  await leak(clients, server, OLDER);

  const start = performance.now();
  const daemon = await startDaemon(t, [
    ...['--port', server.port],
    ...['--close-wait-for', `${CLOSE_WAIT_FOR_S}s`],
    ...['--log-format', 'json'],
  ]);
  const listed = (expected) =>
    until(async () => {
      const row = ({ owner, state, age_source }) => `${owner.pid} ${state} ${age_source}`;
      assert.deepEqual(countBy(await daemon.connections(), row), expected);
    });

  await countsAgree(daemon, server, { close_wait: OLDER });
  await listed({ [`${server.pid} close_wait lower_bound`]: OLDER });

  await alertFires(daemon, server, OLDER);
  // How long they had been in CLOSE_WAIT before is unknown, so the wait begins with the daemon.
  assert.ok((performance.now() - start) / 1000 >= CLOSE_WAIT_FOR_S);
  await until(() => {
    const messages = daemon.log.map((line) => JSON.parse(line).message);
    return messages.some((message) => message.startsWith('CloseWaitAccumulation firing'));
  });

  await clients.call('open', LATER, { port: server.port });
  await countsAgree(daemon, server, { close_wait: OLDER, established: LATER });
  await listed({
    [`${server.pid} close_wait lower_bound`]: OLDER,
    [`${server.pid} established exact`]: LATER,
  });
});
