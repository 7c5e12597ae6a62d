// `wsbpf top` and its terminal: resized, told to stop, with and without colours, without a daemon;
// and what is no terminal.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startDaemon } from './lib/daemon.mjs';
import { diesWithUs } from './lib/exit.mjs';
import { startClients, startServer } from './lib/processes.mjs';
import { startTerminal } from './lib/tmux.mjs';
import { until } from './lib/wait.mjs';
import { BINARY, environment, wsbpf } from './lib/wsbpf.mjs';

const LEADER = fileURLToPath(new URL('lib/leader.py', import.meta.url));

const COLOR = /\x1b\[[0-9;]*(3[0-7]|38|4[0-7]|48)[;m]/;

// A daemon, a server with ten clients, a terminal in which top runs.
async function startTop(t, { flags = '', ...options } = {}) {
  const server = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port]);
  await clients.call('open', 10, { port: server.port });
  const terminal = await startTerminal(t, options);
  terminal.type(`${BINARY} top --socket ${daemon.socket} -d 0.5 ${flags}\n`);
  // A daemon that has just begun may know the connections before their listener.
  await terminal.shows('Listeners 1 [Connections 10]');
  return { server, clients, daemon, terminal };
}

async function isRestored(terminal) {
  await until(() => terminal.isAtPrompt());
  terminal.keys('Enter');
  terminal.type('stty -a; echo typed\n');
  const screen = await terminal.shows(/\ntyped\n/);
  assert.match(screen, / icanon /);
  assert.match(screen, / echo /);
  // Nor does the mouse type anything any more, which it would if top had left it on.
  assert.ok(!screen.includes('[Connections'));
}

test('sizes and signals', { timeout: 180_000 }, async (t) => {
  const { terminal } = await startTop(t);
  await t.test('any size', async () => {
    for (const [width, height] of [[1, 1], [500, 200], [40, 6], [20, 3], [200, 50], [80, 24]]) {
      terminal.resize(width, height);
      if (width >= 80) await terminal.shows('[Connections 10]', 'Enter why');
    }
  });
  await t.test('storms', async () => {
    const pid = terminal.programPid();
    for (let i = 0; i < 100; ++i) {
      terminal.resize(1 + ((i * 37) % 300), 1 + ((i * 13) % 90));
      for (let j = 0; j < 20; ++j) process.kill(pid, 'SIGWINCH');
    }
    terminal.resize(80, 24);
    const screen = await terminal.shows('[Connections 10]', 'Enter why');
    assert.ok(screen.split('\n')[0].startsWith('wsbpf '), screen);
  });
  await t.test('stopped and continued', async () => {
    terminal.keys('C-z');
    await until(() => terminal.isAtPrompt());
    terminal.type('fg\n');
    await terminal.shows('[Connections 10]', 'Enter why');
  });
  await t.test('SIGTERM restores the terminal', async () => {
    process.kill(terminal.programPid(), 'SIGTERM');
    await isRestored(terminal);
  });
});

test('the daemon is killed and comes back', { timeout: 120_000 }, async (t) => {
  const { server, daemon, terminal } = await startTop(t);
  await daemon.stop('SIGKILL');
  await terminal.shows('THE DAEMON IS GONE for ', '[Connections 10]', /\n>established/, / as of \S+ ago/);
  terminal.keys('Down', '4', '2');
  await terminal.shows('THE DAEMON IS GONE', '[Connections 10]');
  const [, said] = terminal.screen().match(/GONE for (\S+)/);
  await until(() => assert.notEqual(terminal.screen().match(/GONE for (\S+)/)[1], said));

  // No rows under a filter or an order that they do not obey.
  terminal.keys('1');
  await terminal.shows('[Listeners 1]', new RegExp(`\n>${server.port} `));
  terminal.keys('Enter');
  await terminal.shows(`filter sport = :${server.port} `, '\nthe daemon is gone: not loaded\n');
  assert.doesNotMatch(terminal.screen(), /established/);
  terminal.keys('/', 'C-u');
  terminal.type('pid = 7');
  terminal.keys('Enter');
  await terminal.shows('filter: pid = 7', /no|cannot|not/);
  terminal.keys('Escape');
  await terminal.shows(`filter sport = :${server.port} `);
  terminal.keys('Escape');
  await terminal.shows('[Listeners 1]', new RegExp(`\n>${server.port} `));
  terminal.keys('2');
  await terminal.shows(/\n.established/);
  terminal.keys('s');
  await terminal.shows('\nthe daemon is gone: not loaded\n');
  terminal.keys('3');
  await terminal.shows('[Disconnects]', '\nthe daemon is gone: not loaded\n');
  terminal.keys('2');
  await startDaemon(t, ['--port', server.port], { directory: daemon.directory });
  await until(() => {
    const screen = terminal.screen();
    assert.ok(screen.includes('reconnected: a new daemon'), screen);
    assert.ok(!screen.includes('GONE'), screen);
  });
  await terminal.shows('[Connections 10]');
  terminal.keys('q');
  await isRestored(terminal);
});

test('a daemon that hangs at the start', { timeout: 120_000 }, async (t) => {
  const daemon = await startDaemon(t, ['--port', 1]);
  process.kill(daemon.pid, 'SIGSTOP');
  try {
    const terminal = await startTerminal(t);
    terminal.type(`${BINARY} top --socket ${daemon.socket}\n`);
    await terminal.shows('NO ANSWER FROM THE DAEMON for ', 'still waiting');
    terminal.keys('q');
    await isRestored(terminal);
    terminal.type(`clear; ${BINARY} top -b --socket ${daemon.socket}\n`);
    await terminal.shows('wsbpf: no answer yet');
    terminal.keys('C-c');
    await until(() => terminal.isAtPrompt());
  } finally {
    process.kill(daemon.pid, 'SIGCONT');
  }
});

// Long enough for a busy machine, and far from for ever.
const AT_ONCE_seconds = 20;

async function hasEnded(pid) {
  await until(() => assert.ok(!existsSync(`/proc/${pid}`), `${pid} is still there`), {
    deadline: 1000 * AT_ONCE_seconds,
  });
}

// The header's clock would go on.
async function standsStill(terminal) {
  const before = terminal.screen();
  await sleep(2000);
  return terminal.screen() === before;
}

test('a terminal that takes no output', { timeout: 240_000 }, async (t) => {
  const { daemon, terminal } = await startTop(t);
  for (const end of [(pid) => process.kill(pid, 'SIGTERM'), () => terminal.keys('q')]) {
    await t.test(`Ctrl-S, then ${end}`, async () => {
      const pid = terminal.programPid();
      // Frozen, it draws nothing by itself: the stop does not come in the midst of a frame, where
      // only signals are heard. The frame that a key asks for then finds the terminal stopped.
      terminal.keys('Space');
      await terminal.shows('FROZEN');
      await until(() => standsStill(terminal));
      terminal.keys('C-s', 'Down');
      assert.ok(await standsStill(terminal), terminal.screen());
      end(pid);
      await hasEnded(pid);
      terminal.keys('C-q');
      await until(() => terminal.isAtPrompt());
      terminal.type(`stty sane; clear; ${BINARY} top --socket ${daemon.socket}\n`);
      await terminal.shows('[Connections 10]', 'Enter why');
    });
  }
  for (const scenario of ['unread', 'suspended']) {
    await t.test(scenario, async () => {
      const top = [BINARY, 'top', '--socket', daemon.socket, '-d', '0.1'];
      const [file, ...args] = [...diesWithUs('KILL'), 'python3', LEADER, scenario, ...top];
      const env = environment({ TERM: 'xterm-256color' });
      const { stdout } = await promisify(execFile)(file, args, { env });
      const { code, seconds } = JSON.parse(stdout);
      assert.equal(code, 0);
      assert.ok(seconds < AT_ONCE_seconds, stdout);
    });
  }
});

test('without a daemon the first frame is complete', { timeout: 120_000 }, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  await clients.call('open', 10, { port: server.port });
  for (let i = 0; i < 3; ++i) {
    const own = await wsbpf(['top', '-b', '--socket', '/nonexistent/s', '--port', `${server.port}`]);
    assert.equal(own.code, 0, own.stderr);
    assert.match(own.stdout, new RegExp(`^ *${server.port} `, 'm'));
    assert.doesNotMatch(own.stdout, /nothing listens/);
  }
});

test('colours', { timeout: 120_000 }, async (t) => {
  const { terminal, daemon } = await startTop(t);
  assert.match(terminal.coloredScreen(), COLOR);
  const plain = await startTerminal(t, { env: { NO_COLOR: '1' } });
  plain.type(`${BINARY} top --socket ${daemon.socket}\n`);
  await plain.shows('[Connections 10]');
  assert.doesNotMatch(plain.coloredScreen(), COLOR);
  assert.match(plain.coloredScreen(), /\x1b\[[0-9;]*7m/, 'reverse is left');
  const few = await startTerminal(t, { env: { TERM: 'screen' } });
  few.type(`${BINARY} top --socket ${daemon.socket} --ascii\n`);
  await few.shows('[Connections 10]');
  assert.match(few.coloredScreen(), COLOR);
  assert.doesNotMatch(few.screen(), /[^\x00-\x7f]/);
});

// Listens on a port of its own under a name that would clear the screen and turn text around.
const HOSTILE_SERVER = `
import socket
open('/proc/self/comm', 'wb').write(b'a\\x1b[2J\\xe2\\x80\\xaeb\\x07')
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
while True: kept = listener.accept()
`;

test('hostile names are shown as escapes', { timeout: 120_000 }, async (t) => {
  const hostile = spawn(...programOf(['python3', '-c', HOSTILE_SERVER]));
  t.after(() => hostile.kill('SIGKILL'));
  const [line] = await once(hostile.stdout.setEncoding('utf8'), 'data');
  const port = Number(line);
  const daemon = await startDaemon(t, ['--port', port]);
  const client = connect(port, '127.0.0.1').on('error', () => {});
  t.after(() => client.destroy());
  const terminal = await startTerminal(t, { width: 200 });
  terminal.type(`${BINARY} top --socket ${daemon.socket}\n`);
  const screen = await terminal.shows('1b[2J\\u202eb', '[Connections 1]');
  assert.match(screen, /\n STATE +SINCE/);
  assert.doesNotMatch(screen, /\u202e|\x07/);
});

test('a terminal that cannot be drawn on', { timeout: 120_000 }, async (t) => {
  const { daemon } = await startTop(t);
  for (const TERM of ['dumb', 'no-such-terminal']) {
    const terminal = await startTerminal(t, { env: { TERM } });
    terminal.type(`${BINARY} top --socket ${daemon.socket}; echo code $?\n`);
    await terminal.shows(`cannot draw on a terminal of type '${TERM}'`, 'top -b', 'code 1');
  }
});

test('what is no terminal gets plain frames', { timeout: 120_000 }, async (t) => {
  const { daemon } = await startTop(t);
  const one = await daemon.command('top');
  assert.equal(one.code, 0, one.stderr);
  assert.equal(one.stdout.match(/^established /gm).length, 10);
  assert.doesNotMatch(one.stdout, /\x1b/);
  const three = await daemon.command('top', '-n', '3', '-d', '0.1', '-F', 'state close-wait');
  assert.equal(three.stdout.match(/^wsbpf /gm).length, 3);
  assert.doesNotMatch(three.stdout, /^established /m);
  for (const bad of [['-F', 'state bogus'], ['-s', 'bogus'], ['-d', '0'], ['-d', 'nan'], ['-n', '0']]) {
    const refused = await daemon.command('top', ...bad);
    assert.equal(refused.code, 2, refused.stderr);
  }
  const wrong = await daemon.command('top', '-F', 'state bogus');
  assert.match(wrong.stderr, /column 7/);
  const gone = spawn(...programOf([BINARY, 'top', '--socket', daemon.socket, '-n', '9', '-d', '0.1']));
  gone.stdout.destroy();
  const code = await new Promise((resolve) => gone.on('exit', (exit, signal) => resolve(exit ?? signal)));
  assert.ok(code === 1 || code === 'SIGPIPE', `${code}`);
});

function programOf(command) {
  const [file, ...args] = [...diesWithUs('KILL'), ...command];
  return [file, args, { stdio: ['ignore', 'pipe', 'ignore'] }];
}
