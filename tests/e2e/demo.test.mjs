// The tour of scripts/demo: what it promises is seen, and it leaves nothing behind, however it ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from './lib/wait.mjs';
import { BINARY, environment, temporaryDirectory } from './lib/wsbpf.mjs';

const DEMO = fileURLToPath(new URL('../../scripts/demo', import.meta.url));
const PATIENCE = { deadline: 120_000 };

// A demo in a process group of its own, as a terminal would have it. All of its processes carry a
// mark in their environment.
function startDemo(t) {
  const mark = `DEMO_MARK=${randomBytes(8).toString('hex')}`;
  const directory = temporaryDirectory();
  const [name, value] = mark.split('=');
  const child = spawn(DEMO, ['--fast'], {
    detached: true,
    env: { ...environment({ WSBPF: BINARY }), TMPDIR: directory, [name]: value },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const demo = { output: '', directory, exited: once(child, 'exit') };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => (demo.output += text));
  }
  demo.signal = (signal) => process.kill(-child.pid, signal);
  demo.ended = () => child.exitCode !== null || child.signalCode !== null;
  t.after(async () => {
    if (!demo.ended()) child.kill('SIGTERM');
    await demo.exited;
  });
  demo.processes = () =>
    readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`).includes(mark);
      } catch {
        return false; // it has ended meanwhile
      }
    });
  return demo;
}

const namespacesOf = (pids) => pids.map((pid) => readlinkSync(`/proc/${pid}/ns/net`));
const inUse = () =>
  readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        return namespacesOf([pid]);
      } catch {
        return [];
      }
    });

async function leavesNothing(demo) {
  await until(() => assert.deepEqual(demo.processes(), []));
  assert.deepEqual(readdirSync(demo.directory), []);
}

test('the tour shows what it promises', { timeout: 200_000 }, async (t) => {
  const demo = startDemo(t);
  const [code] = await demo.exited;
  assert.equal(code, 0, demo.output);
  const [, leak, proxy, upgrade, vanish] = demo.output.split(/^== /m);
  assert.match(leak, /^ {2}type {5}wsbpf list state close-wait/m);
  assert.match(leak, /^ {2}\| close_wait .* node\[\d+\]$/m);
  assert.match(leak, /^ {2}\| firing warning CloseWaitAccumulation/m);
  assert.match(leak, /^ {2}\| {3}63 connections in CLOSE_WAIT/m);
  assert.match(proxy, /^ {2}\| .* local_close .* 5\.\ds .* nginx\[\d+\]/m);
  assert.match(proxy, /^ {2}\| .* remote_close .* 5\.\ds .* node\[\d+\]/m);
  assert.match(upgrade, /^ {2}\| .* upgrade_failed .* node\[\d+\]/m);
  assert.match(upgrade, /^ {2}\| .*426/m);
  assert.match(upgrade, /^ {2}\| .* clean .* node\[\d+\]/m);
  assert.match(vanish, /^ {2}\| established .* unacked .* 10\.77\.0\.22:/m);
  assert.match(vanish, /^ {2}\| .*peer_vanished/m);
  await leavesNothing(demo);
});

test('Ctrl-C in the midst of it leaves nothing behind', { timeout: 200_000 }, async (t) => {
  const demo = startDemo(t);
  await until(() => assert.match(demo.output, /has the id/), {
    ...PATIENCE,
    giveUp: () => demo.ended() && demo.output,
  });
  const processes = demo.processes();
  assert.ok(processes.length > 8, 'servers, clients, nginx, the daemon');
  const own = readlinkSync('/proc/self/ns/net');
  const namespaces = new Set(namespacesOf(processes).filter((each) => each !== own));
  assert.equal(namespaces.size, 2); // and with them their cable and firewall rules
  demo.signal('SIGINT');
  const [code, signal] = await demo.exited;
  assert.deepEqual([code, signal], [130, null]);
  await leavesNothing(demo);
  await until(() => assert.ok(inUse().every((each) => !namespaces.has(each))));
});
