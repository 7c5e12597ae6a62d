// The program under test: the binary named by $WSBPF, else that of the release build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { atExit } from './exit.mjs';

export const BINARY = process.env.WSBPF
  ? resolve(process.env.WSBPF)
  : fileURLToPath(new URL('../../../build/release/wsbpf', import.meta.url));

const TIMEOUT_MS = 30_000;

const ROOT = mkdtempSync(join(tmpdir(), 'wsbpf-e2e-'));
chmodSync(ROOT, 0o755);
atExit(() => rmSync(ROOT, { recursive: true, force: true }));

// This process's environment without what would configure wsbpf, and with `extra`.
export function environment(extra = {}) {
  const inherited = Object.entries(process.env).filter(([key]) => !/^WSBPF|^NODE_/.test(key));
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', ...extra };
}

// Runs `wsbpf ARGS…` to its end, behind the command `wrapper` if given: { code, stdout, stderr }.
// The code is null when a signal ended it, as after 30 s without an end.
export async function wsbpf(args, { env, wrapper = [], binary = BINARY } = {}) {
  const [file, ...rest] = [...wrapper, binary, ...args];
  const child = spawn(file, rest, {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, stdout, stderr };
}

// A new directory that goes when this process ends.
export function temporaryDirectory() {
  return mkdtempSync(join(ROOT, 'run-'));
}
