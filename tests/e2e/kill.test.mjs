// The daemon is killed in the middle of a churn and started again: what was open when it last saved
// its state keeps its age, what has opened since is at least as old as it is seen to be, and a state
// that is no good is refused with one warning.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './lib/daemon.mjs';
import { createNetns } from './lib/netns.mjs';
import { startClients, startServer } from './lib/processes.mjs';
import { ssConnections } from './lib/ss.mjs';
import { until } from './lib/wait.mjs';

const OLD = 40;
const LATER = 20;
const WORKERS = 2;
const KILLS = 20;
const MAX_LIFE_MS = 300; // of those that are killed, once they are ready: they save right away
const MAX_END_MS = 10; // of every second, which is killed while it ends: then they save, too
const AGE_TOLERANCE_MS = 100;
// Its file's time is when the state was written; it was taken a moment before.
const SAVING_MS = 1_000;
const CLOCKS_MS = 100; // by which a file's time may lag

const stateFile = (daemon) => join(daemon.directory, 'state');
const endpoints = ({ local, remote }) =>
  `${local.address}:${local.port} ${remote.address}:${remote.port}`;

// What the log says of the state file.
const complaints = (daemon) => daemon.log.filter((line) => line.includes(stateFile(daemon)));

async function scene(t) {
  const netns = createNetns().name;
  const server = await startServer(t, { netns, mode: 'brief' });
  const clients = await startClients(t, { netns });
  const flags = ['--port', server.port, '--sweep', '1s'];
  const start = (directory) => startDaemon(t, flags, { directory });

  // Within a sweep the daemon's connections are those of ss.
  const agrees = (daemon) =>
    until(async () => {
      const real = await ssConnections(server.port, { netns });
      assert.deepEqual(
        (await daemon.connections()).map((row) => `${row.state} ${endpoints(row)}`).sort(),
        real.map(({ state, local, remote }) => `${state} ${local} ${remote}`).sort(),
      );
    });
  return { server, clients, start, agrees };
}

const openingTimes = (daemon) =>
  new Map(daemon.events('opened').map(({ time, connection }) => [connection.id, Date.parse(time)]));

// By the log's closed lines: { ageSource, openedAt } of each connection.
const endings = (daemon) =>
  new Map(
    daemon.events('closed').map(({ time, connection }) => [
      connection.id,
      {
        ageSource: connection.age_source,
        openedAt: Date.parse(time) - connection.age_seconds * 1000,
      },
    ]),
  );

test('ages outlive kill -9', { timeout: 180_000 }, async (t) => {
  const { server, clients, start, agrees } = await scene(t);
  let daemon = await start();
  await clients.call('open', OLD, { port: server.port });
  await until(() => assert.equal(daemon.events('opened').length, OLD));
  const old = [...openingTimes(daemon).keys()];

  await clients.call('startChurn', WORKERS, { port: server.port });
  const savedAt = () => statSync(stateFile(daemon)).mtimeMs;
  const before = Date.now() + SAVING_MS;
  await until(() => savedAt() > before);
  assert.equal(statSync(stateFile(daemon)).mode & 0o777, 0o600);
  await sleep(2 * CLOCKS_MS);
  await clients.call('open', LATER, { port: server.port });
  const openedLater = Date.now();
  await until(() => Date.parse(daemon.events('opened').at(-1).time) > openedLater);
  await daemon.stop('SIGKILL');
  const saved = savedAt();
  const opened = openingTimes(daemon);

  daemon = await start(daemon.directory);
  assert.deepEqual(complaints(daemon), []);
  await clients.call('stopChurn');
  await agrees(daemon);
  const rows = new Map((await daemon.connections()).map((row) => [row.id, row]));

  await t.test('what was saved is exact', () => {
    for (const id of old) assert.equal(rows.get(id).age_source, 'exact');
    for (const [id, time] of opened) {
      if (rows.has(id) && time < saved - SAVING_MS) assert.equal(rows.get(id).age_source, 'exact');
    }
  });

  await t.test('what opened later is a lower bound', (t) => {
    const later = [...opened].filter(([id, time]) => rows.has(id) && time > saved + CLOCKS_MS);
    for (const [id] of later) assert.equal(rows.get(id).age_source, 'lower_bound');
    t.diagnostic(`${later.length} of ${rows.size}`);
    assert.ok(later.length >= LATER);
  });

  await t.test('a kill at any moment leaves a state that can be read', async (t) => {
    await clients.call('startChurn', WORKERS, { port: server.port });
    for (let i = 0; i < KILLS; ++i) {
      await sleep(Math.random() * MAX_LIFE_MS);
      if (i % 2 === 1) {
        daemon.signal('SIGTERM');
        await sleep(Math.random() * MAX_END_MS);
      }
      await daemon.stop('SIGKILL');
      daemon = await start(daemon.directory);
      assert.deepEqual(complaints(daemon), []);
    }
    await clients.call('stopChurn');
    await agrees(daemon);
    t.diagnostic(`${(await daemon.connections()).length} open`);
  });

  await t.test('and the ages are still right', async () => {
    await clients.call('leave', (await daemon.connections()).length);
    await until(async () => assert.deepEqual(await daemon.connections(), []));
    const ends = endings(daemon);
    for (const id of old) {
      const { ageSource, openedAt } = ends.get(id);
      assert.equal(ageSource, 'exact');
      const error = Math.abs(openedAt - opened.get(id));
      assert.ok(error < AGE_TOLERANCE_MS, `${id} is ${error} ms off`);
    }
    for (const [id, time] of opened) {
      const end = ends.get(id);
      if (end) assert.ok(end.openedAt > time - AGE_TOLERANCE_MS, `${id} is said to be older`);
    }
  });
});

const spoilt = {
  'of another boot': (file) => {
    const [first, ...rest] = readFileSync(file, 'utf8').split('\n');
    const other = first.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    writeFileSync(file, [other, ...rest].join('\n'));
  },
  'cut short': (file) => truncateSync(file, Math.floor(statSync(file).size / 2)),
  'without an end': (file) => truncateSync(file, statSync(file).size - 2),
  'of no bytes': (file) => truncateSync(file, 0),
  garbage: (file) => writeFileSync(file, Buffer.from([0, 255, 10, 10, 128, 32, 10])),
};

for (const [what, spoil] of Object.entries(spoilt)) {
  test(`a state ${what} is refused`, { timeout: 60_000 }, async (t) => {
    const { server, clients, start, agrees } = await scene(t);
    const first = await start();
    await clients.call('open', OLD, { port: server.port });
    await until(() => assert.equal(first.events('opened').length, OLD));
    await until(() => existsSync(stateFile(first))); // the first sweep is over
    await first.stop();
    spoil(stateFile(first));
    const spoiltAt = statSync(stateFile(first)).mtimeMs;

    const daemon = await start(first.directory);
    await agrees(daemon);
    for (const row of await daemon.connections()) assert.equal(row.age_source, 'lower_bound');
    await until(() => statSync(stateFile(daemon)).mtimeMs > spoiltAt);
    assert.equal(statSync(stateFile(daemon)).mode & 0o777, 0o600);
    await daemon.stop();
    assert.equal(complaints(daemon).length, 1, daemon.log.join('\n'));
    assert.deepEqual(complaints(await start(daemon.directory)), []);
  });
}
