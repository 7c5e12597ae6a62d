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
