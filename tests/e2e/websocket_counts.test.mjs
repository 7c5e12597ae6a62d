// A hundred thousand messages each way are counted exactly, wherever the kernel got them in order;
// else it is said how much was missed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChild } from './lib/child.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { createNetns } from './lib/netns.mjs';
import { freePort } from './lib/ports.mjs';
import { closedOf, rowOf, websocketMetric } from './lib/websockets.mjs';
import { until } from './lib/wait.mjs';

const TIMEOUT = { timeout: 240_000 };
const FLAGS = ['--role', 'both', '--sweep', '500ms'];
const SLOW = { deadline: 60_000 };

const ROUNDS = {
  // [messages each way, the longest of them]
  'small ones, many to a segment': [100_000, 20],
  'of every length form': [2_000, 100_000],
};

async function startChatter(t, netns) {
  const script = fileURLToPath(new URL('lib/chatter.mjs', import.meta.url));
  return startChild(t, script, [await freePort()], { netns });
}

// What the server's end and the client's have counted, of what was sent.
async function countsOf(daemon, clientPort) {
  const [server, client] = await Promise.all(
    ['server', 'client'].map(async (role) => (await rowOf(daemon, clientPort, role)).websocket),
  );
  return { server, client };
}

// What went out is counted always, as it was sent.
function isExactAtEgress({ server, client }, truth) {
  assert.deepEqual([server.messages_sent, server.message_bytes_sent], [truth.count, truth.sent]);
  assert.deepEqual(
    [client.messages_sent, client.message_bytes_sent],
    [truth.count, truth.received],
  );
}

function isExactAtIngress({ server, client }, truth) {
  assert.deepEqual(
    [server.messages_received, server.message_bytes_received],
    [truth.count, truth.received],
  );
  assert.deepEqual(
    [client.messages_received, client.message_bytes_received],
    [truth.count, truth.sent],
  );
  assert.deepEqual([server.missed_bytes, client.missed_bytes], [0, 0]);
}

// Never more than there was; and where it was less, that is said.
function isHonestAtIngress({ server, client }, truth) {
  for (const [end, bytes] of [[server, truth.received], [client, truth.sent]]) {
    assert.ok(end.messages_received <= truth.count, `${end.messages_received}`);
    assert.ok(end.message_bytes_received <= bytes, `${end.message_bytes_received}`);
    if (end.messages_received < truth.count) assert.ok(end.missed_bytes > 0);
    assert.ok(end.missed_bytes <= bytes + 14 * truth.count);
  }
}

for (const [what, [count, longest]] of Object.entries(ROUNDS)) {
  test(`${count} messages each way: ${what}`, TIMEOUT, async (t) => {
    const { name: netns } = createNetns();
    const chatter = await startChatter(t, netns);
    const daemon = await startDaemon(t, ['--port', chatter.port, ...FLAGS]);
    const clientPort = await chatter.call('open');
    const truth = { count, ...(await chatter.call('talk', count, longest)) };
    t.diagnostic(`TCPOFOQueue ${truth.outOfOrder}`);
    const counts = await until(async () => {
      const counts = await countsOf(daemon, clientPort);
      isExactAtEgress(counts, truth);
      if (truth.outOfOrder === 0) isExactAtIngress(counts, truth);
      else isHonestAtIngress(counts, truth);
      return counts;
    }, SLOW);
    for (const { violations } of Object.values(counts)) assert.equal(violations, 0);
    const sent = { direction: 'sent' };
    await until(async () =>
      assert.equal(await websocketMetric(daemon, chatter.port, 'messages_total', sent), count),
    );
    await chatter.call('close');
    const event = await closedOf(daemon, clientPort);
    assert.equal(event.verdict, 'clean');
    const { websocket } = event.connection;
    assert.equal(websocket.messages_sent, count);
    if (truth.outOfOrder === 0) assert.equal(websocket.close_code, 1000);
  });
}

test('segments are lost on the way', TIMEOUT, async (t) => {
  const COUNT = 20_000;
  const { name: netns } = createNetns();
  const chatter = await startChatter(t, netns);
  const daemon = await startDaemon(t, ['--port', chatter.port, ...FLAGS]);
  const clientPort = await chatter.call('open');
  execFileSync('ip', ['netns', 'exec', netns, 'nft', '-f', '-'], {
    input: `table inet lossy {
      chain input {
        type filter hook input priority 0;
        tcp flags & (syn | fin) == 0 numgen random mod 100 < 2 drop
      }
    }`,
  });
  const truth = { count: COUNT, ...(await chatter.call('talk', COUNT, 1000)) };
  execFileSync('ip', ['netns', 'exec', netns, 'nft', 'flush', 'ruleset']);
  assert.ok(truth.outOfOrder > 0, 'nothing was lost');
  const counts = await until(async () => {
    const counts = await countsOf(daemon, clientPort);
    isExactAtEgress(counts, truth);
    isHonestAtIngress(counts, truth);
    return counts;
  }, SLOW);
  const missed = counts.server.missed_bytes + counts.client.missed_bytes;
  t.diagnostic(
    `TCPOFOQueue ${truth.outOfOrder}, missed ${missed} bytes; received ` +
      `${counts.server.messages_received} and ${counts.client.messages_received} of ${COUNT}`,
  );
  assert.ok(missed > 0);
  for (const role of Object.keys(counts)) {
    if (counts[role].missed_bytes === 0) continue; // by chance, of one end
    const labels = { role };
    await until(async () => {
      assert.ok((await websocketMetric(daemon, chatter.port, 'missed_bytes_total', labels)) > 0);
    });
  }

  // In the end everything is accounted for: what was not counted was missed.
  await chatter.call('close');
  for (const [role, bytes] of [['server', truth.received], ['client', truth.sent]]) {
    const { websocket } = (await closedOf(daemon, clientPort, role)).connection;
    assert.ok(websocket.message_bytes_received + websocket.missed_bytes >= bytes, role);
    assert.notEqual(websocket.close_code, 1006);
  }
});
