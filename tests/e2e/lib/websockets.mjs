// WebSockets of npm's ws, both ends in the test itself, and what the daemon says of them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { sum } from './metrics.mjs';
import { freePort } from './ports.mjs';
import { until } from './wait.mjs';

// A server of ws: { port, http, server, open(options) }. It answers upgrades when `ready` resolves,
// if that is given; open() resolves to both ends of a new connection, { client, server, clientPort }.
export async function startWebSockets(t, { ready, ...options } = {}) {
  const port = await freePort();
  const web = http.createServer((_, response) => response.end('plain HTTP\n'));
  const server = new WebSocketServer({ noServer: true, ...options });
  const connected = new Set();
  web.on('connection', (socket) => {
    connected.add(socket);
    socket.once('close', () => connected.delete(socket));
  });
  web.on('upgrade', async (request, socket, head) => {
    await ready?.();
    server.handleUpgrade(request, socket, head, (accepted) => {
      accepted.on('error', () => {});
      server.emit('connection', accepted, request);
    });
  });
  web.listen(port, '127.0.0.1');
  await once(web, 'listening');
  t.after(() => {
    web.close();
    for (const socket of connected) socket.destroy();
  });

  async function open(clientOptions) {
    const client = new WebSocket(`ws://127.0.0.1:${port}`, clientOptions);
    client.on('error', () => {});
    await once(client, 'open');
    const clientPort = client._socket.localPort;
    const accepted = [...server.clients].find(
      ({ _socket }) => _socket.remotePort === clientPort,
    );
    return { client, server: accepted, clientPort };
  }
  return { port, http: web, server, open };
}

// The connection whose other end has this port, as the daemon shows it.
export async function rowOf(daemon, clientPort, role = 'server') {
  const end = role === 'server' ? 'remote' : 'local';
  const row = (await daemon.connections()).find(
    (each) => each.role === role && each[end].port === clientPort,
  );
  assert.ok(row, `no connection with port ${clientPort}`);
  return row;
}

// The event of its end.
export function closedOf(daemon, clientPort, role = 'server') {
  const end = role === 'server' ? 'remote' : 'local';
  return until(
    () =>
      daemon
        .events('closed')
        .find(({ connection }) => connection.role === role && connection[end].port === clientPort) ??
      false,
  );
}

// Waits until the live connection shows what `expected` has, in its part `websocket`.
export function shows(daemon, clientPort, expected, role) {
  return until(async () => {
    const row = await rowOf(daemon, clientPort, role);
    assert.ok(row.websocket, row.websocket_unread);
    for (const [name, value] of Object.entries(expected)) {
      assert.equal(row.websocket[name], value, name);
    }
    return row;
  });
}

// What a metric, named without its prefix, counts on the port.
export async function websocketMetric(daemon, port, name, labels = {}) {
  const metrics = await daemon.metrics();
  return sum(metrics, `wsbpf_websocket_${name}`, { port, role: 'server', ...labels });
}

// The exact figures of an explanation for a person.
export async function explain(daemon, id) {
  const { code, stdout, stderr } = await daemon.command('explain', id);
  assert.equal(code, 0, stderr);
  return stdout;
}
