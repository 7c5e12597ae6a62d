// A WebSocket client that comes, and goes as it should: visitor.mjs URL. Where it is not let in, it
// says why.
import { WebSocket } from 'ws';

const client = new WebSocket(process.argv[2], { perMessageDeflate: false });
client.on('open', () => {
  client.send('hello');
  client.close(1000);
});
client.on('error', (error) => console.error(error.message));
