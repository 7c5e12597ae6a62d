// What is recorded gives, replayed, the event log's own lines: twice the same, on any machine.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { createNetns } from './lib/netns.mjs';
import { leak, startClients, startPairs, startServer } from './lib/processes.mjs';
import { replay, startRecording } from './lib/recording.mjs';
import { alertFires } from './lib/truth.mjs';
import { throughout, until } from './lib/wait.mjs';
import { BINARY, environment, temporaryDirectory, wsbpf } from './lib/wsbpf.mjs';

const LEAKED = 12;
const OLD = 5;
const ANSWER_MS = 1_000;
const MIB = 1 << 20;
const BACKLOG = 64 * MIB;

// How each of pairs.mjs's ends, and the verdict that it is given.
const verdicts = {
  client_fin: 'remote_close',
  server_fin: 'local_close',
  client_reset: 'peer_reset',
  server_reset: 'local_abort',
  unread: 'unread_data_reset',
  reset_after_fin: 'reset_after_fin',
};
const endings = Object.keys(verdicts);

const netns = createNetns().name; // where every port is ours
let nextPort = 34_000;
const plansOf = (count) =>
  Array.from({ length: count }, (_, i) => ({
    localPort: nextPort++,
    up: 1_000,
    down: 500,
    ms: 20,
    ending: endings[i % endings.length],
  }));

const logLines = (daemon) =>
  existsSync(daemon.eventLog) ? readFileSync(daemon.eventLog, 'utf8').split('\n').slice(0, -1) : [];

const parse = (lines) => lines.map((line) => JSON.parse(line));
const countOf = (lines, wanted) => parse(lines).filter(({ type }) => type === wanted).length;

// Both are lines; tells of the first that differs, not of all.
function assertSameLines(actual, expected) {
  const at = actual.findIndex((line, i) => line !== expected[i]);
  if (at >= 0) assert.equal(actual[at], expected[at], `line ${at}`);
  assert.equal(actual.length, expected.length);
}

async function sweeps(daemon) {
  return (await daemon.get('/api/status')).sweep.count;
}

// Waits until a sweep is over that began after now.
async function nextSweep(daemon) {
  const before = await sweeps(daemon);
  await until(async () => (await sweeps(daemon)) >= before + 2);
}

// Lives through `count` connections of `pairs`, and waits for their verdicts.
async function liveThrough(daemon, pairs, count) {
  const before = countOf(logLines(daemon), 'closed');
  await pairs.call('live', plansOf(count), count);
  await until(() => countOf(logLines(daemon), 'closed') >= before + count);
}

test('a recording gives the lines of the event log again', { timeout: 240_000 }, async (t) => {
  const pairs = await startPairs(t, { netns });
  const server = await startServer(t, { netns });
  const clients = await startClients(t, { netns });
  const daemon = await startDaemon(t, [
    ...['--port', `${pairs.port},${server.port}`, '--sweep', '1s'],
    ...['--close-wait-threshold', LEAKED - 1, '--close-wait-for', '1s'],
  ]);
  await clients.call('open', OLD, { host: '127.0.0.1', port: server.port });
  await until(() => countOf(logLines(daemon), 'opened') === OLD);

  const before = logLines(daemon).length;
  const recording = await startRecording(t, ['--socket', daemon.socket]);
  await nextSweep(daemon);
  await liveThrough(daemon, pairs, 6 * endings.length);
  await clients.call('leave', OLD);
  await leak(clients, server, LEAKED - OLD);
  await alertFires(daemon, server, LEAKED);
  await server.call('close');
  const all = OLD + 6 * endings.length + LEAKED - OLD;
  await until(() => countOf(logLines(daemon), 'closed') === all);
  await until(() => daemon.alertEvents().some(({ alert }) => alert.state === 'resolved'));
  const ended = await recording.stop();

  const logged = logLines(daemon).slice(before);
  const first = await replay(recording.file);

  await t.test('Ctrl-C ends it', () => {
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /bytes in .* s: replay them with `wsbpf replay/);
    assert.equal(statSync(recording.file).mode & 0o777, 0o600);
  });

  await t.test('the lines are the same', () => {
    assert.equal(first.code, 0, first.stderr);
    assertSameLines(first.lines, logged);
    const closed = parse(first.lines).filter(({ type }) => type === 'closed');
    const wanted = new Set([...Object.values(verdicts), 'remote_close']);
    assert.deepEqual(new Set(closed.map(({ verdict }) => verdict)), wanted);
    const old = closed.filter(({ connection }) => connection.local.port === server.port);
    assert.ok(old.every(({ connection }) => connection.age_source === 'exact'));
  });

  await t.test('twice the same bytes', async () => {
    assertSameLines((await replay(recording.file)).lines, first.lines);
  });

  await t.test('as nobody, with other settings, on other clocks', async () => {
    const readable = join(temporaryDirectory(), 'recording');
    chmodSync(join(readable, '..'), 0o755);
    writeFileSync(readable, readFileSync(recording.file));
    const nobody = ['setpriv', '--reuid', 65534, '--regid', 65534, '--clear-groups'].map(String);
    const replayed = await replay(readable, [], {
      wrapper: nobody,
      env: { TZ: 'Pacific/Chatham', LC_ALL: 'C' },
    });
    assert.equal(replayed.stderr.includes('replayed in'), true, replayed.stderr);
    assert.equal(replayed.stdout, first.stdout);
    const refused = await replay(recording.file, [], { wrapper: nobody });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Permission denied/);
  });

  await t.test('faster than it was', async () => {
    const start = performance.now();
    const { stdout } = await wsbpf(['replay', recording.file, '--speed', '20']);
    assert.equal(stdout, first.stdout);
    assert.ok(performance.now() - start > 500);
  });

  await t.test('what if the threshold were another', async () => {
    const alerts = (lines) => parse(lines).filter(({ type }) => type === 'alert');
    const others = (lines) => parse(lines).filter(({ type }) => type !== 'alert');
    assert.ok(alerts(first.lines).some(({ alert }) => alert.state === 'firing'));
    const higher = await replay(recording.file, ['--close-wait-threshold', LEAKED]);
    assert.deepEqual(alerts(higher.lines), []);
    assert.deepEqual(others(higher.lines), others(first.lines));
    const firing = (lines) => alerts(lines).find(({ alert }) => alert.state === 'firing').time;
    const sooner = await replay(recording.file, ['--close-wait-for', '1ms']);
    assert.ok(firing(sooner.lines) < firing(first.lines));
    const lower = await replay(recording.file, ['--close-wait-threshold', 2]);
    assert.ok(firing(lower.lines) <= firing(first.lines));
  });

  await t.test('damage, and what is newer', async () => {
    const bytes = readFileSync(recording.file);
    const other = join(temporaryDirectory(), 'other');
    const replayOf = (content) => {
      writeFileSync(other, content);
      return replay(other);
    };
    const flipped = Buffer.from(bytes);
    flipped[Math.floor(bytes.length / 2)] ^= 1;
    const damaged = await replayOf(flipped);
    assert.equal(damaged.code, 1);
    assert.match(damaged.stderr, /damaged after \d+ frames: what came before it is above/);
    assert.deepEqual(damaged.lines, first.lines.slice(0, damaged.lines.length));
    const short = await replayOf(bytes.subarray(0, -1));
    assert.equal(short.code, 1);
    assert.match(short.stderr, /cut short/);
    assert.equal(short.stdout, first.stdout);
    const newer = await replayOf(Buffer.concat([Buffer.from('wsbpf-recording 2\n'), bytes]));
    assert.equal(newer.code, 1);
    assert.match(newer.stderr, /format '2', and this wsbpf reads format 1/);
    const none = await replay(BINARY);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /no recording/);
  });

  await t.test('out of a pipe', async () => {
    const line = `"${BINARY}" replay - --speed max < "${recording.file}"`;
    const stdout = execFileSync('sh', ['-c', line], { env: environment(), stdio: [0, 'pipe', 2] });
    assert.equal(stdout.toString(), first.stdout);
  });

  await t.test('onto a disk that is full', () => {
    const line = `"${BINARY}" replay "${recording.file}" --speed max > /dev/full`;
    assert.throws(() => execFileSync('sh', ['-c', line], { env: environment(), stdio: 'pipe' }), {
      status: 1,
    });
  });
});

test('other ports while it records', { timeout: 120_000 }, async (t) => {
  const [first, second] = [await startPairs(t, { netns }), await startPairs(t, { netns })];
  const config = join(temporaryDirectory(), 'wsbpf.toml');
  const configure = ({ port }) => writeFileSync(config, `port = [${port}]\n`);
  configure(first);
  const daemon = await startDaemon(t, ['--config', config, '--sweep', '1s']);
  const recording = await startRecording(t, ['--socket', daemon.socket]);
  await nextSweep(daemon); // which finds the listeners
  await liveThrough(daemon, first, 6);
  configure(second);
  daemon.signal('SIGHUP');
  await until(async () => (await daemon.get('/api/status')).ports === String(second.port));
  await first.call('live', plansOf(6), 6);
  await nextSweep(daemon);
  await liveThrough(daemon, second, 6);
  assert.equal((await recording.stop()).code, 0);
  const replayed = await replay(recording.file);
  assert.equal(replayed.code, 0, replayed.stderr);
  assertSameLines(replayed.lines, logLines(daemon));
  const closed = parse(replayed.lines).filter(({ type }) => type === 'closed');
  assert.deepEqual(
    closed.map(({ connection }) => connection.local.port),
    [...Array(6).fill(first.port), ...Array(6).fill(second.port)],
  );
});

test('by itself, for a time', { timeout: 120_000 }, async (t) => {
  const pairs = await startPairs(t, { netns });
  const socket = join(temporaryDirectory(), 'none.sock');
  const start = performance.now();
  const flags = ['--socket', socket, '--port', pairs.port, '--duration', '6s'];
  const recording = await startRecording(t, flags);
  const plans = plansOf(6);
  await pairs.call('live', plans, 6);
  const { code, stderr } = await recording.end();
  assert.equal(code, 0, stderr);
  assert.match(stderr, /no daemon answers/);
  assert.ok(performance.now() - start > 6_000);
  const replayed = await replay(recording.file);
  assert.equal(replayed.code, 0, replayed.stderr);
  const given = parse(replayed.lines)
    .filter(({ type }) => type === 'closed')
    .map(({ connection, verdict }) => [connection.remote.port, verdict]);
  const wanted = plans.map(({ localPort, ending }) => [localPort, verdicts[ending]]);
  assert.deepEqual(given.sort(), wanted.sort());
});

test('what cannot be recorded', { timeout: 120_000 }, async (t) => {
  const { port } = await startPairs(t, { netns });
  const daemon = await startDaemon(t, ['--port', port]);
  const directory = temporaryDirectory();

  await t.test('into a file that exists', async () => {
    const file = join(directory, 'kept');
    writeFileSync(file, 'kept');
    const { code, stderr } = await daemon.command('record', file);
    assert.equal(code, 1);
    assert.match(stderr, /exists: name a new file/);
    assert.equal(readFileSync(file, 'utf8'), 'kept');
  });

  await t.test('into a folder that is not there', async () => {
    const { code, stderr } = await daemon.command('record', join(directory, 'no', 'file'));
    assert.equal(code, 1);
    assert.match(stderr, /cannot write .*No such file/);
  });

  await t.test('onto a disk that is full', async () => {
    const line = `"${BINARY}" record - --socket "${daemon.socket}" > /dev/full`;
    const child = spawn('sh', ['-c', line], {
      env: environment(),
      stdio: ['ignore', 2, 'pipe'],
      timeout: 30_000,
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 1);
    assert.match(stderr, /cannot write -: No space left on device/);
  });

  await t.test('for a time that is none', async () => {
    const { code } = await daemon.command('record', join(directory, 'x'), '--duration', 'soon');
    assert.equal(code, 2);
  });

  await t.test('with a daemon that is killed', async () => {
    const recording = await startRecording(t, ['--socket', daemon.socket]);
    await nextSweep(daemon);
    await daemon.stop('SIGKILL');
    const { code, stderr } = await recording.end();
    assert.equal(code, 1);
    assert.match(stderr, /the daemon ended the recording: .*cut short/);
    const replayed = await replay(recording.file);
    assert.equal(replayed.code, 1);
    assert.match(replayed.stderr, /cut short after \d+ frames/);
  });
});

test('whoever reads slowly holds up nobody', { timeout: 120_000 }, async (t) => {
  const pairs = await startPairs(t, { netns });
  const daemon = await startDaemon(t, ['--port', pairs.port]);
  const resident = () => {
    const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) * 1024;
  };
  const recording = await startRecording(t, ['--socket', daemon.socket]);
  await nextSweep(daemon);
  const before = resident();
  recording.signal('SIGSTOP');
  const done = liveThrough(daemon, pairs, 60);
  await throughout(5_000, async () => {
    const start = performance.now();
    await daemon.get('/api/status');
    assert.ok(performance.now() - start < ANSWER_MS);
  });
  await done;
  assert.ok(resident() - before < BACKLOG);
  recording.signal('SIGCONT');
  assert.equal((await recording.stop()).code, 0);
  const replayed = await replay(recording.file);
  assert.equal(replayed.code, 0, replayed.stderr);
  assertSameLines(replayed.lines, logLines(daemon));
});
