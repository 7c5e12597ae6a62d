// `wsbpf run` as a child, with a socket, state file, event log and HTTP port of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { diesWithUs } from './exit.mjs';
import { get, getJson } from './http.mjs';
import { freePort } from './ports.mjs';
import { START_MS, until } from './wait.mjs';
import { BINARY, environment, temporaryDirectory, wsbpf } from './wsbpf.mjs';

// Starts the daemon, behind the command `wrapper` if given, waits until it is ready, and ends it
// after `t`. The `directory` of another daemon makes this one its successor, its `port` one in its
// place.
export async function startDaemon(t, flags = [], options = {}) {
  const daemon = new Daemon(flags, options.port ?? (await freePort()), options);
  t.after(() => daemon.stop());
  await until(async () => (await daemon.getTcp('/readyz')).status === 200, {
    deadline: START_MS,
    giveUp: () => daemon.ended && `wsbpf run ended: ${daemon.log.join('\n')}`,
  });
  return daemon;
}

const socketIn = (directory) => join(directory, 'wsbpf.sock');
const eventLogIn = (directory) => join(directory, 'events.jsonl');

// The flags that keep one daemon apart from every other.
export function isolation({ directory, port, socket = socketIn(directory) }) {
  return [
    ...['--socket', socket],
    ...['--state-file', join(directory, 'state')],
    ...['--event-log', eventLogIn(directory)],
    ...['--listen', `127.0.0.1:${port}`],
  ];
}

class Daemon {
  #child;
  #exit;

  constructor(flags, port, { env, wrapper = [], directory = temporaryDirectory() }) {
    const program = [...diesWithUs('TERM'), ...wrapper, BINARY, 'run'];
    const [file, ...args] = [...program, ...isolation({ directory, port }), ...flags.map(String)];
    this.directory = directory;
    this.socket = socketIn(directory);
    this.eventLog = eventLogIn(directory);
    this.port = port;
    this.log = []; // the lines of stderr
    this.#child = spawn(file, args, { env: environment(env), stdio: ['ignore', 2, 'pipe'] });
    this.#exit = once(this.#child, 'exit');
    createInterface(this.#child.stderr).on('line', (line) => this.log.push(line));
  }

  get pid() {
    return this.#child.pid;
  }

  get ended() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  signal(name) {
    this.#child.kill(name);
  }

  // Ends the daemon: { code, signal, seconds }.
  async stop(name = 'SIGTERM') {
    const start = performance.now();
    this.signal(name);
    const [code, signal] = await this.#exit;
    return { code, signal, seconds: (performance.now() - start) / 1000 };
  }

  getTcp(path) {
    return get({ port: this.port }, path);
  }

  // JSON over the Unix socket.
  get(path) {
    return getJson({ socketPath: this.socket }, path);
  }

  async metrics() {
    return (await this.getTcp('/metrics')).body;
  }

  async connections() {
    return (await this.get('/api/connections')).connections;
  }

  async listener(port, role = 'server') {
    const { listeners } = await this.get('/api/listeners');
    return listeners.find((listener) => listener.port === port && listener.role === role);
  }

  async firing() {
    return (await this.get('/api/alerts')).alerts.filter(({ state }) => state === 'firing');
  }

  // Those of listeners. EventsLost is of none: a machine may lose events in the midst of any test.
  async firingOfListeners() {
    return (await this.firing()).filter(({ listener }) => listener !== null);
  }

  // What the event log says of listeners' alerts.
  alertEvents() {
    return this.events('alert').filter(({ alert }) => alert.listener !== null);
  }

  // The event log's lines of this type.
  events(wanted) {
    if (!existsSync(this.eventLog)) return [];
    const lines = readFileSync(this.eventLog, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line)).filter(({ type }) => type === wanted);
  }

  // A reading command that asks this daemon.
  command(name, ...args) {
    return wsbpf([name, '--socket', this.socket, ...args]);
  }
}
