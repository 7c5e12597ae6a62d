// A WebSocket server which is slow to close, or never does: leak-server.mjs MODE HOST PORT.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { WebSocketServer } from 'ws';
import { serve } from './child.mjs';

const BRIEF_MS = 200;

const [mode, host, port] = process.argv.slice(2);
const leaked = new Set();

const onPeerLeft = {
  leak: (socket) => leaked.add(socket),
  brief: (socket) => setTimeout(() => socket.destroy(), BRIEF_MS),
}[mode];

// An http.Server opens its sockets with allowHalfOpen: true, so a FIN is not answered by itself.
const server = http.createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (_, { socket }) => {
  socket.removeAllListeners('end'); // ws would answer the peer's FIN with its own
  socket.once('end', () => onPeerLeft(socket));
  socket.once('close', () => leaked.delete(socket));
});

server.listen(Number(port), host);
await once(server, 'listening');

serve(
  {
    close(count = leaked.size) {
      for (const socket of [...leaked].slice(0, count)) socket.destroy();
    },
    rename: (comm) => writeFileSync('/proc/self/comm', comm),
  },
  { port: server.address().port },
);
