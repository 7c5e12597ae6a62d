// The owner of a connection is who holds it now; of one that nobody holds, nobody.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { diesWithUs } from './lib/exit.mjs';
import { startHands, visit } from './lib/hands.mjs';
import { throughout, until } from './lib/wait.mjs';

const TIMEOUT = { timeout: 240_000 };

// However many file descriptors the host has, they are looked at once a minute.
const PASS = { deadline: 90_000 };

async function start(t) {
  const server = await startHands(t);
  const daemon = await startDaemon(t, ['--port', server.port, '--sweep', '1s']);
  await until(async () =>
    assert.equal((await daemon.listener(server.port))?.owners[0]?.pid, server.pid),
  );
  await visit(t, server);
  return { server, daemon };
}

async function only(daemon) {
  const connections = await daemon.connections();
  assert.equal(connections.length, 1);
  return connections[0];
}

const ownerIs = (daemon, pid) =>
  until(async () => assert.equal((await only(daemon)).owner.pid, pid), PASS);

const nobodys = { pid: null, comm: null, cgroup: null, container_id: null };

async function isNobodys(daemon, state) {
  await until(async () => {
    const connection = await only(daemon);
    assert.equal(connection.state, state);
    const { namespace, pod, container, ...owner } = connection.owner;
    assert.deepEqual(owner, nobodys);
  }, PASS);
}

test('a connection that nobody has accepted is nobody’s', TIMEOUT, async (t) => {
  const { server, daemon } = await start(t);
  await isNobodys(daemon, 'established');
  await server.step('accept');
  await ownerIs(daemon, server.pid);
});

test('a child that its parent leaves a connection to owns it', TIMEOUT, async (t) => {
  const { server, daemon } = await start(t);
  await server.step('accept');
  await ownerIs(daemon, server.pid);
  const child = await server.step('fork');
  await throughout(3_000, async () =>
    assert.equal((await only(daemon)).owner.pid, server.pid, 'while both hold it'),
  );
  await server.step('close');
  await ownerIs(daemon, child);
});

test('a process that was sent a connection owns it once it has it', TIMEOUT, async (t) => {
  const { server, daemon } = await start(t);
  await server.step('accept');
  await ownerIs(daemon, server.pid);
  await server.step('send');
  await server.step('close');
  await isNobodys(daemon, 'established'); // on its way
  await ownerIs(daemon, await server.step('take'));
  assert.ok((await only(daemon)).owner.cgroup.startsWith('/'));
});

test('a connection that was left to the kernel is nobody’s', TIMEOUT, async (t) => {
  const { server, daemon } = await start(t);
  await server.step('accept');
  await ownerIs(daemon, server.pid);
  await server.step('fill'); // the client does not read: the end of file waits behind this
  await server.step('close');
  await isNobodys(daemon, 'fin_wait1');
});

test('in another pid namespace no pid is believed', TIMEOUT, async (t) => {
  const server = await startHands(t);
  // It does not pass signals on, nor end by SIGTERM itself.
  const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const wrapper = [...diesWithUs('KILL'), ...unshare];
  let daemon;
  t.after(() => daemon?.signal('SIGKILL'));
  daemon = await startDaemon(t, ['--port', server.port, '--sweep', '1s'], { wrapper });
  await visit(t, server);
  await server.step('accept');
  await isNobodys(daemon, 'established');
  await throughout(2_000, async () => assert.equal((await only(daemon)).owner.pid, null));
  await until(async () => assert.deepEqual((await daemon.listener(server.port)).owners, []));
  const { body } = await daemon.getTcp('/readyz');
  assert.match(body, /^degraded/);
  assert.match(body, /pid namespace/);
});
