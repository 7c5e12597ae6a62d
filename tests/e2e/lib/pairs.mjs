// TCP connections of which both ends are here, so that it is known what was sent and how each
// ended: pairs.mjs HOST PORT.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from './child.mjs';

const [host, port] = process.argv.slice(2);

// Longer than an ACK is ever delayed (TCP_DELACK_MAX is HZ / 5).
const DELAYED_ACK_MS = 250;

// Neither end reads, nor answers a FIN, by itself.
const accepting = new Map(); // by the client's port
const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
  socket.on('error', () => {});
  accepting.get(socket.remotePort)?.(socket);
});
server.listen({ port: Number(port), host, backlog: 4096 });
await once(server, 'listening');

async function open(localPort) {
  const accepted = new Promise((resolve) => accepting.set(localPort, resolve));
  const client = connect({ host, port: Number(port), localPort, allowHalfOpen: true });
  await once(client, 'connect');
  client.on('error', () => {});
  const pair = { client, server: await accepted };
  accepting.delete(localPort);
  return pair;
}

// Resolves when `to` has read all.
async function send(from, to, bytes) {
  if (bytes === 0) return;
  let left = bytes;
  const read = new Promise((resolve, reject) => {
    to.on('data', function count(chunk) {
      left -= chunk.length;
      if (left > 0) return;
      to.off('data', count);
      resolve();
    });
    to.once('close', () => reject(new Error(`closed with ${left} bytes to come`)));
  });
  to.resume();
  from.write(Buffer.alloc(bytes));
  await read;
}

// Half-closes `from`; resolves when `to` has read the FIN.
async function end(from, to) {
  const seen = once(to, 'end');
  to.resume();
  from.end();
  await seen;
}

// Unlike once(), this does not mind a reset.
const closed = (socket) => socket.closed || new Promise((done) => socket.once('close', done));

// How a connection ends. Each resolves when both ends have been closed.
const endings = {
  async client_fin({ client, server }) {
    await end(client, server);
    await end(server, client);
  },
  // The server half-closes, and is still there for the client's FIN.
  async server_fin({ client, server }) {
    await end(server, client);
    await end(client, server);
  },
  // The server closes altogether, and the client's FIN meets a timewait socket.
  async server_close({ client, server }) {
    const seen = once(client, 'end');
    client.resume();
    server.destroy();
    await seen;
    await sleep(DELAYED_ACK_MS);
    client.destroy();
  },
  async client_reset({ client, server }) {
    server.resume();
    client.resetAndDestroy();
    await closed(server);
  },
  async server_reset({ client, server }) {
    client.resume();
    server.resetAndDestroy();
    await closed(client);
  },
  // The server closes with data that it has not read: it has read nothing.
  async unread({ client, server }) {
    client.resume();
    server.destroy();
    await closed(client);
  },
  // The client half-closes, then resets.
  async reset_after_fin({ client, server }) {
    await end(client, server);
    await sleep(DELAYED_ACK_MS);
    client.resetAndDestroy();
    // The server's end has nothing more to read, so that the reset shows in a write only.
    await sleep(DELAYED_ACK_MS);
    server.destroy();
  },
  // The server half-closes, and the client resets.
  async reset_after_our_fin({ client, server }) {
    await end(server, client);
    await sleep(DELAYED_ACK_MS);
    server.resume();
    client.resetAndDestroy();
    await closed(server);
  },
};

async function live({ localPort, up, down, ms, ending }) {
  const pair = await open(localPort);
  const { client, server } = pair;
  await send(server, client, down);
  if (ending === 'unread') {
    client.write(Buffer.alloc(up));
    await sleep(DELAYED_ACK_MS);
  } else {
    await send(client, server, up);
  }
  await sleep(ms);
  await endings[ending](pair);
  await Promise.all([closed(client), closed(server)]);
}

// The mix: connections that dwell a moment in each state that they come through, so that at any
// time some are in every state. It can be frozen, and then nothing moves but the kernel's timers.
const MAX_DWELL_MS = 300;

const mix = { running: false, workers: [], parked: 0, frozen: null, thaw: null };

async function dwell() {
  await sleep(Math.random() * MAX_DWELL_MS);
  if (!mix.frozen) return;
  ++mix.parked;
  await mix.frozen;
  --mix.parked;
}

const PORTS = { ordinary: 36_000, held: 40_000, mute: 50_000 }; // see holdBack() in netns.mjs
const nextPort = (range) => PORTS[range]++;

const paths = [
  async function close_wait() {
    const { client, server } = await open(nextPort('ordinary'));
    await dwell();
    await end(client, server);
    await dwell();
    await end(server, client);
  },
  async function fin_wait2() {
    const { client, server } = await open(nextPort('ordinary'));
    await dwell();
    await end(server, client);
    await dwell();
    await end(client, server);
  },
  // The socket is closed, and a timewait socket goes through FIN_WAIT2 in its place.
  async function fin_wait2_orphan() {
    const { client, server } = await open(nextPort('ordinary'));
    await dwell();
    const seen = once(client, 'end');
    client.resume();
    server.destroy();
    await seen;
    await dwell();
    client.destroy();
  },
  async function aborted() {
    const { client, server } = await open(nextPort('ordinary'));
    await dwell();
    server.resume();
    client.resetAndDestroy();
    await closed(server);
  },
  // The server's FIN does not arrive.
  async function last_ack() {
    const { client, server } = await open(nextPort('held'));
    await end(client, server);
    await dwell();
    server.end();
    await dwell();
    client.resetAndDestroy();
    await closed(server);
  },
  async function closing() {
    const { client, server } = await open(nextPort('held'));
    await dwell();
    server.end();
    await dwell();
    await end(client, server);
    await dwell();
    client.resetAndDestroy();
    await closed(server);
  },
  // Nor does the handshake's second step.
  async function syn_recv() {
    const localPort = nextPort('mute');
    const client = connect({ host, port: Number(port), localPort }).on('error', () => {});
    await dwell();
    client.destroy();
  },
];

async function keepMixing() {
  while (mix.running) await paths[Math.floor(Math.random() * paths.length)]();
}

serve(
  {
    startMix(workers) {
      mix.running = true;
      mix.workers = Array.from({ length: workers }, keepMixing);
    },

    // Resolves when all stand still.
    async freeze() {
      mix.frozen = new Promise((thaw) => (mix.thaw = thaw));
      while (mix.parked < mix.workers.length) await sleep(10);
    },

    thaw() {
      mix.frozen = null;
      mix.thaw();
    },

    async stopMix() {
      mix.running = false;
      await Promise.all(mix.workers);
    },

    // Lives through all of `plans`, { localPort, up, down, ms, ending } each, `atOnce` at a time.
    async live(plans, atOnce) {
      const left = [...plans];
      const worker = async () => {
        while (left.length > 0) await live(left.shift());
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    },
  },
  { port: Number(port) },
);
