// WebSocket clients which leave without a Close frame.
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { serve } from './child.mjs';

const HANDSHAKES_AT_ONCE = 64;
const TICK_MS = 20;

const open = [];
let churning = false;
let churners = [];

// Resolves to the socket of a WebSocket after a real handshake.
function connect({ host = '127.0.0.1', port }) {
  return new Promise((resolve, reject) => {
    const url = `ws://${isIPv6(host) ? `[${host}]` : host}:${port}`;
    const client = new WebSocket(url, { perMessageDeflate: false });
    let socket;
    client.once('upgrade', (response) => (socket = response.socket));
    client.once('open', () => resolve(socket));
    client.once('error', reject);
  });
}

function leave(socket) {
  socket.end(() => socket.destroy());
}

// Opens and leaves one connection after the other; every fifth stays open.
async function churn(target) {
  for (let i = 0; churning; ++i) {
    const socket = await connect(target);
    if (i % 5 === 0) {
      open.push(socket);
    } else {
      await sleep(Math.random() * TICK_MS);
      leave(socket);
    }
  }
}

serve({
  async open(count, target) {
    let left = count;
    const worker = async () => {
      while (left-- > 0) open.push(await connect(target));
    };
    await Promise.all(Array.from({ length: Math.min(count, HANDSHAKES_AT_ONCE) }, worker));
  },

  // Returns how many seconds it took.
  async leave(count, { perSecond = Infinity } = {}) {
    const start = performance.now();
    const seconds = () => (performance.now() - start) / 1000;
    for (let done = 0; done < count;) {
      const due = Math.min(count, Math.ceil(seconds() * perSecond));
      open.splice(0, due - done).forEach(leave);
      done = due;
      if (done < count) await sleep(TICK_MS);
    }
    return seconds();
  },

  reset(count) {
    for (const socket of open.splice(0, count)) socket.resetAndDestroy();
  },

  // Resolves when it is well under way.
  async startChurn(workers, target) {
    const underWay = open.length + 3 * workers;
    churning = true;
    churners = Array.from({ length: workers }, () => churn(target));
    while (open.length < underWay) await sleep(TICK_MS);
  },

  // Returns how many connections stay open.
  async stopChurn() {
    churning = false;
    await Promise.all(churners);
    return open.length;
  },
});
