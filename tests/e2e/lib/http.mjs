// HTTP GET over TCP or a Unix socket.
import { once } from 'node:events';
import { get as request } from 'node:http';
import { text } from 'node:stream/consumers';

// `where` is { port } or { socketPath }. Resolves to { status, body }.
export async function get(where, path) {
  const sent = request({ host: '127.0.0.1', ...where, path, agent: false, timeout: 10_000 });
  sent.once('timeout', () => sent.destroy(new Error(`no answer to GET ${path} in 10 s`)));
  const [response] = await once(sent, 'response');
  return { status: response.statusCode, body: await text(response) };
}

export async function getJson(where, path) {
  const { status, body } = await get(where, path);
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`);
  return JSON.parse(body);
}
