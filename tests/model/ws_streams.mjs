// A real server and a real client, both npm's `ws`, talk through a relay that records every byte;
// model_streams then compares what the kernel's parser reads in them with what `ws` itself says it
// received, whole and cut at every byte.
// usage: node ws_streams.mjs MODEL_STREAMS     (ws is that of tests/e2e)
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import net from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';

const {Receiver, WebSocket, WebSocketServer} =
    createRequire(new URL('../e2e/package.json', import.meta.url))('ws');

const IN = 0;  // of the server: from the client
const OUT = 1;

// What is going on now: one connection at a time.
let recording;

// `ws` says what it received message by message; frame by frame it knows here.
const haveLength = Receiver.prototype.haveLength;
Receiver.prototype.haveLength = function(callback) {
  const direction = this._isServer ? IN : OUT;
  const isData = this._opcode < 8;
  const isContinuation = isData && recording.inMessage[direction];
  if (isData) recording.inMessage[direction] = !this._fin;
  recording.frames[direction].push({
    opcode: isContinuation ? 0 : this._opcode,
    final: this._fin,
    length: this._payloadLength,
  });
  return haveLength.call(this, callback);
};

function record(direction, bytes) {
  const last = recording.turns.at(-1);
  if (last?.direction === direction) {
    last.bytes = Buffer.concat([last.bytes, bytes]);
  } else {
    recording.turns.push({direction, bytes});
  }
}

async function relayTo(port) {
  const relay = net.createServer({allowHalfOpen: true}, (client) => {
    const server = net.connect({port, host: '127.0.0.1', allowHalfOpen: true});
    for (const [from, to, direction] of [[client, server, IN], [server, client, OUT]]) {
      from.on('data', (bytes) => {
        record(direction, bytes);
        to.write(bytes);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroySoon());
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return relay;
}

// `talk(client, server)` ends the connection; its name says how.
async function converse(name, compressed, talk) {
  recording = {
    name,
    compressed,
    turns: [],
    frames: [[], []],
    closeCodes: [0, 0],
    inMessage: [false, false],
  };
  const perMessageDeflate = compressed && {threshold: 0};
  const server = new WebSocketServer({port: 0, host: '127.0.0.1', perMessageDeflate});
  await once(server, 'listening');
  const relay = await relayTo(server.address().port);
  const accepted = once(server, 'connection');
  const client = new WebSocket(`ws://127.0.0.1:${relay.address().port}/chat`, {perMessageDeflate});
  const [[peer]] = await Promise.all([accepted, once(client, 'open')]);
  if ((client.extensions !== '') !== compressed) throw new Error(`${name}: ${client.extensions}`);
  const closed = [peer, client].map(async (end, direction) => {
    const [code] = await once(end, 'close');
    recording.closeCodes[direction] = code === 1006 ? 0 : code;  // 1006: none has come
  });
  talk(client, peer);
  await Promise.all(closed);
  relay.close();
  server.close();
  await Promise.all([once(relay, 'close'), once(server, 'close')]);
  return {
    ...recording,
    turns: recording.turns.map(({direction, bytes}) => ({direction, hex: bytes.toString('hex')})),
  };
}

const text = (length) => 'The quick brown fox. '.repeat(1 + length / 21).slice(0, length);
const noise = (length) => createHash('shake256', {outputLength: length}).digest();

function say(end) {
  for (const length of [0, 1, 125, 126]) end.send(text(length));
  end.ping('are you there?');
  end.send(noise(1000));
  end.send(text(10), {fin: false});
  end.send(text(200), {fin: false});
  end.ping();
  end.send(text(0), {fin: true});
}

function sayMuch(end) {
  say(end);
  for (const length of [65535, 65536, 70000]) end.send(noise(length));
  end.pong('unasked');
}

// Every one that may be sent: RFC 6455 section 7.4, IANA's registry, and none.
const codes = [
  undefined, 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999,
  4000, 4999,
];

const recordings = [];
for (const compressed of [false, true]) {
  const kind = compressed ? 'compressed' : 'plain';
  for (const code of codes) {
    for (const who of ['client', 'server']) {
      const name = `${kind}, ${who} closes with ${code ?? 'no code'}`;
      recordings.push(await converse(name, compressed, (client, server) => {
        say(client);
        say(server);
        (who === 'client' ? client : server).close(code, code && 'so long');
      }));
    }
  }
  recordings.push(await converse(`${kind}, closes cross`, compressed, (client, server) => {
    client.close(1000);
    server.close(1001);
  }));
  recordings.push(await converse(`${kind}, long`, compressed, (client, server) => {
    sayMuch(client);
    sayMuch(server);
    client.close(1000);
  }));
  recordings.push(await converse(`${kind}, gone without a Close`, compressed, (client, server) => {
    server.on('message', (message) => String(message) === 'last' && server.terminate());
    say(client);
    client.send('last');
  }));
}

const folder = mkdtempSync(path.join(tmpdir(), 'wsbpf-streams-'));
const file = path.join(folder, 'recordings.json');
writeFileSync(file, JSON.stringify(recordings));
const {status} = spawnSync(process.argv[2], [file], {stdio: 'inherit'});
rmSync(folder, {recursive: true});
process.exit(status ?? 1);
