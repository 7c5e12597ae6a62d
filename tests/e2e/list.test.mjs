// `wsbpf list`: again and again, on a terminal and into a pipe, over a restart of the daemon.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startDaemon } from './lib/daemon.mjs';
import { diesWithUs } from './lib/exit.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { countsAgree } from './lib/truth.mjs';
import { until } from './lib/wait.mjs';
import { BINARY, environment, temporaryDirectory } from './lib/wsbpf.mjs';

const run = promisify(execFile);

// A terminal of its own, in which `command` runs.
async function startTerminal(t, command, { columns = 90, lines = 12 } = {}) {
  const socket = `${temporaryDirectory()}/tmux`;
  const tmux = async (...args) => (await run('tmux', ['-S', socket, ...args])).stdout;
  await tmux('-f', '/dev/null', 'new-session', '-d', '-x', columns, '-y', lines, command);
  t.after(() => tmux('kill-server').catch(() => {}));
  return {
    screen: () => tmux('capture-pane', '-p'),
    painted: () => tmux('capture-pane', '-p', '-e'),
    press: (key) => tmux('send-keys', key),
    resize: (x, y) => tmux('resize-window', '-x', x, '-y', y),
  };
}

// `wsbpf list --watch` into a pipe; ended by SIGINT after `t`.
function startWatch(t, daemon, ...args) {
  const command = [BINARY, 'list', '--socket', daemon.socket, '--watch', '-d', '0.2', ...args];
  const [file, ...rest] = [...diesWithUs('KILL'), ...command];
  const child = spawn(file, rest, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const seen = { stdout: '', stderr: '', child };
  child.stdout.on('data', (chunk) => (seen.stdout += chunk));
  child.stderr.on('data', (chunk) => (seen.stderr += chunk));
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGINT');
    await ended;
  });
  return seen;
}

test('wsbpf list', { timeout: 200_000 }, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port, '--close-wait-for', '1s']);
  await clients.call('open', 3, { port: server.port });
  await leak(clients, server, 1);
  await countsAgree(daemon, server, { established: 3, close_wait: 1 });

  await t.test('paints what is stuck', async () => {
    await until(async () => {
      const { stdout } = await daemon.command('list', '--color', 'always');
      const stuck = stdout.split('\n').filter((line) => line.startsWith('\x1b[31m'));
      assert.equal(stuck.length, 1);
      assert.match(stuck[0], /close_wait/);
    });
    const { stdout } = await daemon.command('list', 'state', 'close-wait');
    assert.ok(!stdout.includes('\x1b'));
    assert.equal(stdout.trimEnd().split('\n').length, 2);
  });

  await t.test('sorts both ways and cuts', async () => {
    const ids = async (...args) => {
      const { stdout } = await daemon.command('list', '-o', 'jsonl', ...args);
      return stdout.trimEnd().split('\n').map((line) => BigInt(JSON.parse(line).id));
    };
    const up = await ids('--sort', 'id');
    assert.deepEqual(await ids('--sort', '-id'), up.toReversed());
    assert.deepEqual(await ids('--sort', '-id', '--limit', '2'), up.toReversed().slice(0, 2));
    assert.deepEqual(await ids('--limit', '1', 'state', 'established', '--sort=-id'), [
      (await ids('state established', '--sort', '-id'))[0],
    ]);
  });

  await t.test('--watch into a pipe: tables with an empty line between', async (t) => {
    const watch = startWatch(t, daemon, 'state', 'close-wait');
    await until(() => assert.ok(watch.stdout.split('\n\n').length > 3));
    const tables = watch.stdout.split('\n\n').slice(0, -1);
    for (const table of tables) {
      const lines = table.split('\n');
      assert.match(lines[0], /^STATE +IN-STATE/);
      assert.match(lines[1], /^close_wait /);
      assert.equal(lines.length, 2);
    }
    assert.ok(!watch.stdout.includes('\x1b'));
    assert.equal(watch.stderr, '');
  });

  await t.test('--watch as lines', async (t) => {
    const watch = startWatch(t, daemon, '-o', 'jsonl', 'state', 'close-wait');
    await until(() => assert.ok(watch.stdout.split('\n').length > 4));
    for (const line of watch.stdout.split('\n').slice(0, -1)) {
      assert.equal(JSON.parse(line).state, 'close_wait');
    }
  });

  await t.test('--watch lives on without the daemon, and says so', async (t) => {
    const piped = startWatch(t, daemon, 'state', 'close-wait');
    const shown = `env -u NO_COLOR TERM=screen ${BINARY} list --socket ${daemon.socket} --watch -d 0.2 state close-wait`;
    const terminal = await startTerminal(t, shown);
    await until(async () => {
      const screen = await terminal.screen();
      assert.match(screen, /^wsbpf list state close-wait {2}every 0.2 s {2}\d\d:\d\d:\d\d\n/);
      assert.match(screen, /\nSTATE +IN-STATE.*\nclose_wait .*\n/);
      assert.match(await terminal.painted(), /\x1b\[31m[^\n]*close_wait/);
    });
    await until(() => assert.match(piped.stdout, /close_wait/));

    await daemon.stop();
    await until(async () => {
      const screen = await terminal.screen();
      assert.match(screen, /does not answer.*…\n|trying again\n/);
      assert.match(screen, /\nclose_wait /, 'what was last known stays');
    });
    await until(() => assert.match(piped.stderr, /^wsbpf: the daemon on .*; trying again\n$/));

    await startDaemon(t, ['--port', server.port], { directory: daemon.directory });
    await until(async () => {
      const screen = await terminal.screen();
      assert.match(screen, /^wsbpf list state close-wait/);
      assert.match(screen, /\nclose_wait /);
    });
    await until(() => assert.match(piped.stderr, /the daemon answers again\n$/));

    for (const [columns, lines] of [[1, 1], [20, 3], [200, 50]]) {
      await terminal.resize(columns, lines);
      await until(async () => {
        const rows = (await terminal.screen()).split('\n').slice(0, -1);
        assert.equal(rows.length, lines);
        assert.ok(rows[0].length > 0);
      });
    }
    await until(async () => assert.match(await terminal.screen(), /node|MainThread/));
    await terminal.press('C-c');
    await until(() => terminal.screen().then(() => false, () => true));
  });
});
