// The two ends of the connections that the daemon watches.
import { fileURLToPath } from 'node:url';
import { startChild } from './child.mjs';
import { freePort } from './ports.mjs';

const script = (name) => fileURLToPath(new URL(name, import.meta.url));

// A server of leak-server.mjs: { pid, port, call('close', count), call('rename', comm) }.
export async function startServer(t, { mode = 'leak', host = '127.0.0.1', netns } = {}) {
  return startChild(t, script('leak-server.mjs'), [mode, host, await freePort()], { netns });
}

// A process of clients.mjs: { pid, call('open', count, { host, port }), call('leave', count), … }.
export function startClients(t, { netns } = {}) {
  return startChild(t, script('clients.mjs'), [], { netns });
}

// Both ends in one process, pairs.mjs: { pid, port, call('live', plans, atOnce) }.
export async function startPairs(t, { host = '127.0.0.1', netns } = {}) {
  return startChild(t, script('pairs.mjs'), [host, await freePort()], { netns });
}

// Leaves `count` connections of `server` in CLOSE_WAIT.
export async function leak(clients, server, count, host) {
  await clients.call('open', count, { host, port: server.port });
  await clients.call('leave', count);
}
