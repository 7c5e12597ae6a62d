// WebSocket clients that stay: clients.mjs URL COUNT [LEAVING [FROM]]. Once all are open, LEAVING of
// them go as a browser does that is ended, without a Close frame. FROM is the address that they come from.
import { WebSocket } from 'ws';

const [url, count, leaving = 0, localAddress] = process.argv.slice(2);

const open = () =>
  new Promise((resolve, reject) => {
    const client = new WebSocket(url, { perMessageDeflate: false, localAddress });
    let socket;
    client.once('upgrade', (response) => (socket = response.socket));
    client.once('open', () => resolve(socket));
    client.once('error', reject);
  });

const sockets = await Promise.all(Array.from({ length: Number(count) }, open));
for (const socket of sockets.splice(0, Number(leaving))) socket.end(() => socket.destroy());
setInterval(() => {}, 1 << 30); // stays, also when all its connections have been cut
