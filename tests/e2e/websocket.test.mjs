// WebSockets of npm's ws, live: phases, counts, pings, and how they end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { startDaemon } from './lib/daemon.mjs';
import { until } from './lib/wait.mjs';
import {
  closedOf,
  explain,
  rowOf,
  shows,
  startWebSockets,
  websocketMetric,
} from './lib/websockets.mjs';

const TIMEOUT = { timeout: 120_000 };
const FLAGS = ['--sweep', '500ms'];

const PINGS = 5;
const PONG_DELAY_MS = 150; // pings within 100 ms of each other are measured as one
const CLIENT_HEADER_BYTES = 6; // of a short frame
const SERVER_HEADER_BYTES = 2;

const bothClose = (one, other) => Promise.all([once(one, 'close'), once(other, 'close')]);

test('every phase is seen', TIMEOUT, async (t) => {
  let answer;
  const ready = new Promise((resolve) => (answer = resolve));
  const sockets = await startWebSockets(t, { ready: () => ready });
  const daemon = await startDaemon(t, ['--port', sockets.port, ...FLAGS]);

  const socket = connect(sockets.port, '127.0.0.1');
  await once(socket, 'connect');
  const clientPort = socket.localPort;
  const { id } = await shows(daemon, clientPort, { phase: 'none', messages_received: null });
  const listed = async (phase) => {
    const { code, stdout } = await daemon.command('list', 'phase', phase, '-o', 'json');
    assert.equal(code, 0);
    return JSON.parse(stdout).connections.map((connection) => connection.id);
  };
  const counted = async (phase) => {
    assert.deepEqual(await listed(phase), [id]);
    assert.equal(await websocketMetric(daemon, sockets.port, 'connections', { phase }), 1);
    assert.equal(await websocketMetric(daemon, sockets.port, 'connections'), 1);
  };
  await until(() => counted('none'));

  const client = new WebSocket(`ws://127.0.0.1:${sockets.port}`, {
    createConnection: () => socket,
  });
  await shows(daemon, clientPort, { phase: 'upgrading', upgrade_status: null, close_code: null });
  await until(() => counted('upgrading'));

  const accepted = once(sockets.server, 'connection');
  answer();
  const [server] = await accepted;
  await once(client, 'open');
  await shows(daemon, clientPort, {
    phase: 'open',
    upgrade_status: 101,
    upgrade_stripped: false,
    violations: 0,
  });
  await until(() => counted('open'));

  server.pause(); // reads no Close, and so answers none
  client.close(4321);
  await shows(daemon, clientPort, {
    phase: 'closing',
    close_code: 4321,
    close_code_received: 4321,
    close_code_sent: null,
  });
  await until(() => counted('closing'));
  assert.deepEqual(await listed('open'), []);

  const closed = bothClose(client, server);
  server.resume();
  await closed;
  const { verdict, initiator, connection } = await closedOf(daemon, clientPort);
  assert.deepEqual([verdict, initiator], ['clean', 'remote']);
  assert.equal(connection.websocket.phase, 'ended');
  assert.equal(connection.websocket.close_code_sent, 4321);
  await until(async () => {
    const labels = { code: '4xxx', initiator: 'remote' };
    assert.equal(await websocketMetric(daemon, sockets.port, 'close_codes_total', labels), 1);
    assert.equal(
      await websocketMetric(daemon, sockets.port, 'upgrades_total', { status: 101 }),
      1,
    );
  });
});

for (const first of ['client', 'server']) {
  test(`messages, and a Close from the ${first}`, TIMEOUT, async (t) => {
    const sockets = await startWebSockets(t);
    const daemon = await startDaemon(t, ['--port', sockets.port, '--role', 'both', ...FLAGS]);
    const ends = await sockets.open();
    const { client, server, clientPort } = ends;

    // 3 messages of 12 bytes from the client, one of them in three frames.
    client.send('one');
    client.send('tw', { fin: false });
    client.send('', { fin: false });
    client.ping(); // may come in the midst of a message
    client.send('o', { fin: true });
    client.send(Buffer.from('binary'), { binary: true });
    // 4 from the server, with lengths of each form, and an empty one.
    const sizes = [0, 125, 126, 70_000];
    for (const size of sizes) server.send(Buffer.alloc(size));
    const bytes = sizes.reduce((sum, size) => sum + size);
    const seen = {
      messages_received: 3,
      message_bytes_received: 12,
      messages_sent: 4,
      message_bytes_sent: bytes,
      average_message_bytes: Math.round((bytes + 12) / 7),
      violations: 0,
      missed_bytes: 0,
    };
    const { id } = await shows(daemon, clientPort, seen);
    await shows(daemon, clientPort, {
      messages_sent: 3,
      message_bytes_sent: 12,
      messages_received: 4,
      message_bytes_received: bytes,
      phase: 'open',
      violations: 0,
    }, 'client');

    const frames = (await explain(daemon, id)).split('LAST FRAMES')[1].split('EVIDENCE')[0];
    for (const line of [/received +binary +6 bytes/, /received +ping/, /sent +binary +70000 bytes/])
      assert.match(frames, line);
    const listed = (await daemon.command('list', '-o', 'wide', 'phase', 'open')).stdout;
    const [titles, ...rows] = listed.trimEnd().split('\n');
    assert.match(titles, /WS +MSG-IN +MSG-OUT/);
    assert.equal(rows.length, 2);
    assert.match(listed, / open +3 +4 /);
    assert.match(listed, / open +4 +3 /);

    const closed = bothClose(client, server);
    ends[first].close(1000, 'enough');
    await closed;
    const event = await closedOf(daemon, clientPort);
    const [initiator, firstClose] = first === 'client' ? ['remote', 'remote'] : ['local', 'local'];
    assert.deepEqual([event.verdict, event.initiator], ['clean', initiator]);
    assert.deepEqual(event.evidence.websocket, {
      ...event.evidence.websocket,
      first_close: firstClose,
      close_code_received: 1000,
      close_code_sent: 1000,
      closes_crossed: false,
      read_to_the_end: true,
      fin_without_close: false,
      close_without_fin: false,
      upgrade_status: 101,
      violations: 0,
      missed_bytes: 0,
    });
    for (const [name, value] of Object.entries(seen))
      assert.equal(event.connection.websocket[name], value, name);
    const other = await closedOf(daemon, clientPort, 'client');
    assert.deepEqual(
      [other.verdict, other.initiator],
      ['clean', initiator === 'local' ? 'remote' : 'local'],
    );

    const metric = (name, labels) => websocketMetric(daemon, sockets.port, name, labels);
    await until(async () => {
      assert.equal(await metric('messages_total', { direction: 'received' }), 3);
      assert.equal(await metric('messages_total', { direction: 'sent' }), 4);
      assert.equal(await metric('message_bytes_total', { direction: 'received' }), 12);
      assert.equal(await metric('message_bytes_total', { direction: 'sent' }), bytes);
      assert.equal(await metric('close_codes_total', { code: 1000, initiator }), 1);
      assert.equal(await metric('violations_total'), 0);
    });
    const told = (await daemon.command('events', '--no-follow', '--since', '5m')).stdout;
    assert.match(told, new RegExp(`closed +clean +${initiator} fin .*code 1000`));
    const explained = await explain(daemon, id);
    for (const what of ['upgrade_requested', 'upgrade_answered', 'close_received', 'close_sent'])
      assert.match(explained, new RegExp(`^ .* ${what} `, 'm'));
    assert.match(explained, /answered 101 \(Switching Protocols\)/);
    assert.match(explained, /received +close +8 bytes/);
    assert.match(explained, /sent +close +\d+ bytes/);
  });
}

test('permessage-deflate hides neither opcodes nor lengths', TIMEOUT, async (t) => {
  const COUNT = 50;
  const perMessageDeflate = { threshold: 0 };
  const sockets = await startWebSockets(t, { perMessageDeflate });
  const daemon = await startDaemon(t, ['--port', sockets.port, ...FLAGS]);
  const { client, server, clientPort } = await sockets.open({ perMessageDeflate });
  assert.equal(client.extensions, 'permessage-deflate');
  const before = { client: client._socket.bytesWritten, server: server._socket.bytesWritten };
  const received = new Promise((resolve) => {
    let count = 0;
    server.on('message', (data) => {
      server.send(data);
      if (++count === COUNT) resolve();
    });
  });
  for (let i = 0; i < COUNT; ++i) client.send('again and '.repeat(100));
  await received;
  await until(() => assert.equal(server.bufferedAmount, 0));
  const onWire = (end, name) => end._socket.bytesWritten - before[name];
  await shows(daemon, clientPort, {
    messages_received: COUNT,
    messages_sent: COUNT,
    message_bytes_received: onWire(client, 'client') - COUNT * CLIENT_HEADER_BYTES,
    message_bytes_sent: onWire(server, 'server') - COUNT * SERVER_HEADER_BYTES,
    violations: 0,
    missed_bytes: 0,
  });
  const closed = bothClose(client, server);
  client.close(3999);
  await closed;
  const { verdict, connection } = await closedOf(daemon, clientPort);
  assert.deepEqual([verdict, connection.websocket.close_code], ['clean', 3999]);
});

// What a peer measured in its own process, in ms, against seconds.
function isNear(seconds, own_ms) {
  const off = Math.abs(seconds * 1000 - own_ms);
  return off < 1 || off < own_ms / 10;
}

// Pings from one end and pongs of the other, late: [what was measured there, what is shown] in ms.
async function measure(asking, answering, shown) {
  const measured = [];
  answering.on('ping', async (data) => {
    await sleep(PONG_DELAY_MS);
    answering.pong(data);
  });
  for (let i = 0; i < PINGS; ++i) {
    const start = performance.now();
    asking.ping(`ping ${i}`);
    await once(asking, 'pong');
    const own = performance.now() - start;
    const seconds = await until(async () => (await shown(own)) ?? false);
    measured.push([own, seconds]);
  }
  return measured;
}

for (const [who, field] of [
  ['server', 'ping_rtt_seconds'],
  ['client', 'pong_delay_seconds'],
]) {
  test(`the ${who}'s pings are measured`, TIMEOUT, async (t) => {
    const sockets = await startWebSockets(t, { autoPong: false });
    const daemon = await startDaemon(t, ['--port', sockets.port, ...FLAGS]);
    const { client, server, clientPort } = await sockets.open({ autoPong: false });
    const [asking, answering] = who === 'server' ? [server, client] : [client, server];
    let last = null;
    const measured = await measure(asking, answering, async () => {
      const { websocket } = await rowOf(daemon, clientPort);
      if (websocket[field] === null || websocket[field] === last) return null;
      return (last = websocket[field]);
    });
    t.diagnostic(measured.map(([own, seconds]) => `${own.toFixed(2)}/${seconds * 1000}`).join(' '));
    for (const [own, seconds] of measured) {
      // A packet comes before the event of it, however busy the process is.
      assert.ok(seconds * 1000 < own + 1, `${seconds} s, ${own} ms`);
    }
    const near = measured.filter(([own, seconds]) => isNear(seconds, own));
    assert.ok(near.length > PINGS / 2, measured.join('; '));
    // The histogram is of the way to the peer and back: of our own pings.
    const observed = who === 'server' ? PINGS : 0;
    await until(async () => {
      assert.equal(
        await websocketMetric(daemon, sockets.port, 'ping_rtt_seconds_count'),
        observed,
      );
    });
    const { websocket } = await rowOf(daemon, clientPort);
    const asked = who === 'server' ? 'sent' : 'received';
    const other = who === 'server' ? 'received' : 'sent';
    assert.ok(websocket[`last_ping_${asked}_seconds`] >= 0);
    assert.equal(websocket[`last_ping_${other}_seconds`], null);
    assert.equal(websocket.messages_received + websocket.messages_sent, 0);
  });
}
