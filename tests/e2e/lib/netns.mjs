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

const nft = (name, commands) =>
  execFileSync('ip', ['netns', 'exec', name, 'nft', '-f', '-'], { input: commands });

// Drops, in the namespace `name`, what the server on `port` sends to clients with these ports: its
// FINs to 40000 to 49999, its SYN+ACKs to 50000 and above.
export function holdBack(name, port) {
  const rules = `table inet wsbpf {
    chain input {
      type filter hook input priority 0;
      tcp sport ${port} tcp dport 40000-49999 tcp flags & fin == fin drop
      tcp sport ${port} tcp dport 50000-65535 tcp flags & (syn | ack) == (syn | ack) drop
    }
  }`;
  nft(name, rules);
}

// Makes peers vanish in the namespace `name`, by the port of their server: of those that are `gone`
// it hears nothing more, those that are `deaf` get none of its SYN+ACKs.
export function vanisher(name) {
  nft(
    name,
    `table inet vanished {
      set gone { type inet_service; }
      set deaf { type inet_service; }
      chain input {
        type filter hook input priority 0;
        tcp dport @gone drop
        tcp sport @deaf tcp flags & (syn | ack) == (syn | ack) drop
      }
    }`,
  );
  return {
    vanish: (how, port) => nft(name, `add element inet vanished ${how} { ${port} }`),
    comeBack: (how, port) => nft(name, `delete element inet vanished ${how} { ${port} }`),
  };
}
