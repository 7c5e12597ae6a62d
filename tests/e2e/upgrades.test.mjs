// Handshakes, live: behind nginx with the right configuration and with wrong ones, refused, never
// answered, and those of a browser.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { startBrowser } from './lib/browser.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { startNginx } from './lib/nginx.mjs';
import { freePort } from './lib/ports.mjs';
import { until } from './lib/wait.mjs';
import { closedOf, explain, shows, startWebSockets, websocketMetric } from './lib/websockets.mjs';

const TIMEOUT = { timeout: 120_000 };
const FLAGS = ['--sweep', '500ms'];

const GIVE_UP_MS = 1000;

const PASS = ['proxy_http_version 1.1', 'proxy_set_header Upgrade $http_upgrade'];
const PASS_CONNECTION = 'proxy_set_header Connection "upgrade"';

const upgradesMetric = (daemon, port, status) =>
  websocketMetric(daemon, port, 'upgrades_total', { status });

// The closed events of connections to this port.
const endsAt = (daemon, port) =>
  daemon.events('closed').filter(({ connection }) => connection.local.port === port);

// Asks for a WebSocket and resolves to the status of the answer; null: there was none in time.
async function ask(port, path, handshakeTimeout = GIVE_UP_MS) {
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { handshakeTimeout });
  const refused = new Promise((resolve) => {
    client.on('unexpected-response', (request, response) => {
      resolve(response.statusCode);
      request.destroy();
    });
    client.on('error', () => resolve(null));
  });
  const opened = new Promise((resolve) => client.on('open', () => resolve(client)));
  return Promise.race([refused, opened]);
}

test('nginx passes the upgrade on', TIMEOUT, async (t) => {
  const backend = await startWebSockets(t);
  const pass = `proxy_pass http://127.0.0.1:${backend.port}`;
  const port = await startNginx(t, { '/right': [pass, ...PASS, PASS_CONNECTION] });
  const daemon = await startDaemon(t, ['--port', `${backend.port},${port}`, ...FLAGS]);
  const client = await ask(port, '/right');
  assert.ok(client instanceof WebSocket);
  const [server] = backend.server.clients;
  const closed = Promise.all([once(client, 'close'), once(server, 'close')]);
  const received = once(client, 'message');
  server.send('hello');
  await received;
  client.close(1000);
  await closed;
  for (const each of [port, backend.port]) {
    const [event] = await until(() => {
      const ends = endsAt(daemon, each).filter(({ evidence }) => evidence.websocket);
      assert.equal(ends.length, 1);
      return ends;
    });
    const { websocket } = event.connection;
    assert.equal(event.verdict, 'clean');
    assert.deepEqual(
      [websocket.upgrade_status, websocket.upgrade_stripped, websocket.close_code],
      [101, false, 1000],
    );
    assert.equal(websocket.messages_sent, 1);
    assert.equal(websocket.violations, 0);
    await until(async () => assert.equal(await upgradesMetric(daemon, each, 101), 1));
    assert.equal(await websocketMetric(daemon, each, 'stripped_upgrades_total'), 0);
  }
});

const WRONG = {
  'without the headers': { lines: ['proxy_http_version 1.1'], flaw: /lacked `Upgrade: websocket`/ },
  'without Upgrade': {
    lines: ['proxy_http_version 1.1', PASS_CONNECTION],
    flaw: /lacked `Upgrade: websocket`/,
  },
  'with HTTP/1.0': {
    lines: ['proxy_http_version 1.0', PASS[1], PASS_CONNECTION],
    flaw: /came as HTTP\/1\.0/,
  },
  'with nothing': { lines: [], flaw: /came as HTTP\/1\.0/ },
};

for (const [how, { lines, flaw }] of Object.entries(WRONG)) {
  test(`nginx ${how} strips the upgrade`, TIMEOUT, async (t) => {
    const backend = await startWebSockets(t);
    // As ws itself does where it has the port for itself.
    backend.http.removeAllListeners('request');
    const refuse = (_, response) => response.writeHead(426).end();
    backend.http.on('request', refuse);
    backend.http.removeAllListeners('upgrade');
    backend.http.on('upgrade', (request, socket) =>
      socket.end('HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\n'),
    );
    const pass = `proxy_pass http://127.0.0.1:${backend.port}`;
    const port = await startNginx(t, { '/wrong': [pass, ...lines] });
    const daemon = await startDaemon(t, ['--port', backend.port, ...FLAGS]);
    assert.equal(await ask(port, '/wrong'), 426);
    const event = await until(() => endsAt(daemon, backend.port)[0] ?? false);
    assert.equal(event.verdict, 'upgrade_failed');
    const { websocket } = event.connection;
    assert.deepEqual(
      [websocket.phase, websocket.upgrade_status, websocket.upgrade_stripped],
      ['rejected', 426, true],
    );
    assert.equal(event.evidence.websocket.upgrade_stripped, true);
    await until(async () => {
      assert.equal(await upgradesMetric(daemon, backend.port, 426), 1);
      assert.equal(await websocketMetric(daemon, backend.port, 'stripped_upgrades_total'), 1);
    });
    const told = await until(async () => {
      const text = await explain(daemon, event.connection.id);
      assert.match(text, /upgrade_failed/);
      return text.replaceAll(/\s+/g, ' ');
    });
    assert.match(told, flaw);
    for (const line of [
      'proxy_http_version 1.1;',
      'proxy_set_header Upgrade $http_upgrade;',
      'proxy_set_header Connection "upgrade";',
    ])
      assert.ok(told.includes(line), told);
  });
}

// A server that answers upgrades by the status that the path names, or /never.
async function startRefusing(t) {
  const server = http.createServer();
  server.on('upgrade', ({ url }, socket) => {
    const status = url.slice(1);
    socket.resume().on('end', () => socket.end());
    if (status === 'never') return;
    socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  });
  server.listen(await freePort(), '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return server.address().port;
}

test('refusals are counted by their status', TIMEOUT, async (t) => {
  const STATUSES = [400, 401, 403, 404, 426, 502];
  const OTHERS = { 302: '3xx', 418: '4xx', 599: '5xx' };
  const port = await startRefusing(t);
  // nginx has no backend for one of its paths, and answers for itself on the other.
  const proxy = await startNginx(t, {
    '/502': [`proxy_pass http://127.0.0.1:${await freePort()}`, ...PASS, PASS_CONNECTION],
    '/403': ['return 403'],
  });
  const daemon = await startDaemon(t, ['--port', `${port},${proxy}`, ...FLAGS]);

  for (const status of [...STATUSES, ...Object.keys(OTHERS)])
    assert.equal(await ask(port, `/${status}`), Number(status));
  assert.equal(await ask(port, '/never'), null);
  for (const status of [502, 403]) assert.equal(await ask(proxy, `/${status}`), status);

  const count = STATUSES.length + Object.keys(OTHERS).length + 1;
  await until(() => assert.equal(endsAt(daemon, port).length, count));
  for (const { verdict, connection } of endsAt(daemon, port)) {
    assert.equal(verdict, 'upgrade_failed', connection.websocket.upgrade_status);
    assert.equal(connection.websocket.phase, 'rejected');
    assert.equal(connection.websocket.upgrade_stripped, false);
    assert.equal(connection.websocket.close_code, null);
  }
  await until(async () => {
    for (const status of [...STATUSES, ...Object.values(OTHERS), 'no_response'])
      assert.equal(await upgradesMetric(daemon, port, status), 1, status);
    assert.equal(await websocketMetric(daemon, port, 'upgrades_total'), count);
    assert.equal(await websocketMetric(daemon, port, 'close_codes_total'), 0);
    for (const status of [502, 403])
      assert.equal(await upgradesMetric(daemon, proxy, status), 1, status);
  });
  const never = endsAt(daemon, port).find(
    ({ connection }) => connection.websocket.upgrade_status === null,
  );
  const told = await until(async () => {
    const text = await explain(daemon, never.connection.id);
    assert.match(text, /upgrade_failed/);
    return text;
  });
  assert.match(told, /upgrade_requested/);
  assert.doesNotMatch(told, /upgrade_answered/);
});

test('who asks for ten seconds has met a timeout', TIMEOUT, async (t) => {
  const port = await startRefusing(t);
  const daemon = await startDaemon(t, ['--port', port, ...FLAGS]);
  assert.equal(await ask(port, '/never', 10_500), null);
  const event = await until(() => endsAt(daemon, port)[0] ?? false);
  assert.equal(event.verdict, 'upgrade_failed');
  await until(async () => assert.equal(await upgradesMetric(daemon, port, 'timeout'), 1));
});

test('Chromium', TIMEOUT, async (t) => {
  const perMessageDeflate = { threshold: 0 };
  const sockets = await startWebSockets(t, { perMessageDeflate });
  const daemon = await startDaemon(t, ['--port', sockets.port, ...FLAGS]);
  sockets.server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  const browser = await startBrowser(t);
  const open = async () => {
    const page = await browser.newPage();
    const connected = once(sockets.server, 'connection');
    await page.goto(`http://127.0.0.1:${sockets.port}/`);
    await page.evaluate(async (url) => {
      window.socket = new WebSocket(url);
      await new Promise((resolve) => (window.socket.onopen = resolve));
    }, `ws://127.0.0.1:${sockets.port}`);
    const [server] = await connected;
    assert.equal(server.extensions, 'permessage-deflate');
    await page.evaluate(async () => {
      for (let i = 0; i < 5; ++i) {
        window.socket.send('from a page');
        await new Promise((resolve) => (window.socket.onmessage = resolve));
      }
    });
    const clientPort = server._socket.remotePort;
    await shows(daemon, clientPort, {
      phase: 'open',
      upgrade_status: 101,
      messages_received: 5,
      messages_sent: 5,
      violations: 0,
      missed_bytes: 0,
    });
    return { page, clientPort };
  };

  const leaves = {
    1000: (page) => page.evaluate(() => window.socket.close(1000)),
    4242: (page) => page.evaluate(() => window.socket.close(4242, 'a reason')),
    1001: (page) => page.close(),
  };
  for (const [code, leave] of Object.entries(leaves)) {
    const { page, clientPort } = await open();
    await leave(page);
    const event = await closedOf(daemon, clientPort);
    assert.equal(event.connection.websocket.close_code, Number(code));
    assert.equal(event.evidence.websocket.first_close, 'remote');
    assert.equal(event.initiator, 'remote');
    // Of a page that is gone the socket may be, too, before the server's FIN arrives.
    if (code !== '1001') assert.equal(event.verdict, 'clean');
    assert.equal(event.connection.websocket.violations, 0);
  }
});
