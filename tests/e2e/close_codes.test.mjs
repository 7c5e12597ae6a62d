// How WebSockets end: every code that may be sent, those that may not, and ends without a Close.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { closeFrame, OPCODE } from './lib/frames.mjs';
import { createNetns, vanisher } from './lib/netns.mjs';
import { startClients } from './lib/processes.mjs';
import { startRaw } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';
import { closedOf, explain, shows, startWebSockets, websocketMetric } from './lib/websockets.mjs';

const TIMEOUT = { timeout: 120_000 };
const FLAGS = ['--sweep', '500ms'];

// RFC 6455 section 7.4 and what has been registered since; undefined: a Close without a code.
const MAY_BE_SENT = [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014],
  ...[3000, 4999, undefined],
];
const MAY_NOT = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535];
const NO_CODE = 1005;
const ABNORMAL = 1006;

const label = (code) => {
  if (code >= 1000 && code <= 1015) return code;
  if (code >= 3000 && code <= 4999) return `${Math.floor(code / 1000)}xxx`;
  return 'other';
};

const codesMetric = (daemon, port, code, initiator) =>
  websocketMetric(daemon, port, 'close_codes_total', { code, ...(initiator && { initiator }) });

test('each code that may be sent, from both sides', TIMEOUT, async (t) => {
  const sockets = await startWebSockets(t);
  const daemon = await startDaemon(t, ['--port', sockets.port, ...FLAGS]);
  const by = { client: 'remote', server: 'local' };
  await Promise.all(
    MAY_BE_SENT.flatMap((code) =>
      Object.keys(by).map(async (first) => {
        const ends = await sockets.open();
        const closed = Promise.all([once(ends.client, 'close'), once(ends.server, 'close')]);
        ends[first].close(code);
        await closed;
        const event = await closedOf(daemon, ends.clientPort);
        const told = `${code} from the ${first}`;
        assert.deepEqual([event.verdict, event.initiator], ['clean', by[first]], told);
        const { websocket } = event.connection;
        assert.equal(websocket.close_code, code ?? NO_CODE, told);
        assert.equal(websocket.close_code_received, code ?? NO_CODE, told);
        assert.equal(websocket.close_code_sent, code ?? NO_CODE, told);
        assert.equal(websocket.violations, 0, told);
        assert.equal(event.evidence.websocket.first_close, by[first], told);
        assert.equal(event.evidence.websocket.read_to_the_end, true, told);
      }),
    ),
  );
  await until(async () => {
    for (const initiator of Object.values(by)) {
      const metric = (code) => codesMetric(daemon, sockets.port, code, initiator);
      for (const code of MAY_BE_SENT) assert.equal(await metric(label(code ?? NO_CODE)), 1, code);
      assert.equal(await metric(ABNORMAL), 0);
    }
    const all = await websocketMetric(daemon, sockets.port, 'close_codes_total');
    assert.equal(all, 2 * MAY_BE_SENT.length);
    assert.equal(await websocketMetric(daemon, sockets.port, 'violations_total'), 0);
  });
});

test('codes that may not stand in a frame are violations', TIMEOUT, async (t) => {
  const raw = await startRaw(t);
  const daemon = await startDaemon(t, ['--port', raw.port, ...FLAGS]);
  const frames = MAY_NOT.map((code) => ({ code: code || NO_CODE, from: 'client', sent: code }));
  frames.push(...MAY_NOT.map((code) => ({ code: code || NO_CODE, from: 'server', sent: code })));
  for (const { code, from, sent } of frames) {
    const connection = await raw.open();
    await connection.close(from, sent);
    await connection.end(from);
    const event = await closedOf(daemon, connection.clientPort);
    const { websocket } = event.connection;
    const told = `${sent} from the ${from}`;
    assert.equal(websocket.violations, 1, told);
    assert.equal(websocket.close_code, code, told);
    const initiator = from === 'client' ? 'remote' : 'local';
    assert.equal(event.evidence.websocket.first_close, initiator, told);
    assert.equal(event.initiator, initiator, told);
  }
  // One byte is no code.
  for (const from of ['client', 'server']) {
    const connection = await raw.open();
    await connection.frame(from, OPCODE.close, 'x');
    await connection.end(from);
    const { websocket } = (await closedOf(daemon, connection.clientPort)).connection;
    assert.deepEqual([websocket.violations, websocket.close_code], [1, NO_CODE]);
  }
  await until(async () => {
    const violations = await websocketMetric(daemon, raw.port, 'violations_total');
    assert.equal(violations, 2 * MAY_NOT.length + 2);
    for (const code of [1004, 1006, 1015])
      assert.equal(await codesMetric(daemon, raw.port, code), 2, code);
    assert.equal(await codesMetric(daemon, raw.port, NO_CODE), 6);
    assert.equal(await codesMetric(daemon, raw.port, 'other'), 10);
  });
});

// The end was abnormal: 1006 is said, as nothing was missed, and no Close had come.
function isAbnormal(event) {
  const { connection, evidence } = event;
  assert.equal(connection.websocket.close_code, ABNORMAL);
  assert.equal(connection.websocket.close_code_received, null);
  assert.equal(connection.websocket.close_code_sent, null);
  assert.equal(evidence.websocket.first_close, null);
  assert.equal(evidence.websocket.read_to_the_end, true);
}

test('1006: the client is killed', TIMEOUT, async (t) => {
  const sockets = await startWebSockets(t);
  const daemon = await startDaemon(t, ['--port', sockets.port, ...FLAGS]);
  const clients = await startClients(t);
  await clients.call('open', 1, { port: sockets.port });
  const [{ _socket }] = sockets.server.clients;
  const { remotePort } = _socket;
  clients.signal('SIGKILL');
  const event = await closedOf(daemon, remotePort);
  isAbnormal(event);
  assert.deepEqual([event.verdict, event.initiator], ['remote_close', 'remote']);
  assert.equal(event.evidence.websocket.fin_without_close, true);
  await until(async () =>
    assert.equal(await codesMetric(daemon, sockets.port, ABNORMAL, 'remote'), 1),
  );
  const told = await until(async () => {
    const text = await explain(daemon, event.connection.id);
    assert.match(text, /without a Close frame \(1006\)/);
    return text;
  });
  assert.match(told, /onclose says 1006/);
});

for (const [who, verdict, initiator] of [
  ['client', 'peer_reset', 'remote'],
  ['server', 'local_abort', 'local'],
]) {
  test(`1006: the ${who} resets`, TIMEOUT, async (t) => {
    const raw = await startRaw(t);
    const daemon = await startDaemon(t, ['--port', raw.port, ...FLAGS]);
    const connection = await raw.open();
    await connection.frame('client', OPCODE.text, 'hello');
    await connection.frame('server', OPCODE.text, 'hello');
    await connection.call('abort', who);
    const event = await closedOf(daemon, connection.clientPort);
    isAbnormal(event);
    assert.deepEqual([event.verdict, event.initiator], [verdict, initiator]);
    assert.equal(event.evidence.websocket.fin_without_close, false);
    await until(async () =>
      assert.equal(await codesMetric(daemon, raw.port, ABNORMAL, initiator), 1),
    );
  });
}

test('1006: the client vanishes', TIMEOUT, async (t) => {
  const { name: netns } = createNetns();
  const { vanish } = vanisher(netns);
  const raw = await startRaw(t, { netns });
  const daemon = await startDaemon(t, ['--port', raw.port, ...FLAGS]);
  const connection = await raw.open();
  await connection.call('user_timeout', 'server', { ms: 1000 });
  await vanish('gone', raw.port);
  await connection.send('server', Buffer.from([0x81, 0]));
  const event = await closedOf(daemon, connection.clientPort);
  isAbnormal(event);
  assert.deepEqual([event.verdict, event.initiator], ['user_timeout', 'kernel']);
  assert.equal(event.connection.websocket.messages_sent, 1); // however often it was sent
  await until(async () =>
    assert.equal(await codesMetric(daemon, raw.port, ABNORMAL, 'kernel'), 1),
  );
});

test('a Close that is not answered, and one without a FIN', TIMEOUT, async (t) => {
  const raw = await startRaw(t);
  const daemon = await startDaemon(t, ['--port', raw.port, ...FLAGS]);

  await t.test('the server closes at once', async () => {
    const connection = await raw.open();
    await connection.close('client', 1001);
    await connection.end('server');
    const event = await closedOf(daemon, connection.clientPort);
    assert.deepEqual([event.verdict, event.initiator], ['local_close', 'remote']);
    const { websocket } = event.connection;
    assert.equal(websocket.close_code, 1001);
    assert.equal(websocket.close_code_sent, null);
    assert.equal(event.evidence.websocket.first_close, 'remote');
    // Whose FIN was first had sent none.
    assert.equal(event.evidence.websocket.fin_without_close, true);
    assert.match(
      await explain(daemon, event.connection.id),
      /Close 1001 .*from the peer, which\s+our end did not answer/,
    );
  });

  await t.test('the client does', async () => {
    const connection = await raw.open();
    await connection.close('server', 1012);
    await connection.end('client');
    const event = await closedOf(daemon, connection.clientPort);
    assert.deepEqual([event.verdict, event.initiator], ['remote_close', 'local']);
    assert.equal(event.connection.websocket.close_code, 1012);
    assert.equal(event.connection.websocket.close_code_received, null);
  });

  await t.test('Close both ways, and a reset', async () => {
    const connection = await raw.open();
    await connection.close('client', 1000);
    await connection.close('server', 1000);
    await connection.call('abort', 'client');
    const event = await closedOf(daemon, connection.clientPort);
    assert.notEqual(event.verdict, 'clean');
    assert.equal(event.evidence.websocket.close_without_fin, true);
    assert.equal(event.evidence.websocket.fin_without_close, false);
    assert.equal(event.connection.websocket.close_code, 1000);
    assert.equal(event.initiator, 'remote');
  });
});

test('which Close was first, and whether they crossed', TIMEOUT, async (t) => {
  const { name: netns } = createNetns();
  const { vanish, comeBack } = vanisher(netns);
  const raw = await startRaw(t, { netns });
  const daemon = await startDaemon(t, ['--port', raw.port, ...FLAGS]);

  await t.test('an answer does not cross', async () => {
    const connection = await raw.open();
    await connection.close('server', 1001);
    await connection.close('client', 1001);
    await connection.end('server');
    const event = await closedOf(daemon, connection.clientPort);
    assert.deepEqual([event.verdict, event.initiator], ['clean', 'local']);
    assert.equal(event.evidence.websocket.closes_crossed, false);
  });

  await t.test('one is under way when the other is sent', async () => {
    const connection = await raw.open();
    // Nothing reaches the client's port: the server's Close is on its way for as long.
    await vanish('gone', connection.clientPort);
    await connection.send('server', closeFrame(1001));
    await connection.send('client', closeFrame(3000, { masked: true }));
    await shows(daemon, connection.clientPort, {
      phase: 'closing',
      close_code_sent: 1001,
      close_code_received: 3000,
    });
    await comeBack('gone', connection.clientPort);
    await connection.call('receive', 'server', { count: 8 });
    await connection.call('receive', 'client', { count: 4 });
    await connection.end('server');
    const event = await closedOf(daemon, connection.clientPort);
    assert.equal(event.verdict, 'clean');
    assert.equal(event.evidence.websocket.closes_crossed, true);
    assert.equal(event.evidence.websocket.first_close, 'local');
    assert.equal(event.connection.websocket.close_code, 1001);
    assert.equal(event.connection.websocket.close_code_received, 3000);
    assert.equal(event.initiator, 'local');
  });
});
