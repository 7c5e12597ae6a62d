// What the doctor says of this machine, whole and with something taken away.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bpfObjectsOf } from './lib/bpf.mjs';
import { withoutCgroupRoot, withPartOfCgroups } from './lib/cgroup.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';
import { BINARY, temporaryDirectory, wsbpf } from './lib/wsbpf.mjs';

const TIMEOUT = { timeout: 120_000 };
const LACKING = 4;

const PROGRAMS = [
  'program set_state',
  'program destroy_sock',
  'program retransmit_skb',
  'program retransmit_synack',
  'program send_reset',
  'program send_reset_reason',
  'program receive_reset',
  'program read_clocks',
  'iterator dump_tcp',
  'iterator dump_files',
];
// Without these, and what they need, TCP is observed still.
const PACKET_READERS = ['program websocket_in', 'program websocket_out'];
const OF_WEBSOCKETS = [...PACKET_READERS, 'bpf_loop', 'cgroup v2 root'];
const CAPABILITIES = ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN', 'CAP_SYS_PTRACE'];

// The report as JSON, and its checks by name.
async function doctor(options = {}, args = ['--socket', `${temporaryDirectory()}/none.sock`]) {
  const { code, stdout, stderr } = await wsbpf(['doctor', '-o', 'json', ...args], options);
  assert.ok(code === 0 || code === LACKING, `${code}: ${stderr}`);
  const report = JSON.parse(stdout);
  const checks = Object.fromEntries(report.checks.map((check) => [check.name, check]));
  assert.equal(Object.keys(checks).length, report.checks.length, 'a name twice');
  for (const { name, status, found, lost, advice } of report.checks) {
    assert.ok(found, name);
    if (status === 'degraded') assert.ok(lost, name);
    if (status === 'missing') assert.ok(advice, name);
    if (status === 'ok') assert.deepEqual([lost, advice], [null, null], name);
  }
  for (const status of ['ok', 'degraded', 'missing']) {
    const count = report.checks.filter((check) => check.status === status).length;
    assert.equal(report[status], count);
  }
  assert.equal(code === 0, report.missing === 0);
  return { code, report, checks };
}

const missing = ({ report }) =>
  report.checks.filter(({ status }) => status === 'missing').map(({ name }) => name);

test('as root nothing is missing', TIMEOUT, async () => {
  const { code, report, checks } = await doctor();
  assert.equal(code, 0, JSON.stringify(report));
  for (const name of [...PROGRAMS, ...CAPABILITIES]) {
    assert.ok(checks[name] !== undefined, name);
    assert.notEqual(checks[name].status, 'missing');
  }
  const tried = report.checks.filter(({ name }) => /^(program|iterator) /.test(name));
  const known = PROGRAMS.length + PACKET_READERS.length;
  assert.equal(tried.length, known, 'a program that this test does not know');
  for (const name of OF_WEBSOCKETS) {
    assert.equal(checks[name]?.status, 'ok', JSON.stringify(checks[name]));
  }
  for (const name of ['BTF', 'ring buffer', 'network namespaces', 'pid namespace', '/proc']) {
    assert.equal(checks[name].status, 'ok', JSON.stringify(checks[name]));
  }
  assert.match(checks.daemon.found, /none answers/);
});

test('as a table, with a summary at the end', TIMEOUT, async () => {
  const { code, stdout } = await wsbpf(['doctor']);
  assert.equal(code, 0, stdout);
  const lines = stdout.trimEnd().split('\n');
  assert.match(lines[0], /^STATUS +CHECK +FOUND$/);
  assert.match(lines.at(-1), /^\d+ ok, \d+ degraded, 0 missing: wsbpf can observe this machine/);
  for (const name of [...PROGRAMS, ...CAPABILITIES]) assert.ok(stdout.includes(` ${name} `), name);
});

test('a daemon is found, and not disturbed', TIMEOUT, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port]);
  await leak(clients, server, 3);
  await until(async () => assert.equal((await daemon.connections()).length, 3));
  const objects = [...bpfObjectsOf(daemon.pid)].sort();
  const { checks } = await doctor({}, ['--socket', daemon.socket]);
  assert.match(checks.daemon.found, /^answers on/);
  assert.deepEqual([...bpfObjectsOf(daemon.pid)].sort(), objects);
  assert.equal((await daemon.connections()).length, 3);
  await leak(clients, server, 2);
  await until(async () => assert.equal((await daemon.connections()).length, 5));
});

test('not root: everything that is missing is named, with what to do', TIMEOUT, async () => {
  // The build may be where nobody else can reach.
  const directory = temporaryDirectory();
  chmodSync(directory, 0o777);
  const binary = join(directory, 'wsbpf');
  copyFileSync(BINARY, binary);
  const wrapper = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
  wrapper.push('--reuid=65534', '--clear-groups');
  const found = await doctor({ wrapper, binary });
  assert.equal(found.code, LACKING);
  for (const name of CAPABILITIES) assert.ok(missing(found).includes(name), name);
  for (const name of PROGRAMS) {
    assert.equal(found.checks[name].status, 'missing', name);
    assert.match(found.checks[name].found, /CAP_BPF is missing/);
    assert.match(found.checks[name].advice, /root/);
  }
  for (const name of PACKET_READERS) {
    assert.equal(found.checks[name].status, 'degraded', name);
    assert.match(found.checks[name].found, /CAP_BPF is missing/);
  }
});

test('one capability dropped is the one that is named', TIMEOUT, async () => {
  const found = await doctor({ wrapper: ['setpriv', '--bounding-set=-sys_ptrace'] });
  assert.equal(found.code, LACKING);
  const lacking = missing(found).filter((name) => name.startsWith('CAP_'));
  assert.deepEqual(lacking, ['CAP_SYS_PTRACE']);
  for (const name of PROGRAMS) assert.equal(found.checks[name].status, 'ok', name);
});

test('in another pid namespace owners are lost', TIMEOUT, async () => {
  const wrapper = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const { code, checks } = await doctor({ wrapper });
  assert.equal(code, 0);
  assert.equal(checks['pid namespace'].status, 'degraded');
  assert.match(checks['pid namespace'].lost, /owns/);
  assert.match(checks['pid namespace'].advice, /hostPID/);
});

// The cgroup v2 root is not to be had, and all else is.
async function losesWebSockets(wrapper, found) {
  const { code, report, checks } = await doctor({ wrapper });
  assert.equal(code, 0, JSON.stringify(report));
  assert.match(checks['cgroup v2 root'].found, found);
  for (const name of [...PACKET_READERS, 'cgroup v2 root']) {
    assert.equal(checks[name].status, 'degraded', name);
    assert.match(checks[name].lost, /close codes.*TCP verdicts remain/);
  }
  assert.equal(checks.bpf_loop.status, 'ok');
}

test('without the cgroup v2 hierarchy', TIMEOUT, () =>
  losesWebSockets(withoutCgroupRoot, /mount -t cgroup2.*hostPID/),
);

test('with a part of the cgroup v2 hierarchy', TIMEOUT, () =>
  losesWebSockets(withPartOfCgroups(`wsbpf-doctor-${process.pid}`), /a part of.*hostPID/),
);

test('without BTF', TIMEOUT, async () => {
  const mask = 'mount -t tmpfs none /sys/kernel/btf; exec "$@"';
  const found = await doctor({ wrapper: ['unshare', '--mount', 'sh', '-ec', mask, 'sh'] });
  assert.equal(found.code, LACKING);
  assert.equal(found.checks.BTF.status, 'missing');
  assert.match(found.checks.BTF.advice, /CONFIG_DEBUG_INFO_BTF/);
  for (const name of PROGRAMS) assert.match(found.checks[name].found, /BTF is missing/, name);
});
