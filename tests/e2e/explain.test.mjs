// One connection explained, while it lives and after it has ended: what is said is what was done.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { startEnds } from './lib/ends.mjs';
import { createNetns, vanisher } from './lib/netns.mjs';
import { freePort } from './lib/ports.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';
import { temporaryDirectory, wsbpf } from './lib/wsbpf.mjs';

const TIMEOUT = { timeout: 200_000 };

const words = ({ timeline }) => timeline.map(({ what }) => what);
const value = ({ evidence }, wanted) => evidence.find(({ name }) => name === wanted)?.value;
const json = async (daemon, id) => {
  const { code, stdout, stderr } = await daemon.command('explain', id, '-o', 'json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
};

// What holds of every explanation.
function isSound(explanation) {
  const { summary, timeline, advice, evidence } = explanation;
  assert.match(summary, /^[A-Z].*\.$/);
  assert.ok(advice.length > 0 && evidence.length > 0);
  assert.equal(timeline[0].what, 'opened');
  const times = timeline.map(({ time }) => Date.parse(time));
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  for (const { seconds_ago } of timeline) assert.ok(seconds_ago >= 0);
}

// The explanation of the one connection on `port` that ended with `verdict`.
async function endOf(daemon, port, verdict, deadline = 30_000) {
  const event = await until(
    () =>
      daemon
        .events('closed')
        .find((closed) => closed.connection.local.port === port && closed.verdict === verdict) ??
      false,
    { deadline },
  );
  const explanation = await json(daemon, event.connection.id);
  isSound(explanation);
  assert.equal(explanation.live, false);
  assert.equal(explanation.verdict, verdict);
  for (const field of ['initiator', 'mechanism', 'race', 'confidence']) {
    assert.equal(explanation[field], event[field], field);
  }
  assert.equal(explanation.documentation, `docs/verdicts.md#${verdict}`);
  // The same figures as in the event.
  for (const { name, value } of explanation.evidence) {
    const told = event.evidence[name];
    if (typeof told === 'number') assert.equal(Number(value), told, name);
    if (typeof told === 'string') assert.equal(value, told, name);
  }
  return explanation;
}

test('a CLOSE_WAIT leak, while it lives', TIMEOUT, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port, '--sweep', '1s']);
  await leak(clients, server, 1);
  const explanation = await until(async () => {
    const [connection] = await daemon.connections();
    const told = await json(daemon, connection.id);
    assert.match(told.summary, /has read the end of file and not closed its own yet|not even read/);
    return told;
  });
  isSound(explanation);
  assert.equal(explanation.live, true);
  assert.equal(explanation.verdict, null);
  assert.equal(explanation.connection.state, 'close_wait');
  assert.match(explanation.summary, new RegExp(`\\[${server.pid}\\]`));
  assert.ok(words(explanation).includes('peer_fin'));
  assert.equal(explanation.evidence[0].name, 'unread_bytes');
  assert.equal(explanation.documentation, 'docs/alerts.md#CloseWaitAccumulation');

  // The same connection by the cookie that ss prints, and for a person.
  const hex = `0x${BigInt(explanation.id).toString(16)}`;
  assert.equal((await json(daemon, hex)).id, explanation.id);
  const sockets = execFileSync('ss', ['-tenH', 'state', 'close-wait', `sport = :${server.port}`]);
  const [cookie] = /sk:[0-9a-f]+/.exec(String(sockets));
  assert.equal((await json(daemon, cookie)).id, explanation.id);
  const { code, stdout } = await daemon.command('explain', explanation.id);
  assert.equal(code, 0);
  for (const title of ['TIMELINE', 'EVIDENCE', 'WHAT TO DO']) assert.ok(stdout.includes(title));
  assert.match(stdout, /peer_fin/);
  assert.ok(stdout.split('\n').every((line) => line.length <= 100), stdout);
  assert.ok(!stdout.includes('\x1b'));
  const colored = await daemon.command('explain', explanation.id, '--color', 'always');
  assert.match(colored.stdout, /\x1b\[1m/);

  // To others the peer is redacted, in every text.
  const page = await daemon.getTcp(`/api/explain?id=${explanation.id}`);
  assert.equal(page.status, 200);
  const { address, port } = explanation.connection.remote;
  assert.ok(explanation.summary.includes(`${address}:${port}`));
  const redacted = JSON.parse(page.body);
  assert.match(redacted.connection.remote.address, /\.0$/);
  const texts = JSON.stringify([redacted.summary, redacted.timeline, redacted.evidence]);
  assert.ok(!texts.includes(`${address}:${port}`), texts);
});

test('ends by either side', TIMEOUT, async (t) => {
  const { name: netns } = createNetns();
  const ends = startEnds(t, { netns });
  const names = ['reset', 'unread', 'closed'];
  const distinct = new Set();
  while (distinct.size < names.length) distinct.add(await freePort());
  const ports = Object.fromEntries([...distinct].map((port, i) => [names[i], port]));
  const daemon = await startDaemon(t, ['--port', Object.values(ports).join()]);
  for (const port of Object.values(ports)) {
    await ends.call('listen', { port });
    await ends.call('open', { port, count: 1 });
  }

  await ends.call('abort', { port: ports.reset });
  const reset = await endOf(daemon, ports.reset, 'peer_reset');
  assert.match(reset.summary, /^The peer \(127\.0\.0\.1:\d+\) reset the connection after /);
  assert.ok(words(reset).includes('reset_received'));
  assert.equal(value(reset, 'error'), 'ECONNRESET');

  await ends.call('speak', { port: ports.unread });
  await until(async () => {
    const found = (await daemon.connections()).find(({ local }) => local.port === ports.unread);
    assert.equal(found.unread_bytes, 1);
  });
  await ends.call('hang_up', { port: ports.unread });
  const unread = await endOf(daemon, ports.unread, 'unread_data_reset');
  assert.match(unread.summary, /while 1 received byte lay unread/);
  assert.equal(unread.evidence[0].name, 'unread_bytes');
  assert.equal(unread.evidence[0].value, '1');
  assert.ok(words(unread).includes('reset_sent'));
  assert.ok(words(unread).includes('last_received'));

  await ends.call('leave', { port: ports.closed });
  await until(async () => {
    const found = (await daemon.connections()).find(({ local }) => local.port === ports.closed);
    assert.equal(found.state, 'close_wait');
  });
  await ends.call('hang_up', { port: ports.closed });
  const closed = await endOf(daemon, ports.closed, 'remote_close');
  assert.match(closed.advice[0], /^Nothing needs doing/);
  assert.deepEqual(
    words(closed).filter((what) => ['peer_fin', 'own_close', 'closed'].includes(what)),
    ['peer_fin', 'own_close', 'closed'],
  );
});

test('a process that exits', TIMEOUT, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port]);
  await clients.call('open', 1, { host: '127.0.0.1', port: server.port });
  await until(async () => assert.equal((await daemon.connections()).length, 1));
  server.signal('SIGKILL');
  const explanation = await endOf(daemon, server.port, 'process_exit');
  assert.match(explanation.summary, /was ended by SIGKILL/);
  assert.ok(explanation.summary.includes(`${server.pid}`));
  assert.equal(explanation.evidence[0].name, 'closed_by');
});

test('a peer that vanishes: half-open, and then its verdict', TIMEOUT, async (t) => {
  const { name: netns } = createNetns();
  // Give up after seconds, not minutes.
  const sysctl = ['netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv4.tcp_retries2=5'];
  execFileSync('ip', sysctl);
  const { vanish } = vanisher(netns);
  const ends = startEnds(t, { netns });
  const port = await freePort();
  const daemon = await startDaemon(t, ['--port', port, '--sweep', '1s']);
  await ends.call('listen', { port });
  await ends.call('open', { port, count: 1 });
  await ends.call('speak', { port });
  vanish('gone', port);
  await ends.call('serve', { port });

  const live = await until(async () => {
    const [connection] = await daemon.connections();
    assert.equal(connection.half_open, 'unacked');
    return json(daemon, connection.id);
  });
  isSound(live);
  assert.match(live.summary, /may be gone: nothing has been heard from it for \d/);
  assert.ok(words(live).includes('half_open'));
  assert.ok(words(live).includes('retransmissions_began'));

  const explanation = await endOf(daemon, port, 'peer_vanished', 90_000);
  assert.equal(explanation.id, live.id);
  assert.match(
    explanation.summary,
    /vanished: nothing was heard from it for \d+(\.\d)? s while \d+ retransmissions went unanswered/,
  );
  assert.ok(words(explanation).includes('half_open'), 'as it is remembered');
  assert.equal(words(explanation).at(-1), 'closed');
});

test('ids that are none', TIMEOUT, async (t) => {
  const daemon = await startDaemon(t);
  const unknown = await daemon.command('explain', '999999999999');
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /wsbpf list -o wide/);
  assert.match(unknown.stderr, /remembered/);
  for (const id of ['', 'abc', '1.', '1.x', '-1', '1 2', '99999999999999999999999']) {
    const { code, stderr } = await daemon.command('explain', id);
    assert.equal(code, 2, `${id}: ${stderr}`);
  }
  assert.equal((await daemon.getTcp('/api/explain?id=999999999999')).status, 404);
  assert.equal((await daemon.getTcp('/api/explain?id=%1b[2J')).status, 400);
  assert.equal((await daemon.getTcp('/api/explain')).status, 400);
});

test('without a daemon it observes by itself', TIMEOUT, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  await clients.call('open', 1, { host: '127.0.0.1', port: server.port });
  const args = ['--socket', `${temporaryDirectory()}/none.sock`, '--port', String(server.port)];
  const listed = await wsbpf(['list', ...args, '-o', 'jsonl']);
  const { id } = JSON.parse(listed.stdout.split('\n')[0]);
  const explained = await wsbpf(['explain', ...args, id]);
  assert.equal(explained.code, 0, explained.stderr);
  assert.match(explained.stderr, /no daemon answers/);
  assert.match(explained.stdout, /was there already, with /);
  const unknown = await wsbpf(['explain', ...args, '999999999999']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^wsbpf: no connection 999999999999 is known/m);
});
