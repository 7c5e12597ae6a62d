// A process of ends.py: both ends of connections over loopback.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { diesWithUs } from './exit.mjs';

// In the network namespace `netns`: { call('open', { port, count }) }.
export function startEnds(t, { netns }) {
  const script = fileURLToPath(new URL('ends.py', import.meta.url));
  const inside = ['ip', 'netns', 'exec', netns, 'python3', script];
  const [file, ...args] = [...diesWithUs('KILL'), ...inside];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 2] });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  let last = Promise.resolve();
  return {
    // One call after the other, whoever makes them.
    call(name, parameters) {
      child.stdin.write(`${JSON.stringify({ do: name, ...parameters })}\n`);
      last = last.then(async () => {
        const { done, value } = await answers.next();
        if (done) throw new Error(`ends.py ended before it could ${name}`);
        return JSON.parse(value);
      });
      return last;
    },
  };
}
