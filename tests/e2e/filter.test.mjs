// Filters: the same sets of sockets as ss(8) gives, at the command line and over HTTP.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startDaemon } from './lib/daemon.mjs';
import { freePort } from './lib/ports.mjs';
import { until } from './lib/wait.mjs';
import { BINARY, environment, wsbpf } from './lib/wsbpf.mjs';

const run = promisify(execFile);

// A server on `host` with connections from the addresses `from`; the first two are left by their
// clients, and the server does not notice.
async function startServer(t, host, from) {
  const sockets = [];
  const accepted = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket.on('error', () => {}));
  });
  const port = await freePort();
  server.listen({ port, host });
  await once(server, 'listening');
  for (const [localAddress, to] of from) {
    const socket = connect({ host: to, port, localAddress, allowHalfOpen: true });
    sockets.push(socket.on('error', () => {}));
    await once(socket, 'connect');
  }
  await until(() => accepted.length === from.length);
  for (const socket of sockets.slice(0, 2)) socket.end();
  t.after(() => {
    for (const socket of [...sockets, ...accepted]) socket.destroy();
    server.close();
  });
  return { port, sockets, accepted };
}

const bracketed = (address) => (address.includes(':') ? `[${address}]` : address);
const endText = ({ address, port }) => `${bracketed(address)}:${port}`;

// "LOCAL REMOTE" of each connection that ss shows; `states` come first, as ss wants it.
async function bySs(states, expression, ports) {
  const ours = ports.map((port) => `sport = :${port} or dport = :${port}`).join(' or ');
  const filter = `${states || 'state all'} ( ${expression} ) and ( ${ours} )`;
  const { stdout } = await run('ss', ['-Htn', ...filter.split(' ')], { maxBuffer: 16 << 20 });
  const lines = stdout.split('\n').filter(Boolean);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([state]) => state !== 'TIME-WAIT' && state !== 'LISTEN')
    .map((words) => (/^\d+$/.test(words[0]) ? words.slice(2, 4) : words.slice(3, 5)).join(' '))
    .sort();
}

async function byWsbpf(daemon, filter) {
  const { code, stdout, stderr } = await daemon.command('list', '-o', 'jsonl', ...filter.split(' '));
  assert.equal(code, 0, stderr);
  const rows = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return rows.map(({ local, remote }) => `${endText(local)} ${endText(remote)}`).sort();
}

test('filters', { timeout: 280_000 }, async (t) => {
  const four = await startServer(t, '127.0.0.1', [
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.2', '127.0.0.1'],
    ['127.0.0.2', '127.0.0.1'],
    ['127.1.2.3', '127.0.0.1'],
  ]);
  const six = await startServer(t, '::', [
    ['::1', '::1'],
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['127.0.0.9', '127.0.0.1'],
    ['127.1.2.4', '127.0.0.1'],
  ]);
  const ports = [four.port, six.port];
  const [low, high] = [...ports].sort((a, b) => a - b);
  const daemon = await startDaemon(t, ['--port', ports.join(','), '--role', 'both']);
  await until(async () => assert.equal((await daemon.connections()).length, 18));
  await until(async () => {
    const states = (await daemon.connections()).map(({ state }) => state);
    assert.equal(states.filter((state) => state === 'close_wait').length, 4);
    assert.equal(states.filter((state) => state === 'fin_wait2').length, 4);
  });

  await t.test('name the same sockets as in ss', async (t) => {
    const filters = [
      ['state close-wait', `sport = :${four.port}`],
      ['state established state close-wait', `sport = :${six.port}`],
      ['state connected exclude established', `sport gt 0`],
      ['state fin-wait-2', `dport = :${four.port} or dport = :${six.port}`],
      ['exclude close-wait exclude fin-wait-2', `dport ge 1`],
      ['state synchronized', `sport eq :${four.port}`],
      ['state big', `! sport = :${four.port}`],
      ['', `sport = ${low}`],
      ['', `sport gt :${low}`],
      ['', `dport le ${high} and dport ne ${low}`],
      ['', `src 127.0.0.2`],
      ['', `dst 127.0.0.0/8`],
      ['', `dst 127.0.0.0/24 and sport :${six.port}`],
      ['', `dst = 127.1.2.0/23`],
      ['', `dst [::1]`],
      ['', `dst [::1]:${six.port}`],
      ['', `src :${four.port}`],
      ['', `src 127.0.0.1:${four.port}`],
      ['', `src [::ffff:127.0.0.1]`],
      ['', `not dst 127.0.0.2 and sport = :${four.port}`],
      ['', `( sport = :${four.port} or sport = :${six.port} ) and not dst 127.0.0.0/16`],
      ['', `sport = :${six.port} dst 127.0.0.9`],
    ];
    // ss 6.1 reads `a or b and c` from left to right, though its manual says that `and` binds before
    // `or`: it is asked with parentheses, as the third.
    filters.push(
      [
        '',
        `sport = :${low} | sport = :${high} & dst 127.0.0.1`,
        `sport = :${low} | ( sport = :${high} & dst 127.0.0.1 )`,
      ],
      [
        '',
        `sport = :${low} or dport = :${low} and dst 127.0.0.2`,
        `sport = :${low} or ( dport = :${low} and dst 127.0.0.2 )`,
      ],
      [
        '',
        `dst 127.0.0.1 sport = :${low} or ! src 127.0.0.2 and dport = :${high}`,
        `( dst 127.0.0.1 sport = :${low} ) or ( ! src 127.0.0.2 and dport = :${high} )`,
      ],
    );
    let shown = 0;
    for (const [states, expression, forSs = expression] of filters) {
      await t.test(`${states} ${expression}`.trim(), async () => {
        const expected = await bySs(states, forSs, ports);
        assert.deepEqual(await byWsbpf(daemon, `${states} ( ${expression} )`.trim()), expected);
        shown += expected.length;
      });
    }
    assert.ok(shown > 60, `only ${shown} rows were compared`);
  });

  await t.test('know the owner', async () => {
    const count = async (filter) => (await byWsbpf(daemon, filter)).length;
    assert.equal(await count(`pid ${process.pid}`), 18);
    assert.equal(await count(`not pid = ${process.pid}`), 0);
    assert.equal(await count(`role server comm != nobody`), 9);
    assert.equal(await count('comm nobody or pid 1'), 0);
    assert.equal(await count('age lt 1h and state-age le 1h'), 18);
    assert.equal(await count('close-wait-age ge 0s'), 4);
    assert.equal(await count('verdict unknown or phase open'), 0);
  });

  const api = (path, filter, more = '') =>
    daemon.get(`${path}?filter=${encodeURIComponent(filter)}${more}`);

  await t.test('are understood by all lists of the API', async () => {
    const page = await api('/api/connections', 'state close-wait', '&limit=3&sort=-id&offset=0');
    assert.equal(page.total, 4);
    assert.equal(page.connections.length, 3);
    const rest = await api('/api/connections', 'state close-wait', '&limit=3&sort=-id&offset=3');
    assert.equal(rest.connections.length, 1);
    const next = await api(
      '/api/connections',
      'state close-wait',
      `&sort=-id&cursor=${encodeURIComponent(page.next_cursor)}`,
    );
    assert.deepEqual(
      next.connections.map(({ id }) => id),
      rest.connections.map(({ id }) => id),
    );
    const listeners = await api('/api/listeners', `sport = :${four.port} and role server`);
    assert.deepEqual(
      listeners.listeners.map(({ port }) => port),
      [four.port],
    );
    assert.equal(listeners.total, 1);
    assert.equal((await api('/api/alerts', 'comm nobody')).total, 0);
    assert.equal((await api('/api/disconnects', 'comm nobody')).total, 0);
  });

  await t.test('do not find a redacted address out', async () => {
    const overTcp = async (filter) => {
      const path = `/api/connections?filter=${encodeURIComponent(filter)}`;
      return JSON.parse((await daemon.getTcp(path)).body).total;
    };
    assert.ok((await api('/api/connections', 'dst 127.0.0.9')).total > 0);
    assert.equal(await overTcp('dst 127.0.0.9'), 0);
    assert.ok((await overTcp('dst 127.0.0.0')) > 0);
    assert.ok((await overTcp('dst 127.0.0.0/24')) > 0);
  });

  await t.test('say what is wrong with them', async () => {
    const { code, stdout, stderr } = await daemon.command('list', 'state', 'closewait', 'pid', '1');
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.equal(
      stderr,
      "wsbpf: column 7 of the filter: expected a state such as close-wait, not 'closewait'; did you " +
        'mean close-wait?\n  state closewait pid 1\n        ^\n',
    );
    const answer = await daemon.getTcp('/api/connections?filter=state+closewait');
    assert.equal(answer.status, 400);
    assert.match(JSON.parse(answer.body).error, /^column 7 of the filter: [^\n]*$/);
    // Before anything is asked or observed.
    const alone = await wsbpf(['list', '--socket', '/nowhere/at/all', 'foo']);
    assert.equal(alone.code, 2);
    assert.match(alone.stderr, /^wsbpf: column 1 of the filter/);
  });

  await t.test('may be as long as they like, up to a limit', async () => {
    const long = Array(700).fill('sport gt 0').join(' and ').padEnd(10_000, ' ');
    assert.equal((await byWsbpf(daemon, long)).length, 18);
    const bytes = `comm "${'日'.repeat(5_400)}" or role server`;
    assert.equal((await api('/api/connections', bytes)).total, 9);
    const listed = await daemon.command('list', '-o', 'jsonl', bytes);
    assert.equal(listed.stdout.split('\n').length, 10, listed.stderr);
    for (const wrong of ['x'.repeat(10_000), '('.repeat(10_000), `comm "${'a'.repeat(10_000)}`]) {
      const { code, stderr } = await daemon.command('list', wrong);
      assert.equal(code, 2);
      assert.ok(stderr.length < 1_000, stderr);
    }
    const { code, stderr } = await daemon.command('list', `comm ${'a'.repeat(20_000)}`);
    assert.equal(code, 2);
    assert.match(stderr, /20005 bytes long/);
  });

  await t.test('may be any bytes', async () => {
    const shell = async (word) => {
      const script = `exec "$0" list --socket "$1" comm ${word} or $'\\xff\\xfe'`;
      const failed = await run('bash', ['-c', script, BINARY, daemon.socket], {
        env: environment(),
      }).catch((error) => error);
      return failed;
    };
    for (const word of ["$'\\xff'", "$'\\e[2J'", "$'\\xe2\\x80\\xae'"]) {
      const { code, stderr } = await shell(word);
      assert.equal(code, 2);
      assert.match(stderr, /expected a name such as state, sport or comm, not '\\xff\\xfe'/);
      assert.ok(!/[\u0000-\u0009\u000b-\u001f\u202e\ufffd]/.test(stderr), stderr);
    }
    for (const query of ['%ff%fe', '%00', 'comm+%ff', '%', '%zz', 'comm+%22%0a%22']) {
      const { status } = await daemon.getTcp(`/api/connections?filter=${query}`);
      assert.ok(status === 200 || status === 400);
    }
  });

  await t.test('may hold the name of another command', async () => {
    const { code, stdout } = await daemon.command('list', 'comm', 'top', 'or', 'comm', 'run');
    assert.equal(code, 0);
    assert.equal(stdout.trimEnd().split('\n').length, 1);
  });

  await t.test('events take them, too', async (t) => {
    const port = six.port;
    const filter = `sport = :${port} and dst 127.1.2.4`;
    for (const socket of six.sockets.slice(3)) socket.destroy();
    for (const socket of six.accepted.slice(3)) socket.destroy();
    await until(async () => {
      const { total, disconnects, by_verdict } = await api('/api/disconnects', filter);
      assert.equal(total, 1);
      assert.equal(disconnects[0].connection.remote.address, '::ffff:127.1.2.4');
      assert.equal(Object.values(by_verdict)[0], 1);
    });
    const { stdout, code } = await daemon.command(
      'events',
      ...['-o', 'jsonl', '--no-follow', '--since', '1h', 'verdict != nat_expired and', filter],
    );
    assert.equal(code, 0);
    const told = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    const closed = told.filter(({ type }) => type !== 'lost' && type !== 'missed');
    assert.deepEqual(
      closed.map(({ type, connection }) => `${type} ${connection.remote.address}`),
      ['closed ::ffff:127.1.2.4'],
    );
  });
});
