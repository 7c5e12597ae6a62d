// What no WebSocket library would send: the daemon lives, counts it as violations where it is one,
// and says nothing that is not so.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { closeFrame, frame, OPCODE, request, response } from './lib/frames.mjs';
import { startRaw } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';
import { closedOf, explain, rowOf, shows, websocketMetric } from './lib/websockets.mjs';

const TIMEOUT = { timeout: 120_000 };
const FLAGS = ['--sweep', '500ms'];

const LONG_HEAD_BYTES = 64 << 10;
const RANDOM_STREAMS = 30;

async function scene(t) {
  const raw = await startRaw(t);
  const daemon = await startDaemon(t, ['--port', raw.port, ...FLAGS]);
  return { raw, daemon };
}

// An ordinary WebSocket is read as ever.
async function stillReads({ raw, daemon }) {
  const connection = await raw.open();
  await connection.frame('client', OPCODE.text, 'hello');
  await connection.close('client', 1000);
  await connection.close('server', 1000);
  await connection.end('server');
  const event = await closedOf(daemon, connection.clientPort);
  assert.equal(event.verdict, 'clean');
  const { websocket } = event.connection;
  assert.deepEqual([websocket.messages_received, websocket.violations], [1, 0]);
}

test('heads and frames that come byte by byte', TIMEOUT, async (t) => {
  const { raw, daemon } = await scene(t);
  const connection = await raw.connect();
  await connection.passPieces('client', request());
  await shows(daemon, connection.clientPort, { phase: 'upgrading' });
  // The status line is cut at each of its bytes.
  await connection.passPieces('server', response());
  await shows(daemon, connection.clientPort, { phase: 'open', upgrade_status: 101 });
  const masked = { masked: true };
  for (const size of [0, 1, 125, 126, 300])
    await connection.passPieces('client', frame(OPCODE.text, Buffer.alloc(size), masked));
  await connection.passPieces('server', frame(OPCODE.binary, Buffer.alloc(200)));
  await connection.passPieces('server', frame(OPCODE.text, 'long form', { length: 9 })); // not the shortest
  await connection.passPieces('client', frame(OPCODE.ping, 'ping', masked));
  await connection.passPieces('server', frame(OPCODE.pong, 'ping'));
  await connection.passPieces('client', closeFrame(4000, masked));
  await connection.passPieces('server', closeFrame(4000));
  await connection.end('server');
  const { verdict, connection: told } = await closedOf(daemon, connection.clientPort);
  assert.equal(verdict, 'clean');
  assert.deepEqual(told.websocket, {
    ...told.websocket,
    messages_received: 5,
    message_bytes_received: 552,
    messages_sent: 2,
    message_bytes_sent: 209,
    close_code: 4000,
    violations: 1,
    missed_bytes: 0,
  });
  assert.ok(told.websocket.pong_delay_seconds > 0);
});

test('answers and frames in one segment, and a request in many', TIMEOUT, async (t) => {
  const { raw, daemon } = await scene(t);
  const connection = await raw.connect();
  await connection.passPieces('client', request(), 7);
  const frames = Array.from({ length: 100 }, () => frame(OPCODE.text, 'hello'));
  await connection.pass('server', Buffer.concat([Buffer.from(response()), ...frames]));
  await shows(daemon, connection.clientPort, {
    phase: 'open',
    messages_sent: 100,
    message_bytes_sent: 500,
    violations: 0,
  });
});

test('heads of 64 KB', TIMEOUT, async (t) => {
  const { raw, daemon } = await scene(t);
  const long = { Cookie: 'x'.repeat(LONG_HEAD_BYTES) };
  const shapes = {
    'the request': [request(long), response()],
    'the response': [request(), response(long)],
    'no line ends': ['GET /'.padEnd(LONG_HEAD_BYTES, 'x'), 'HTTP/1.1 '.padEnd(LONG_HEAD_BYTES, '1')],
    'many lines': [request().replace('\r\n\r\n', '\r\nA: b'.repeat(10_000) + '\r\n\r\n'), response()],
  };
  for (const [what, [asked, answered]] of Object.entries(shapes)) {
    const connection = await raw.connect();
    await connection.pass('client', asked);
    await connection.pass('server', answered);
    await connection.close('client', 1000);
    await connection.end('client');
    const { connection: told, verdict } = await closedOf(daemon, connection.clientPort);
    assert.equal(verdict, 'remote_close', what);
    if (answered === response()) {
      // The answer alone proves the upgrade, though the request was given up.
      assert.deepEqual([told.websocket?.upgrade_status, told.websocket?.close_code], [101, 1000], what);
    } else {
      // Of what was not read to its end nothing is claimed.
      assert.deepEqual([told.websocket, told.websocket_unread], [null, 'other'], what);
    }
  }
  assert.equal(await websocketMetric(daemon, raw.port, 'upgrades_total'), 2);
  await stillReads({ raw, daemon });
});

const pad = Buffer.alloc(4);
const FROM_CLIENT = { masked: true };

// [from, the bytes, violations, what they count as besides]
const VIOLATIONS = {
  'a reserved opcode': ['client', frame(3, 'data', FROM_CLIENT), 1, {}],
  'a reserved control opcode': ['server', frame(11, 'data'), 1, {}],
  'all opcodes that are reserved': [
    'client',
    Buffer.concat([3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((each) => frame(each, '', FROM_CLIENT))),
    10,
    {},
  ],
  'reserved bits': [
    'server',
    frame(OPCODE.text, 'x', { reserved: 3 }),
    1,
    { messages_sent: 1, message_bytes_sent: 1 },
  ],
  'RSV1 without an extension': [
    'client',
    frame(OPCODE.text, 'x', { ...FROM_CLIENT, reserved: 4 }),
    1,
    { messages_received: 1, message_bytes_received: 1 },
  ],
  'a frame without a mask from the client': [
    'client',
    frame(OPCODE.text, 'hello'),
    1,
    { messages_received: 1, message_bytes_received: 5 },
  ],
  'a mask from the server': [
    'server',
    frame(OPCODE.text, 'hello', { masked: true }),
    1,
    { messages_sent: 1, message_bytes_sent: 5 },
  ],
  'a ping of 126 bytes': ['client', frame(OPCODE.ping, Buffer.alloc(126), FROM_CLIENT), 1, {}],
  'a ping in fragments': ['server', frame(OPCODE.ping, 'x', { final: false }), 1, {}],
  'a continuation of nothing': [
    'client',
    frame(OPCODE.continuation, 'x', FROM_CLIENT),
    1,
    { messages_received: 1, message_bytes_received: 1 },
  ],
  'a message in a message': [
    'server',
    Buffer.concat([frame(OPCODE.text, 'a', { final: false }), frame(OPCODE.text, 'b')]),
    1,
    { messages_sent: 1, message_bytes_sent: 2 },
  ],
  'a length that is not the shortest': [
    'client',
    frame(OPCODE.text, 'hello', { ...FROM_CLIENT, length: 5 }),
    1,
    { messages_received: 1, message_bytes_received: 5 },
  ],
  'frames of no length': [
    'server',
    Buffer.concat(Array.from({ length: 1000 }, () => frame(OPCODE.text))),
    0,
    { messages_sent: 1000, message_bytes_sent: 0 },
  ],
};

test('violations are counted, and what follows is in step', TIMEOUT, async (t) => {
  const { raw, daemon } = await scene(t);
  let all = 0;
  for (const [what, [from, bytes, violations, counts]] of Object.entries(VIOLATIONS)) {
    await t.test(what, async () => {
      const connection = await raw.open();
      const { clientPort } = connection;
      await connection.pass(from, bytes);
      const messages = { messages_received: 0, messages_sent: 0, ...counts };
      await connection.frame('client', OPCODE.text, 'next');
      await connection.frame('server', OPCODE.text, 'next');
      const { websocket } = await shows(daemon, clientPort, {
        violations,
        missed_bytes: 0,
        messages_received: messages.messages_received + 1,
        messages_sent: messages.messages_sent + 1,
      });
      for (const [end, seen] of [
        ['received', websocket.message_bytes_received],
        ['sent', websocket.message_bytes_sent],
      ])
        assert.equal(seen, (counts[`message_bytes_${end}`] ?? 0) + 'next'.length);
      assert.equal(websocket.phase, 'open');
      await connection.end(from);
      const event = await closedOf(daemon, clientPort);
      assert.equal(event.evidence.websocket.violations, violations);
      assert.equal(event.connection.websocket.close_code, 1006);
    });
    all += violations;
  }
  assert.equal(await websocketMetric(daemon, raw.port, 'violations_total'), all);
});

test('a Close that is too long, and what comes behind a Close', TIMEOUT, async (t) => {
  const { raw, daemon } = await scene(t);
  const connection = await raw.open();
  await connection.frame('client', OPCODE.close, Buffer.alloc(126));
  await shows(daemon, connection.clientPort, { phase: 'closing', violations: 1 });
  await connection.frame('client', OPCODE.text, 'more');
  await connection.close('client', 1000); // a second one
  await shows(daemon, connection.clientPort, { violations: 3, close_code_received: 1005 });
});

for (const length of [2n ** 63n, 2n ** 64n - 1n]) {
  test(`a length of ${length}`, TIMEOUT, async (t) => {
    const { raw, daemon } = await scene(t);
    const connection = await raw.open();
    await connection.frame('client', OPCODE.text, 'before');
    await connection.pass('client', frame(OPCODE.binary, pad, { ...FROM_CLIENT, length }));
    await until(async () => {
      const { websocket, websocket_unread: unread } = await rowOf(daemon, connection.clientPort);
      assert.equal(unread, 'desynced');
      assert.deepEqual([websocket.messages_received, websocket.message_bytes_received], [1, 6]);
      assert.equal(websocket.violations, 1);
    });
    await connection.end('client');
    const event = await closedOf(daemon, connection.clientPort);
    assert.equal(event.connection.websocket.close_code, null); // 1006 would be a guess
    assert.equal(event.evidence.websocket.read_to_the_end, false);
    await stillReads({ raw, daemon });
  });
}

test('a frame of nearly 2^63 bytes of which few come', TIMEOUT, async (t) => {
  const { raw, daemon } = await scene(t);
  const connection = await raw.open();
  const length = 2n ** 63n - 1n;
  await connection.pass('server', frame(OPCODE.binary, pad, { length }));
  await connection.pass('server', closeFrame(1000)); // that is payload
  await connection.end('server');
  const event = await closedOf(daemon, connection.clientPort);
  const { websocket } = event.connection;
  assert.equal(websocket.close_code_sent, null);
  // Announced is not sent: no message is whole, and of its bytes count those that have passed.
  assert.equal(websocket.messages_sent, 0);
  assert.equal(websocket.message_bytes_sent, pad.length + closeFrame(1000).length);
  await explain(daemon, event.connection.id);
  await stillReads({ raw, daemon });
});

test('random bytes behind a handshake, and in its place', TIMEOUT, async (t) => {
  const { raw, daemon } = await scene(t);
  const streams = [];
  for (let i = 0; i < RANDOM_STREAMS; ++i) {
    const upgraded = i % 2 === 1;
    const connection = upgraded ? await raw.open() : await raw.connect();
    for (let piece = 0; piece < 5; ++piece) {
      const size = 1 + Math.floor(Math.random() * 3000);
      await connection.pass(piece % 2 ? 'server' : 'client', randomBytes(size));
    }
    await connection.end(i % 4 < 2 ? 'client' : 'server');
    streams.push({ upgraded, clientPort: connection.clientPort });
  }
  for (const { upgraded, clientPort } of streams) {
    const { connection: told, verdict } = await closedOf(daemon, clientPort);
    assert.match(verdict, /^(remote_close|local_close|clean)$/);
    if (upgraded) assert.equal(told.websocket.upgrade_status, 101);
    else assert.equal(told.websocket, null, told.websocket_unread);
  }
  await stillReads({ raw, daemon });
  assert.equal(daemon.ended, false);
});
