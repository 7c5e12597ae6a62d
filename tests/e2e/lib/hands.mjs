// A server of hands.py, and a client of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { diesWithUs } from './exit.mjs';
import { freePort } from './ports.mjs';

// { pid, port, step(name) }: step() resolves to the pid of whoever took part in it.
export async function startHands(t) {
  const port = await freePort();
  const script = fileURLToPath(new URL('hands.py', import.meta.url));
  const [file, ...args] = [...diesWithUs('KILL'), 'python3', script, port];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 2] });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextPid = async () => Number((await lines.next()).value);
  return {
    port,
    pid: await nextPid(),
    step(name) {
      child.stdin.write(`${name}\n`);
      return nextPid();
    },
  };
}

// A connection to it, open until the test `t` ends.
export async function visit(t, { port }) {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
