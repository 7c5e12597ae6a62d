// Ports that are found by what their listeners answer, and what takes that away. Other servers of
// this machine may be found meanwhile: nothing is said here of ports that are not ours.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { withoutCgroupRoot } from './lib/cgroup.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { diesWithUs } from './lib/exit.mjs';
import { get } from './lib/http.mjs';
import { freePort } from './lib/ports.mjs';
import { startClients, startServer } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';
import { temporaryDirectory, wsbpf } from './lib/wsbpf.mjs';

const TIMEOUT = { timeout: 120_000 };
const USAGE = 2;

// TLS without certificates.
const TLS = { ciphers: 'PSK', maxVersion: 'TLSv1.2' };
const KEY = Buffer.alloc(16, 'k');

const open = (clients, { port }, count = 1) => clients.call('open', count, { port });

const statusOf = (daemon) => daemon.get('/api/status');

async function connectionsTo(daemon, { port }) {
  return (await daemon.connections()).filter(({ local }) => local.port === port);
}

const isDiscovered = (daemon, { port }) =>
  until(async () => assert.ok((await statusOf(daemon)).discovered_ports.includes(port)));

async function listen(t, server) {
  server.listen(await freePort(), '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address();
}

// One that knows no WebSockets, and is asked for one.
async function visitPlainServer(t) {
  const address = await listen(
    t,
    http.createServer((_, response) => response.end('HTTP/1.1 101 Switching Protocols\r\n')),
  );
  for (const headers of [{}, { Connection: 'Upgrade', Upgrade: 'websocket' }]) {
    const { status } = await get({ port: address.port, headers }, '/');
    assert.equal(status, 200);
  }
  return address;
}

async function visitTlsServer(t) {
  const server = https.createServer({ ...TLS, pskCallback: () => KEY });
  new WebSocketServer({ server });
  const address = await listen(t, server);
  const client = new WebSocket(`wss://127.0.0.1:${address.port}`, {
    ...TLS,
    pskCallback: () => ({ psk: KEY, identity: 'a client' }),
    checkServerIdentity: () => undefined,
  });
  t.after(() => client.terminate());
  await once(client, 'open');
  return address;
}

test('--port auto finds those that answer an upgrade, and no others', TIMEOUT, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  await open(clients, server, 2); // older than the daemon
  const daemon = await startDaemon(t, ['--port', 'auto']);
  const before = await statusOf(daemon);
  assert.equal(before.discovery, true);
  assert.match(before.ports, /^(.+,)?auto$/);
  assert.ok(!before.discovered_ports.includes(server.port));

  const others = [await visitPlainServer(t), await visitTlsServer(t)];
  await open(clients, server);
  await isDiscovered(daemon, server);
  // What was there already, what was discovered by, and what comes afterwards.
  await until(async () => assert.equal((await connectionsTo(daemon, server)).length, 3));
  await open(clients, server, 3);
  await until(async () => {
    const connections = await connectionsTo(daemon, server);
    assert.equal(connections.length, 6);
    const exact = connections.filter(({ age_source }) => age_source === 'exact');
    assert.equal(exact.length, 3);
  });
  await until(async () => {
    assert.equal((await daemon.listener(server.port))?.owners[0]?.pid, server.pid);
  });

  await clients.call('reset', 6);
  await until(() => {
    const closed = daemon.events('closed').filter(({ connection }) => {
      return connection.local.port === server.port;
    });
    assert.equal(closed.length, 6);
    return true;
  });

  const { discovered_ports: found, ports } = await statusOf(daemon);
  for (const { port } of others) assert.ok(!found.includes(port), port);
  assert.ok(`${ports}`.split(',').some((part) => covers(part, server.port)), ports);
  const told = daemon.log.filter((line) => line.includes(`watching port ${server.port}:`));
  assert.equal(told.length, 1, told.join('\n'));
});

// Whether "8080" or "8080-8090" holds the port.
function covers(part, port) {
  const [first, last = first] = part.split('-').map(Number);
  return first <= port && port <= last;
}

test('with other ports, through reloads', TIMEOUT, async (t) => {
  const [named, found, late] = [await startServer(t), await startServer(t), await startServer(t)];
  const clients = await startClients(t);
  const file = join(temporaryDirectory(), 'wsbpf.toml');
  const configure = (...ports) => writeFileSync(file, `port = ${JSON.stringify(ports)}\n`);
  configure(named.port, 'auto');
  await open(clients, named);
  const daemon = await startDaemon(t, ['--config', file]);
  const reload = async (...ports) => {
    const reloads = () => daemon.log.filter((line) => line.includes('reloaded')).length;
    const before = reloads();
    configure(...ports);
    daemon.signal('SIGHUP');
    await until(() => reloads() > before);
  };
  const holds = (server, count) =>
    until(async () => assert.equal((await connectionsTo(daemon, server)).length, count));

  await holds(named, 1);
  await open(clients, found);
  await isDiscovered(daemon, found);
  await holds(found, 1);
  assert.ok(!(await statusOf(daemon)).discovered_ports.includes(named.port));

  await t.test('what was found stays while auto does', async () => {
    await reload('auto');
    await holds(named, 0);
    await holds(found, 1);
    await open(clients, found);
    await holds(found, 2);
  });

  await t.test('without auto it goes, and nothing more is found', async () => {
    await reload(named.port);
    await holds(found, 0);
    await open(clients, late);
    await open(clients, found);
    await open(clients, named); // comes after them, and so do its records
    await holds(named, 2);
    const { discovery, discovered_ports, ports } = await statusOf(daemon);
    assert.deepEqual([discovery, discovered_ports], [false, []]);
    assert.equal(ports, String(named.port));
  });

  await t.test('with auto again it is found again, by an upgrade', async () => {
    await reload(named.port, 'auto');
    assert.ok(!(await statusOf(daemon)).discovered_ports.includes(found.port));
    await open(clients, found);
    await isDiscovered(daemon, found);
    await holds(found, 4);
  });
});

test('a recording of a port that was not watched yet', TIMEOUT, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', 'auto']);
  const file = join(daemon.directory, 'a.rec');
  const recorded = daemon.command('record', file, '--duration', '6s');
  await until(async () => (await daemon.getTcp('/readyz')).status === 200);
  await open(clients, server);
  await isDiscovered(daemon, server);
  await until(async () => assert.equal((await connectionsTo(daemon, server)).length, 1));
  await clients.call('reset', 1);
  assert.equal((await recorded).code, 0);
  const { code, stdout, stderr } = await wsbpf(['replay', file, '--speed', 'max']);
  assert.equal(code, 0, stderr);
  const events = stdout.trimEnd().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const closed = events.filter(
    ({ type, connection }) => type === 'closed' && connection.local.port === server.port,
  );
  assert.equal(closed.length, 1, stdout);
});

test('--no-websocket', TIMEOUT, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const file = join(temporaryDirectory(), 'wsbpf.toml');
  const configure = (off) => writeFileSync(file, `port = ${server.port}\nno-websocket = ${off}\n`);
  configure(true);
  const daemon = await startDaemon(t, ['--config', file]);
  await open(clients, server);
  await until(async () => {
    const [connection] = await connectionsTo(daemon, server);
    assert.deepEqual([connection.websocket, connection.websocket_unread], [null, 'off']);
  });
  const { websocket, reasons } = await statusOf(daemon);
  assert.equal(websocket.enabled, false);
  assert.match(websocket.reason, /--no-websocket/);
  assert.ok(!reasons.some((reason) => /WebSocket/.test(reason)), reasons.join('; ')); // as asked for

  configure(false);
  daemon.signal('SIGHUP');
  await until(() => daemon.log.some((line) => /no-websocket.*restart/.test(line)));
  assert.equal((await statusOf(daemon)).websocket.enabled, false);
});

for (const command of [['run'], ['list', '--socket', '/nowhere.sock']]) {
  test(`${command[0]}: --port auto and --no-websocket exclude each other`, TIMEOUT, async () => {
    const { code, stderr } = await wsbpf([...command, '--port', '1,auto', '--no-websocket']);
    assert.equal(code, USAGE, stderr);
    assert.match(stderr, /--port auto .*--no-websocket/);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
  });
}

test('without the cgroup root TCP remains, and that is said', TIMEOUT, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  // It does not pass signals on, nor end by SIGTERM itself.
  const wrapper = [...diesWithUs('KILL'), ...withoutCgroupRoot];
  let daemon;
  t.after(() => daemon?.signal('SIGKILL'));
  daemon = await startDaemon(t, ['--port', `${server.port},auto`], { wrapper });
  await open(clients, server, 2);
  await until(async () => assert.equal((await connectionsTo(daemon, server)).length, 2));
  for (const { websocket_unread } of await connectionsTo(daemon, server)) {
    assert.equal(websocket_unread, 'off');
  }
  const { websocket } = await statusOf(daemon);
  assert.equal(websocket.enabled, false);
  assert.match(websocket.reason, /cgroup v2/);
  const { body, status } = await daemon.getTcp('/readyz');
  assert.equal(status, 200);
  assert.match(body, /^degraded/);
  assert.match(body, /WebSockets are not read.*mount -t cgroup2/);
  assert.match(body, /no ports can be discovered/);
  for (const told of [/WebSockets are not read \(/, /no ports can be discovered: WebSockets/]) {
    assert.equal(daemon.log.filter((line) => told.test(line)).length, 1, String(told));
  }
});
