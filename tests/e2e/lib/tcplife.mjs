// bcc's tcplife, an observer that shares no line with ours.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { diesWithUs } from './exit.mjs';
import { until } from './wait.mjs';

// It needs tracefs; where that is not mounted it gets one in a mount namespace of its own.
const WITH_TRACEFS = [
  ...['unshare', '--mount', 'sh', '-ec'],
  '[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"',
  'sh',
];

// Starts tcplife with `flags` for the test `t` and waits until it is attached:
// { lives: [{ local, remote, sentKb, receivedKb, ms }], complaints: the lines of stderr }.
// `local` and `remote` are ports; the sizes are text, as printed.
export async function startTcplife(t, ...flags) {
  const program = [...diesWithUs('TERM'), ...WITH_TRACEFS, 'stdbuf', '-oL', 'tcplife', ...flags];
  const [file, ...args] = program.map(String);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGINT');
    await exited;
  });

  let attached = false;
  const lives = [];
  const complaints = [];
  createInterface(child.stderr).on('line', (line) => complaints.push(line));
  createInterface(child.stdout).on('line', (line) => {
    // PID COMM LADDR LPORT RADDR RPORT TX_KB RX_KB MS, where COMM may hold spaces.
    const [ms, receivedKb, sentKb, remote, , local] = line.trim().split(/\s+/).reverse();
    if (ms === 'MS') attached = true; // the heading
    else lives.push({ local: +local, remote: +remote, sentKb, receivedKb, ms: +ms });
  });
  await until(() => attached, {
    giveUp: () => child.exitCode !== null && `tcplife ended: ${complaints.join('\n')}`,
  });
  return { lives, complaints };
}
