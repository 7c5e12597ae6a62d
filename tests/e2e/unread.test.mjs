// What is not read says so: TLS, HTTP/2, other protocols, what began before the daemon did, and
// everything with --no-websocket.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { bpfObjects, bpfObjectsOf } from './lib/bpf.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { frame, OPCODE, request } from './lib/frames.mjs';
import { freePort } from './lib/ports.mjs';
import { startRaw } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';
import { closedOf, rowOf, shows, startWebSockets, websocketMetric } from './lib/websockets.mjs';

const TIMEOUT = { timeout: 120_000 };
const FLAGS = ['--sweep', '500ms'];

// TLS without certificates.
const TLS = { ciphers: 'PSK', maxVersion: 'TLSv1.2' };
const KEY = Buffer.alloc(16, 'k');

async function listen(t, server) {
  server.listen(await freePort(), '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return server.address().port;
}

// Each resolves to [the server's port, the client's], with a connection under way.
const UNREAD = {
  async tls(t) {
    const server = https.createServer({ ...TLS, pskCallback: () => KEY });
    new WebSocketServer({ server });
    const port = await listen(t, server);
    const client = new WebSocket(`wss://127.0.0.1:${port}`, {
      ...TLS,
      pskCallback: () => ({ psk: KEY, identity: 'a client' }),
      checkServerIdentity: () => undefined,
    });
    t.after(() => client.terminate());
    await once(client, 'open');
    client.send('unseen');
    return [port, client._socket.localPort];
  },

  // With prior knowledge.
  async http2(t) {
    const server = http2.createServer((_, response) => response.end('hello'));
    const port = await listen(t, server);
    const session = http2.connect(`http://127.0.0.1:${port}`);
    t.after(() => session.destroy());
    const stream = session.request({ ':path': '/' });
    await once(stream.resume(), 'end');
    return [port, session.socket.localPort];
  },

  async other(t) {
    const server = http.createServer((_, response) => response.end('hello'));
    const port = await listen(t, server);
    const agent = new http.Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const sent = http.get({ port, host: '127.0.0.1', agent });
    const [response] = await once(sent, 'response');
    await once(response.resume(), 'end');
    return [port, response.socket?.localPort ?? sent.socket.localPort];
  },
};

async function isUnread(daemon, port, clientPort, reason) {
  await until(async () => {
    const row = await rowOf(daemon, clientPort);
    assert.deepEqual([row.websocket, row.websocket_unread], [null, reason]);
  });
  await until(async () => {
    const metric = (name, labels) => websocketMetric(daemon, port, name, labels);
    assert.equal(await metric('unread_connections', { reason }), 1);
    assert.equal(await metric('unread_connections'), 1);
    assert.equal(await metric('connections'), 0);
    assert.equal(await metric('messages_total'), 0);
  });
}

for (const [reason, start] of Object.entries(UNREAD)) {
  test(reason, TIMEOUT, async (t) => {
    // The ports of all tests: the daemon must be there before the connection is.
    const daemon = await startDaemon(t, ['--port', '10000-32000', ...FLAGS]);
    const [port, clientPort] = await start(t);
    await isUnread(daemon, port, clientPort, reason);
  });
}

test('random bytes', TIMEOUT, async (t) => {
  const raw = await startRaw(t);
  const daemon = await startDaemon(t, ['--port', raw.port, ...FLAGS]);
  const connection = await raw.connect();
  await connection.pass('client', Buffer.from('8f3ac1d20945e7b16610fedc', 'hex'));
  await connection.pass('server', Buffer.from('00ff13572468ace0', 'hex'));
  await isUnread(daemon, raw.port, connection.clientPort, 'other');
  await connection.end('client');
  const event = await closedOf(daemon, connection.clientPort);
  assert.deepEqual([event.connection.websocket, event.evidence.websocket], [null, null]);
  assert.equal(event.verdict, 'remote_close');
});

test('HTTP, and then an upgrade on the same connection', TIMEOUT, async (t) => {
  const sockets = await startWebSockets(t);
  const daemon = await startDaemon(t, ['--port', sockets.port, ...FLAGS]);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  let clientPort;
  for (let i = 0; i < 2; ++i) {
    const sent = http.get({ port: sockets.port, host: '127.0.0.1', agent });
    const [response] = await once(sent, 'response');
    clientPort = sent.socket.localPort;
    await once(response.resume(), 'end');
  }
  await isUnread(daemon, sockets.port, clientPort, 'other');
  const client = new WebSocket(`ws://127.0.0.1:${sockets.port}`, { agent });
  await once(client, 'open');
  assert.equal(client._socket.localPort, clientPort);
  client.send('hello');
  await shows(daemon, clientPort, { phase: 'open', upgrade_status: 101, messages_received: 1 });
  assert.equal((await rowOf(daemon, clientPort)).websocket_unread, null);
  const [server] = sockets.server.clients;
  const closed = Promise.all([once(client, 'close'), once(server, 'close')]);
  client.close(1000);
  await closed;
  const event = await closedOf(daemon, clientPort);
  assert.deepEqual([event.verdict, event.connection.websocket.close_code], ['clean', 1000]);
});

test('one that is older than the daemon proves itself', TIMEOUT, async (t) => {
  const sockets = await startWebSockets(t);
  const { client, server, clientPort } = await sockets.open();
  const plain = http.get({
    port: sockets.port,
    host: '127.0.0.1',
    agent: new http.Agent({ keepAlive: true }),
  });
  t.after(() => plain.destroy());
  await once(plain, 'response');
  const daemon = await startDaemon(t, ['--port', sockets.port, ...FLAGS]);
  const all = { phase: 'unknown', messages_received: null, close_code: null, violations: null };
  await shows(daemon, clientPort, all);
  await shows(daemon, plain.socket.localPort, all);
  await until(async () => {
    const unknown = { phase: 'unknown' };
    assert.equal(await websocketMetric(daemon, sockets.port, 'connections', unknown), 2);
  });

  const exchange = async () => {
    const received = once(server, 'message');
    client.send('hello');
    await received;
    const answered = once(client, 'message');
    server.send('hello');
    await answered;
  };
  await until(async () => {
    await exchange();
    const { websocket } = await rowOf(daemon, clientPort);
    assert.deepEqual([websocket.phase, websocket.upgrade_status], ['open', null]);
  });
  // Each direction has proven itself, and from then on every message counts.
  const { websocket: before } = await until(async () => {
    await exchange();
    const row = await rowOf(daemon, clientPort);
    assert.ok(row.websocket.messages_received > 1 && row.websocket.messages_sent > 1);
    return row;
  });
  await shows(daemon, plain.socket.localPort, all);
  const counts = async () => {
    const { websocket } = await rowOf(daemon, clientPort);
    return [websocket.messages_received, websocket.messages_sent];
  };
  const settled = await until(async () => {
    const first = await counts();
    await new Promise((resolve) => setTimeout(resolve, 1200)); // more than a sweep
    assert.deepEqual(await counts(), first);
    return first;
  });
  assert.ok(settled[0] >= before.messages_received);
  for (let i = 0; i < 10; ++i) await exchange();
  await shows(daemon, clientPort, {
    messages_received: settled[0] + 10,
    messages_sent: settled[1] + 10,
    violations: 0,
  });

  const closed = Promise.all([once(client, 'close'), once(server, 'close')]);
  client.close(3001);
  await closed;
  const event = await closedOf(daemon, clientPort);
  assert.deepEqual([event.verdict, event.connection.websocket.close_code], ['clean', 3001]);
});

test('a 1006 is not said of one whose bytes were not all read', TIMEOUT, async (t) => {
  const raw = await startRaw(t);
  const connection = await raw.open();
  const daemon = await startDaemon(t, ['--port', raw.port, ...FLAGS]);
  await until(() => rowOf(daemon, connection.clientPort));
  for (let i = 0; i < 3; ++i) await connection.frame('client', OPCODE.text, 'hello');
  await shows(daemon, connection.clientPort, { phase: 'open' });
  await connection.end('client');
  const event = await closedOf(daemon, connection.clientPort);
  assert.equal(event.connection.websocket.close_code, null);
  assert.equal(event.verdict, 'remote_close');
  await until(async () => {
    const labels = { code: 'none', initiator: 'remote' };
    assert.equal(await websocketMetric(daemon, raw.port, 'close_codes_total', labels), 1);
  });
});

test('--no-websocket attaches nothing, and nothing outlives the daemon', TIMEOUT, async (t) => {
  const raw = await startRaw(t);
  const programsOf = (daemon) => {
    const programs = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show']));
    const own = bpfObjectsOf(daemon.pid);
    return programs.filter(({ id }) => own.has(`prog ${id}`)).map(({ name, type }) => [name, type]);
  };
  const reading = (daemon) => programsOf(daemon).filter(([, type]) => type === 'cgroup_skb');

  const off = await startDaemon(t, ['--port', raw.port, '--no-websocket', ...FLAGS]);
  const connection = await raw.open();
  await connection.frame('client', OPCODE.text, 'hello');
  await until(async () => {
    const row = await rowOf(off, connection.clientPort);
    assert.deepEqual([row.websocket, row.websocket_unread], [null, 'off']);
  });
  await until(async () => {
    const metric = (name, labels) => websocketMetric(off, raw.port, name, labels);
    assert.equal(await metric('unread_connections', { reason: 'off' }), 1);
    assert.equal(await metric('connections'), 0);
  });
  assert.deepEqual(reading(off), []);
  assert.ok(programsOf(off).length > 0);
  await off.stop();

  const on = await startDaemon(t, ['--port', raw.port, ...FLAGS]);
  assert.deepEqual(reading(on).map(([name]) => name).sort(), ['websocket_in', 'websocket_out']);
  const own = bpfObjectsOf(on.pid);
  assert.ok(own.size > 0);
  await on.stop('SIGKILL'); // whatever happens to it
  await until(async () => {
    const left = await bpfObjects();
    assert.deepEqual([...own].filter((each) => left.has(each)), []);
  });
});

test('a request without an end is upgrading, and not more', TIMEOUT, async (t) => {
  const raw = await startRaw(t);
  const daemon = await startDaemon(t, ['--port', raw.port, ...FLAGS]);
  const connection = await raw.connect();
  const whole = request();
  await connection.pass('client', whole.slice(0, -2));
  await shows(daemon, connection.clientPort, { phase: 'none' });
  await connection.pass('client', whole.slice(-2));
  await shows(daemon, connection.clientPort, { phase: 'upgrading' });
  await connection.pass('server', frame(OPCODE.text, 'no answer'));
  await connection.end('client');
  const event = await closedOf(daemon, connection.clientPort);
  assert.notEqual(event.connection.websocket?.phase, 'open');
  assert.equal(event.connection.websocket?.close_code ?? null, null);
});
