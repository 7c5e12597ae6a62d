// A network namespace of a test's own.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { atExit } from './exit.mjs';

// Makes a namespace with its loopback up, gone when this process ends: { name, inode }.
export function createNetns() {
  const name = `wsbpf-${process.pid}-${randomBytes(4).toString('hex')}`;
  execFileSync('ip', ['netns', 'add', name]);
  atExit(() => execFileSync('ip', ['netns', 'delete', name]));
  execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  return { name, inode: statSync(`/run/netns/${name}`).ino };
}
