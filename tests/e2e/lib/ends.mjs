// Python processes which hold both ends of connections over loopback: ends.py, or another script
// that takes its calls in the same way.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { diesWithUs } from './exit.mjs';

// In the network namespace `netns`, if given: { call('open', { port, count }) }.
export function startEnds(t, { netns, script = 'ends.py' } = {}) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const inside = netns ? ['ip', 'netns', 'exec', netns] : [];
  const [file, ...args] = [...diesWithUs('KILL'), ...inside, 'python3', path];
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
        if (done) throw new Error(`${script} ended before it could ${name}`);
        return JSON.parse(value);
      });
      return last;
    },
  };
}
