// The configuration file, what beats it, and SIGHUP.
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { countBy } from './lib/ss.mjs';
import { alertFires } from './lib/truth.mjs';
import { until } from './lib/wait.mjs';
import { temporaryDirectory } from './lib/wsbpf.mjs';

const LEAKED = 10;

// Starts two servers with a leak each and writes the configuration file by the returned function.
async function prepare(t) {
  const [first, second] = [await startServer(t), await startServer(t)];
  const clients = await startClients(t);
  for (const server of [first, second]) await leak(clients, server, LEAKED);
  const directory = temporaryDirectory();
  const file = join(directory, 'wsbpf.toml');
  const configure = (settings) => {
    const entries = Object.entries({ 'close-wait-for': '500ms', ...settings });
    const lines = entries.map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
    writeFileSync(file, lines.join(''));
  };
  return { first, second, directory, file, configure };
}

async function watches(daemon, { port }) {
  await until(async () => {
    const ports = countBy(await daemon.connections(), ({ local }) => local.port);
    assert.deepEqual(ports, { [port]: LEAKED });
  });
}

test('SIGHUP reloads the file and reopens the event log', { timeout: 120_000 }, async (t) => {
  const { first, second, directory, file, configure } = await prepare(t);
  configure({ port: String(first.port), 'close-wait-threshold': LEAKED });
  const daemon = await startDaemon(t, ['--config', file], { directory });
  await watches(daemon, first);

  await t.test('ports', async () => {
    configure({ port: String(second.port), 'close-wait-threshold': LEAKED });
    daemon.signal('SIGHUP');
    await watches(daemon, second);
    assert.deepEqual(await daemon.firingOfListeners(), []);
  });

  await t.test('a bad file changes nothing', async () => {
    const before = daemon.log.length;
    configure({ port: '70000', 'close-wait-threshold': 1 });
    daemon.signal('SIGHUP');
    await until(() =>
      daemon.log.slice(before).some((line) => /error/i.test(line) && line.includes('70000')),
    );
    await watches(daemon, second);
    assert.deepEqual(await daemon.firingOfListeners(), []);
  });

  await t.test('threshold and event log', async () => {
    renameSync(daemon.eventLog, `${daemon.eventLog}.1`);
    configure({ port: String(second.port), 'close-wait-threshold': LEAKED - 1 });
    daemon.signal('SIGHUP');
    assert.equal((await alertFires(daemon, second, LEAKED)).threshold, LEAKED - 1);
    await until(() => daemon.alertEvents().some(({ alert }) => alert.state === 'firing'));
  });
});

test('a flag beats the environment, which beats the file', { timeout: 120_000 }, async (t) => {
  const { first: server, file, configure } = await prepare(t);
  configure({ port: String(server.port), 'close-wait-threshold': 5 });
  const flags = ['--config', file];
  const env = { WSBPF_CLOSE_WAIT_THRESHOLD: '6' };

  for (const [threshold, daemon] of [
    [5, await startDaemon(t, flags)],
    [6, await startDaemon(t, flags, { env })],
    [7, await startDaemon(t, [...flags, '--close-wait-threshold', 7], { env })],
  ]) {
    assert.equal((await alertFires(daemon, server, LEAKED)).threshold, threshold);
  }
});
