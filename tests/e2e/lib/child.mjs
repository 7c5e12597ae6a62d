// Helper processes which answer calls over IPC.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { diesWithUs } from './exit.mjs';

// Starts `script` as a child of the test `t`, in the network namespace `netns` if given. What the
// script passes to serve() as `info` becomes part of the returned object.
export async function startChild(t, script, args = [], { netns } = {}) {
  const inside = netns ? ['ip', 'netns', 'exec', netns] : [];
  const program = [...inside, process.execPath, script, ...args];
  const [file, ...rest] = [...diesWithUs('KILL'), ...program];
  // The test runner reads this process's stdout, so a child's goes to stderr.
  const child = spawn(file, rest, { stdio: ['ignore', 2, 2, 'ipc'] });
  const exited = once(child, 'exit');
  const pending = new Map();
  let calls = 0;

  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });

  const ready = new Promise((resolve, reject) => pending.set('ready', { resolve, reject }));
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = pending.get(id);
    pending.delete(id);
    if (error) reject(new Error(`${script}: ${error}`));
    else resolve(result);
  });
  child.on('exit', (code, signal) => {
    const error = new Error(`${script} ended: ${code ?? signal}`);
    for (const { reject } of pending.values()) reject(error);
  });

  return {
    pid: child.pid,
    signal: (name) => child.kill(name),
    call(method, ...args) {
      const id = ++calls;
      const answer = new Promise((resolve, reject) => pending.set(id, { resolve, reject }));
      child.send({ id, method, args });
      return answer;
    },
    ...(await ready),
  };
}

// The child's side: answers each call by the handler of its name.
export function serve(handlers, info = {}) {
  process.on('message', async ({ id, method, args }) => {
    try {
      process.send({ id, result: await handlers[method](...args) });
    } catch (error) {
      process.send({ id, error: error.stack });
    }
  });
  process.send({ id: 'ready', result: info });
}
