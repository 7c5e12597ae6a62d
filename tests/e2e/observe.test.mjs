// Without a daemon the reading commands look for themselves, and say so.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { temporaryDirectory, wsbpf } from './lib/wsbpf.mjs';

const OPEN = 7;
const LEAKED = 3;

test('reading commands without a daemon', { timeout: 120_000 }, async (t) => {
  const socket = join(temporaryDirectory(), 'wsbpf.sock');
  const server = await startServer(t);
  const clients = await startClients(t);
  await leak(clients, server, LEAKED);
  await clients.call('open', OPEN, { port: server.port });

  async function observe(name, ...args) {
    const { code, stdout, stderr } = await wsbpf([
      name,
      '--socket',
      socket,
      '--port',
      String(server.port),
      ...args,
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /no daemon/i);
    return stdout;
  }

  await t.test('list', async () => {
    const { connections, total } = JSON.parse(await observe('list', '-o', 'json'));
    assert.equal(total, OPEN + LEAKED);
    assert.equal(connections.filter(({ state }) => state === 'close_wait').length, LEAKED);
    assert.equal(connections.filter(({ state }) => state === 'established').length, OPEN);
    for (const { owner, age_source } of connections) {
      assert.deepEqual([owner.pid, age_source], [server.pid, 'lower_bound']);
    }
  });

  await t.test('top in batch mode', async () => {
    const frame = await observe('top', '-b', '-n', '1');
    assert.ok(frame.includes(server.port) && frame.includes('node'), frame);
    assert.ok(!frame.includes('\x1b'), 'escape sequences in a frame for a file');
  });

  await t.test('alerts', async () => {
    assert.deepEqual(JSON.parse(await observe('alerts', '-o', 'json')).alerts, []);
  });

  await t.test('check refuses to answer from a look of a moment', async () => {
    const { code, stderr } = await wsbpf(['check', '--socket', socket]);
    assert.equal(code, 1);
    assert.match(stderr, /no daemon/);
  });
});
