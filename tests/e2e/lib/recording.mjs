// `wsbpf record` as a child, and what `wsbpf replay` makes of its file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { diesWithUs } from './exit.mjs';
import { START_MS, until } from './wait.mjs';
import { BINARY, environment, temporaryDirectory, wsbpf } from './wsbpf.mjs';

// Begins a recording from `daemon`, or, with `flags` that say so, of another kind, and waits until
// its file holds something.
export async function startRecording(t, flags) {
  const file = join(temporaryDirectory(), 'recording');
  const [program, ...prefix] = [...diesWithUs('KILL'), BINARY];
  const child = spawn(program, [...prefix, 'record', file, ...flags.map(String)], {
    env: environment(),
    stdio: ['ignore', 2, 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const closed = once(child, 'close');
  t.after(() => child.kill('SIGKILL'));
  const recording = {
    file,
    pid: child.pid,
    signal: (name) => child.kill(name),
    // Waits for its end: { code, stderr }.
    async end() {
      const [code] = await closed;
      return { code, stderr };
    },
    stop(name = 'SIGINT') {
      child.kill(name);
      return recording.end();
    },
  };
  await until(() => statSync(file).size > 0, {
    deadline: START_MS,
    giveUp: () => child.exitCode !== null && `wsbpf record ended: ${stderr}`,
  });
  return recording;
}

// As fast as it goes: { code, lines, stdout, stderr }.
export async function replay(file, flags = [], options = {}) {
  const ended = await wsbpf(['replay', file, '--speed', 'max', ...flags.map(String)], options);
  return { ...ended, lines: ended.stdout.split('\n').slice(0, -1) };
}
