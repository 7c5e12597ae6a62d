// Ports for servers, outside the range from which the kernel takes those of clients.
import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST = 10_000;
const LAST = 32_000;

const random = () => FIRST + Math.floor(Math.random() * (LAST - FIRST));

// A port on which nobody listens.
export async function freePort() {
  for (;;) {
    const server = createServer().listen(random());
    try {
      await once(server, 'listening');
      return server.address().port;
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
    } finally {
      await new Promise((closed) => server.close(closed));
    }
  }
}
