// `wsbpf events` and /api/events: what happens, as it happens and from memory.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { getJson } from './lib/http.mjs';
import { freePort } from './lib/ports.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';
import { BINARY, environment } from './lib/wsbpf.mjs';

const COUNT = 3;
const REMEMBERED = 16_384; // events, by the daemon
const MOST_CONNECTIONS = 512; // of one address of the daemon's

// `wsbpf events ARGS…` as a child: { child, lines }.
function follow(t, daemon, ...args) {
  const child = spawn(BINARY, ['events', '--socket', daemon.socket, ...args], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const followed = { child, text: '', errors: '' };
  child.stdout.on('data', (piece) => (followed.text += piece));
  child.stderr.on('data', (piece) => (followed.errors += piece));
  return followed;
}

const linesOf = (text) => text.split('\n').slice(0, -1);
const ofType = (lines, wanted) => lines.filter((line) => JSON.parse(line).type === wanted);

test('events are followed, and read back', { timeout: 180_000 }, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port]);

  const follower = follow(t, daemon, '-o', 'jsonl');
  // Until it listens, nothing tells that it does.
  await until(async () => {
    await clients.call('open', 1, { port: server.port });
    return ofType(linesOf(follower.text), 'opened').length > 0;
  });
  await leak(clients, server, COUNT);

  await t.test('history follows the listeners', async () => {
    await until(async () => {
      const { history } = await daemon.get('/api/history?seconds=60');
      const { close_wait: values } = history.find(({ port }) => port === server.port);
      return values.length === 60 && values.at(-1) === COUNT;
    });
  });

  await server.call('close');

  await t.test('as the event log has them', async () => {
    await until(() => ofType(linesOf(follower.text), 'closed').length === COUNT);
    const logged = linesOf(readFileSync(daemon.eventLog, 'utf8'));
    const followed = linesOf(follower.text).filter((line) => JSON.parse(line).type !== 'lost');
    for (const line of followed) assert.ok(logged.includes(line), line);
  });

  await t.test('as lines for a person', async () => {
    const { code, stdout, stderr } = await daemon.command('events', '--since', '1h', '--no-follow');
    assert.equal(code, 0, stderr);
    const [titles, ...lines] = linesOf(stdout);
    const closed = lines.filter((line) => / {2}closed {2}/.test(line));
    assert.equal(closed.length, COUNT, stdout);
    for (const line of closed) {
      assert.equal(line.indexOf('remote_close'), titles.indexOf('VERDICT'), stdout);
      assert.equal(line.indexOf('remote fin'), titles.indexOf('BY'), stdout);
      assert.match(line, new RegExp(`127\\.0\\.0\\.1:${server.port}`));
      assert.match(line, /^\d\d:\d\d:\d\d\.\d{3} /);
    }
    assert.ok(!stdout.includes('\x1b'), 'colours in a file');
    const colored = await daemon.command('events', '--since=1h', '--no-follow', '--color=always');
    assert.ok(colored.stdout.includes('\x1b[32mremote_close'), colored.stdout);
  });

  await t.test('without a past there is none', async () => {
    const { code, stdout } = await daemon.command('events', '--no-follow', '-o', 'jsonl');
    assert.deepEqual([code, stdout], [0, '']);
  });

  await t.test('what is wrong is said', async () => {
    const { code, stderr } = await daemon.command('events', '--since', 'yesterday');
    assert.equal(code, 2);
    assert.match(stderr, /--since.*yesterday/);
    for (const bad of ['since=1x', 'follow=maybe', 'until=now']) {
      assert.equal((await daemon.getTcp(`/api/events?${bad}`)).status, 400, bad);
    }
  });

  await t.test('peers are redacted on the page', async () => {
    const { disconnects } = await getJson({ port: daemon.port }, '/api/disconnects');
    assert.equal(disconnects.length, COUNT);
    for (const { connection } of disconnects) assert.equal(connection.remote.address, '127.0.0.0');
  });

  await t.test('followers who have left make room', async () => {
    const comeAndGo = async () => {
      const reader = connect(daemon.port, '127.0.0.1').on('error', () => {});
      reader.write('GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n');
      await Promise.race([once(reader, 'data'), once(reader, 'close')]);
      reader.end('x'); // what nobody reads must not hide the end
      if (!reader.closed) await once(reader, 'close');
    };
    for (let round = 0; round < 3; ++round) {
      await Promise.all(Array.from({ length: MOST_CONNECTIONS / 2 }, comeAndGo));
    }
    await until(async () => (await daemon.getTcp('/healthz')).status === 200);
  });

  await t.test('Ctrl-C ends a follower, and the daemon does not mind', async () => {
    follower.child.kill('SIGINT');
    const [, signal] = await once(follower.child, 'exit');
    assert.equal(signal, 'SIGINT');
    assert.equal((await daemon.getTcp('/healthz')).status, 200);
  });

  await t.test('the end of the daemon ends a follower', async () => {
    const last = follow(t, daemon);
    await until(() => last.text.includes('TIME'));
    const exit = once(last.child, 'exit');
    await daemon.stop();
    const [code] = await exit;
    assert.equal(code, 1);
    assert.match(last.errors, /the daemon on .* has ended/);
  });
});

// A reader that stops reading, while more happens than is remembered.
test('a slow reader is told how many events it missed', { timeout: 240_000 }, async (t) => {
  const port = await freePort();
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await once(server.listen({ port, host: '127.0.0.1', backlog: 1024 }), 'listening');
  t.after(() => server.close());
  const daemon = await startDaemon(t, ['--port', port]);

  const reader = connect(daemon.socket);
  t.after(() => reader.destroy());
  reader.write('GET /api/events HTTP/1.0\r\n\r\n'); // an answer without chunks
  let text = '';
  const head = await new Promise((done) => reader.once('data', done));
  text += head;
  reader.pause();

  const visit = async () => {
    const client = connect({ host: '127.0.0.1', port });
    client.on('error', () => {});
    await once(client, 'connect');
    client.resetAndDestroy();
    await once(client, 'close');
  };
  let left = REMEMBERED; // two events each
  const visitor = async () => {
    while (left-- > 0) await visit();
  };
  await Promise.all(Array.from({ length: 32 }, visitor));
  const { events } = await daemon.get('/api/status'); // it answers others meanwhile
  assert.ok(events.opened > 0);

  reader.on('data', (piece) => (text += piece));
  reader.resume();
  const told = () => {
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    return linesOf(body).map((line) => JSON.parse(line));
  };
  const isWhole = () => {
    const lines = told();
    const missed = lines.filter(({ type }) => type === 'missed');
    const sum = missed.reduce((total, { count }) => total + count, 0);
    const shown = lines.length - missed.length;
    return missed.length > 0 && sum + shown >= 2 * REMEMBERED * 0.99 && { sum, shown };
  };
  const { sum, shown } = await until(isWhole, { deadline: 60_000 });
  t.diagnostic(`${shown} events told, ${sum} missed`);
  assert.ok(sum > 0 && shown >= REMEMBERED);
});
