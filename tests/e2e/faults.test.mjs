// Bad input, missing rights and rude ends.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { bpfObjects, bpfObjectsOf } from './lib/bpf.mjs';
import { isolation, startDaemon } from './lib/daemon.mjs';
import { freePort } from './lib/ports.mjs';
import { startServer } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';
import { BINARY, temporaryDirectory, wsbpf } from './lib/wsbpf.mjs';

const USAGE = 2;
const RUNTIME = 1;
const LACKING = 4;
const UNPRIVILEGED = /CAP_|privilege|root/i;
const WITHOUT_CAPABILITIES = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
const TIMEOUT = { timeout: 60_000 };

// `wsbpf run` must end with `code` and one line on stderr which matches `words`.
async function refuses(code, words, { flags = [], directory, port, socket, ...how }) {
  directory ??= temporaryDirectory();
  port ??= await freePort();
  const args = ['run', ...isolation({ directory, port, socket }), ...flags];
  const result = await wsbpf(args, how);
  assert.equal(result.code, code, result.stderr);
  assert.match(result.stderr, words);
  assert.equal(result.stderr.trimEnd().split('\n').length, 1, `more than a line: ${result.stderr}`);
}

// A command line prefix that runs what follows behind mounts of its own.
const behind = (mounts) => ['unshare', '--mount', 'sh', '-ec', `${mounts}; exec "$@"`, 'sh'];
const empty = (...directories) =>
  directories.map((path) => `if [ -d ${path} ]; then mount -t tmpfs none ${path}; fi`).join('; ');

for (const port of ['0', '70000', '9-1', 'abc']) {
  test(`--port ${port}`, TIMEOUT, () =>
    refuses(USAGE, new RegExp(`\\b${port}\\b`), { flags: ['--port', port] }),
  );
}

test('an unknown flag', TIMEOUT, () =>
  refuses(USAGE, /--no-such-flag/, { flags: ['--no-such-flag'] }),
);

test('--listen on a port that is bound', TIMEOUT, async (t) => {
  const other = createServer().listen(await freePort(), '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address();
  await refuses(RUNTIME, new RegExp(`${port}.*in use`, 'i'), { port });
});

test('--socket where nothing can be made', TIMEOUT, () =>
  refuses(RUNTIME, /\/proc\/none\/wsbpf\.sock/, { socket: '/proc/none/wsbpf.sock' }),
);

test('--socket on a file that is no socket', TIMEOUT, async () => {
  const socket = join(temporaryDirectory(), 'precious');
  writeFileSync(socket, 'keep me');
  await refuses(RUNTIME, /precious/, { socket });
  assert.equal(readFileSync(socket, 'utf8'), 'keep me');
});

test('no capabilities', TIMEOUT, () =>
  refuses(LACKING, UNPRIVILEGED, { wrapper: WITHOUT_CAPABILITIES }),
);

test('not root', TIMEOUT, async () => {
  // The build may be where nobody else can reach.
  const directory = temporaryDirectory();
  chmodSync(directory, 0o777);
  const binary = join(directory, 'wsbpf');
  copyFileSync(BINARY, binary);
  const wrapper = [...WITHOUT_CAPABILITIES, '--reuid=65534', '--clear-groups'];
  await refuses(LACKING, UNPRIVILEGED, { directory, binary, wrapper });
});

test('no BTF', TIMEOUT, () =>
  refuses(LACKING, /BTF/, { wrapper: behind(empty('/sys/kernel/btf')) }),
);

test('neither tracefs nor bpffs nor debugfs is needed', TIMEOUT, async (t) => {
  const { port } = await startServer(t);
  const wrapper = behind(empty('/sys/kernel/tracing', '/sys/kernel/debug', '/sys/fs/bpf'));
  const daemon = await startDaemon(t, ['--port', port], { wrapper });
  await until(async () => (await daemon.listener(port)) !== undefined);
});

test('a second daemon on the same socket', TIMEOUT, async (t) => {
  const first = await startDaemon(t);
  await refuses(RUNTIME, /already/i, { directory: first.directory });
  await first.get('/api/status');
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL']) {
  test(`${signal} leaves nothing behind`, TIMEOUT, async (t) => {
    const { port } = await startServer(t);
    const daemon = await startDaemon(t, ['--port', port]);
    const held = [...bpfObjectsOf(daemon.pid)];
    const kinds = new Set(held.map((object) => object.split(' ')[0]));
    assert.deepEqual([...kinds].sort(), ['link', 'map', 'prog']);

    const end = await daemon.stop(signal);
    t.diagnostic(`${signal} took ${end.seconds.toFixed(3)} s`);
    assert.ok(end.seconds < 5);
    await until(async () => {
      const existing = await bpfObjects();
      assert.equal(held.filter((object) => existing.has(object)).join(), '');
    });

    const rude = signal === 'SIGKILL';
    assert.equal(existsSync(daemon.socket), rude);
    if (!rude) return assert.equal(end.code, 0);
    const successor = await startDaemon(t, ['--port', port], { directory: daemon.directory });
    await successor.get('/api/status');
  });
}
