// Connections of which both ends are plain sockets of raw.py.
import { startEnds } from './ends.mjs';
import { closeFrame, frame, request, response } from './frames.mjs';
import { freePort } from './ports.mjs';

const hex = (bytes) => Buffer.from(bytes).toString('hex');

// { port, connect(), open(), call() }, in the network namespace `netns` if given.
export async function startRaw(t, { netns } = {}) {
  const port = await freePort();
  const ends = startEnds(t, { netns, script: 'raw.py' });
  await ends.call('listen', { port });

  // A connection that is not a WebSocket yet.
  async function connect() {
    return connectionOf(ends, await ends.call('connect', { port }));
  }
  // One that has made its handshake.
  async function open() {
    const connection = await connect();
    await connection.handshake();
    return connection;
  }
  return { port, connect, open };
}

// The client's end alone, of a connection to another's `port`.
export async function dial(t, port) {
  const ends = startEnds(t, { script: 'raw.py' });
  return connectionOf(ends, await ends.call('dial', { port }));
}

function connectionOf(ends, clientPort) {
  const call = (name, end, parameters) => ends.call(name, { name: clientPort, end, ...parameters });
  const send = (end, bytes) => call('send', end, { hex: hex(bytes) });
  // Resolves when the other end has read it, too.
  const pass = async (end, bytes) => {
    const count = Buffer.from(bytes).length;
    await send(end, bytes);
    return call('receive', end === 'client' ? 'server' : 'client', { count });
  };
  return {
    clientPort,
    call,
    send,
    pass,
    sendPieces: (end, bytes, bytesEach = 1) =>
      call('send_pieces', end, { hex: hex(bytes), bytes_each: bytesEach }),
    async handshake() {
      await pass('client', request());
      await pass('server', response());
    },
    frame: (end, opcode, payload, options) =>
      pass(end, frame(opcode, payload, { masked: end === 'client', ...options })),
    close: (end, code) => pass(end, closeFrame(code, { masked: end === 'client' })),
    // Half-closes both ends, `first` before the other, and lets go of them.
    async end(first) {
      const second = first === 'client' ? 'server' : 'client';
      await call('fin', first);
      await call('drain', second);
      await call('fin', second);
      await call('drain', first);
      await call('close', first);
      await call('close', second);
    },
  };
}
