// A WebSocket server: server.mjs leak|quiet|talk HOST PORT
//   leak   never closes what its clients have left, as servers do that wait for a Close frame
//   quiet  says nothing by itself and closes properly
//   talk   sends everybody a message twice a second
import http from 'node:http';
import { WebSocketServer } from 'ws';

const TALK_MS = 500;

const [mode, host, port] = process.argv.slice(2);

const UPGRADE_REQUIRED = 426;

// An http.Server opens its sockets with allowHalfOpen: true: who does not end them keeps them.
const server = http.createServer((_, response) => response.writeHead(UPGRADE_REQUIRED).end());
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

if (mode === 'leak') {
  sockets.on('connection', (_, { socket }) => socket.removeAllListeners('end'));
}
if (mode === 'talk') {
  setInterval(() => sockets.clients.forEach((client) => client.send('news')), TALK_MS);
}

server.listen(Number(port), host);
