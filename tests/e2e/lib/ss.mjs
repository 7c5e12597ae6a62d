// What ss says of the server's side of the connections on a port.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

const STATES = {
  ESTAB: 'established',
  'SYN-SENT': 'syn_sent',
  'SYN-RECV': 'syn_recv',
  'FIN-WAIT-1': 'fin_wait1',
  'FIN-WAIT-2': 'fin_wait2',
  'TIME-WAIT': 'time_wait',
  'CLOSE-WAIT': 'close_wait',
  'LAST-ACK': 'last_ack',
  CLOSING: 'closing',
};

// The connections with this local port: [{ state, local, remote }], without those which listen.
export async function ssConnections(port, { netns } = {}) {
  const ss = ['ss', '-Htan', 'sport', '=', `:${port}`];
  const [file, ...args] = netns ? ['ip', 'netns', 'exec', netns, ...ss] : ss;
  const { stdout } = await run(file, args, { maxBuffer: 64 << 20 });
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([state]) => state in STATES)
    .map(([state, , , local, remote]) => ({ state: STATES[state], local, remote }));
}

// The same by state: { established: 3, close_wait: 51 }.
export async function ssCounts(port, options) {
  return countBy(await ssConnections(port, options), ({ state }) => state);
}

export function countBy(items, key) {
  const counts = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}
