// A cgroup with a name of a test's own.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { atExit } from './exit.mjs';

const mountPoint = () =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , type]) => type === 'cgroup2')?.[1];

// Moves the process `pid`, which must not outlive this one, into a new cgroup of the v2 hierarchy.
export function enterCgroup(path, pid) {
  const folder = join(mountPoint(), path);
  mkdirSync(folder);
  atExit(() => rmdirSync(folder));
  writeFileSync(join(folder, 'cgroup.procs'), `${pid}`);
}

// A command line prefix: what follows sees the cgroup v2 hierarchy nowhere, neither in mounts of
// its own nor in those of process 1, which is another one there.
export const withoutCgroupRoot = [
  ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
  ...['sh', '-ec', "umount --all --types cgroup2; exec \"$@\"", 'sh'],
];

// The same, but it sees the part of the hierarchy below a cgroup of its own, as in a container.
export function withPartOfCgroups(path) {
  const folder = join(mountPoint(), path);
  mkdirSync(folder);
  atExit(() => rmdirSync(folder));
  const enter = `echo $$ > ${folder}/cgroup.procs; exec "$@"`;
  const mount = `umount --all --types cgroup2; mount -t cgroup2 none ${mountPoint()}; exec "$@"`;
  return [
    ...['sh', '-ec', enter, 'sh'],
    ...['unshare', '--mount', '--cgroup', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...['sh', '-ec', mount, 'sh'],
  ];
}
