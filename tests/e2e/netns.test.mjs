// A server in another network namespace is watched like one at home.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { createNetns } from './lib/netns.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { alertFires, alertResolves, countsAgree } from './lib/truth.mjs';

const LEAKED = 51;
const OLDER = 10;

test('the alert names the namespace of the leak', { timeout: 120_000 }, async (t) => {
  const { name: netns, inode } = createNetns();
  const server = await startServer(t, { netns });
  const clients = await startClients(t, { netns });
  await clients.call('open', OLDER, { port: server.port });
  const daemon = await startDaemon(t, ['--port', server.port]);
  await countsAgree(daemon, server, { established: OLDER }, { netns });

  await leak(clients, server, LEAKED);
  // Those which were open before are the first to leave.
  await countsAgree(daemon, server, { established: OLDER, close_wait: LEAKED }, { netns });
  const alert = await alertFires(daemon, server, LEAKED);
  assert.equal(alert.listener.netns, inode);
  assert.equal((await daemon.listener(server.port)).netns, inode);
  for (const { netns: seen, owner } of await daemon.connections()) {
    assert.equal(seen, inode);
    assert.equal(owner.pid, server.pid);
  }

  await server.call('close');
  await countsAgree(daemon, server, { established: OLDER }, { netns });
  await alertResolves(daemon);
});
