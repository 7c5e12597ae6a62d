// A WebSocket of ws of which both ends are here, and both talk: chatter.mjs PORT.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { WebSocket, WebSocketServer } from 'ws';
import { serve } from './child.mjs';

const port = Number(process.argv[2]);
const server = new WebSocketServer({ port, host: '127.0.0.1', perMessageDeflate: false });
await once(server, 'listening');

let ends = null;

// What the kernel has put behind a gap in this network namespace.
function outOfOrder() {
  const lines = readFileSync('/proc/self/net/netstat', 'utf8').split('\n');
  const [names, values] = lines
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('TCPOFOQueue')]);
}

// Sends `messages` of random lengths up to `longest`, so many in each write that bursts of them
// share a segment; resolves to their bytes when the other end has received all.
async function talk(from, to, messages, longest) {
  let left = messages;
  let bytes = 0;
  const received = new Promise((resolve) => {
    to.on('message', function count() {
      if (--left > 0) return;
      to.off('message', count);
      resolve();
    });
  });
  for (let sent = 0; sent < messages;) {
    const burst = Math.min(messages - sent, 1 + Math.floor(Math.random() * 500));
    from._socket.cork();
    for (let i = 0; i < burst; ++i) {
      const size = Math.floor(Math.random() * (longest + 1));
      from.send(Buffer.alloc(size));
      bytes += size;
    }
    from._socket.uncork();
    sent += burst;
    // Both ends have their turn, and not too much waits.
    await new Promise((turn) => setImmediate(turn));
    while (from.bufferedAmount > 1 << 20) await new Promise((turn) => setTimeout(turn, 1));
  }
  await received;
  return bytes;
}

serve(
  {
    // Returns the client's port.
    async open() {
      const accepted = once(server, 'connection');
      const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
      await once(client, 'open');
      ends = { client, server: (await accepted)[0] };
      return client._socket.localPort;
    },

    // Both ways at once: { received, sent, outOfOrder }, the bytes as the server knows them.
    async talk(messages, longest) {
      const before = outOfOrder();
      const [received, sent] = await Promise.all([
        talk(ends.client, ends.server, messages, longest),
        talk(ends.server, ends.client, messages, longest),
      ]);
      return { received, sent, outOfOrder: outOfOrder() - before };
    },

    async close() {
      const closed = once(ends.server, 'close');
      ends.client.close(1000);
      await closed;
    },
  },
  { port },
);
