// bcc's tcplife, run beside the daemon, agrees on how long every connection of a churn lasted and
// on its bytes.
//
// The bytes are not the same figures: wsbpf says what the applications sent and received, tcplife
// prints the kernel's counters. bytes_received counts the peer's FIN once it has arrived, and
// bytes_acked our FIN once it is acknowledged and, on the side that connected, our SYN: each takes a
// sequence number (RFC 9293 section 3.4). Exactly those are added before the two are compared, by
// what is known of each ending.
//
// tcplife prints hundredths of a kilobyte, 10.24 bytes. Each size here lies within three bytes of
// where its rounding turns, so that a single byte, such as a FIN that only one of them counts, shows
// in a third of the connections.
//
// A BPF program that a softirq interrupts and enters again is skipped, ours and tcplife's. On
// loopback the delayed ACK of a FIN can come in that way, a few times in ten thousand connections.
// wsbpf's verdict on such a connection is `unknown`, and those are not compared; tcplife has no line
// for it. Neither may happen to more than one in a hundred.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { sum } from './lib/metrics.mjs';
import { createNetns } from './lib/netns.mjs';
import { startPairs } from './lib/processes.mjs';
import { countBy } from './lib/ss.mjs';
import { startTcplife } from './lib/tcplife.mjs';
import { until } from './lib/wait.mjs';

const CONNECTIONS = 2_000;
const AT_ONCE = 100;
const FIRST_PORT = 33_000; // of the clients, each with one of its own
const MAX_BYTES = 100_000;
const MAX_UNREAD_BYTES = 10_000; // what fits into a receive buffer
const MAX_MS = 500;
const TOLERANCE_MS = 2;
const ENOUGH = 0.99;

// Which FINs count when each end enters CLOSE: [the peer's has come, our own is acknowledged].
const fins = {
  client_fin: { server: [1, 1], client: [1, 1] },
  server_fin: { server: [1, 1], client: [1, 1] },
  server_close: { server: [0, 1], client: [1, 1] },
  client_reset: { server: [0, 0], client: [0, 0] },
  server_reset: { server: [0, 0], client: [0, 0] },
  unread: { server: [0, 0], client: [0, 0] },
  reset_after_fin: { server: [1, 0], client: [0, 1] },
  reset_after_our_fin: { server: [0, 1], client: [1, 0] },
};
const endings = Object.keys(fins);
const syn = { server: 0, client: 1 };

const random = (count) => Math.floor(Math.random() * count);

// Up to three bytes less than what is rounded up to the next hundredth of a kilobyte.
function size(most) {
  const hundredths = 1 + random(most / 10.24);
  // An odd multiple of 128 bytes lies exactly between, where printf() and toFixed() differ.
  const turn = (hundredths % 25 === 12 ? hundredths + 1 : hundredths) + 0.5;
  return Math.floor(turn * 10.24) - random(3);
}

const plans = Array.from({ length: CONNECTIONS }, (_, i) => {
  const ending = endings[i % endings.length];
  return {
    localPort: FIRST_PORT + i,
    up: size(ending === 'unread' ? MAX_UNREAD_BYTES : MAX_BYTES),
    down: size(MAX_BYTES),
    ms: Math.random() * MAX_MS,
    ending,
  };
});

const printed = (bytes) => (bytes / 1024).toFixed(2);
const clientPort = ({ role, local, remote }) => (role === 'client' ? local : remote).port;

// What the closed `connection` says that is not so, if anything.
function untruths({ ending, up, down }, { role, bytes_received, bytes_sent }) {
  const [received, sent] = role === 'server' ? [up, down] : [down, up];
  const wrong = [];
  if (bytes_received !== received) wrong.push(`received ${bytes_received - received} bytes too many`);
  // All that went before a FIN is acknowledged with it. A reset can be faster than a delayed ACK.
  const [, allAcked] = fins[ending][role];
  if (allAcked ? bytes_sent !== sent : bytes_sent > sent) {
    wrong.push(`sent ${bytes_sent - sent} bytes too many`);
  }
  return wrong;
}

const longer = ({ age_seconds }, life) => Number((age_seconds * 1000 - life.ms).toFixed(2));

function disagreements({ ending }, connection, life) {
  const { role, bytes_received, bytes_sent } = connection;
  const [finIn, finOut] = fins[ending][role];
  const wrong = [];
  if (printed(bytes_received + finIn) !== life.receivedKb) wrong.push('bytes received');
  if (printed(bytes_sent + finOut + syn[role]) !== life.sentKb) wrong.push('bytes sent');
  // A client's age begins with its SYN, in tcplife with the answer to it.
  const ms = longer(connection, life);
  const within = role === 'server' ? Math.abs(ms) <= TOLERANCE_MS : ms >= -TOLERANCE_MS;
  if (!within) wrong.push(`duration, ${ms} ms longer`);
  return wrong;
}

test('tcplife agrees on every connection of a churn', { timeout: 180_000 }, async (t) => {
  const netns = createNetns().name;
  const pairs = await startPairs(t, { netns });
  const daemon = await startDaemon(t, ['--port', pairs.port, '--role', 'both']);
  const tcplife = {
    server: await startTcplife(t, '-L', pairs.port),
    client: await startTcplife(t, '-D', pairs.port),
  };
  await pairs.call('live', plans, AT_ONCE);

  const losses = async () => sum(await daemon.metrics(), 'wsbpf_events_lost_total');
  await until(async () => {
    const seen = daemon.events('closed').length;
    assert.ok(seen + (await losses()) >= 2 * CONNECTIONS, `${seen} have closed`);
  });
  const known = daemon.events('closed').filter(({ verdict }) => verdict !== 'unknown');
  const connections = known.map(({ connection }) => connection);
  t.diagnostic(`${2 * CONNECTIONS - known.length} ends not known, ${await losses()} events lost`);
  assert.ok(known.length >= ENOUGH * 2 * CONNECTIONS);
  const planOf = (connection) => plans[clientPort(connection) - FIRST_PORT];
  const words = ({ role }, { ending }, wrong) => wrong.map((w) => `${ending}, ${role}: ${w}`);

  const noneWrong = (wrong) => assert.deepEqual(countBy(wrong.flat(), String), {});

  await t.test('the bytes are those that were sent', () => {
    noneWrong(
      connections.map((each) => words(each, planOf(each), untruths(planOf(each), each))),
    );
  });

  for (const role of ['server', 'client']) {
    await t.test(`tcplife says the same of the ${role}'s end`, async (t) => {
      const { lives, complaints } = tcplife[role];
      await until(() => lives.length >= CONNECTIONS, { deadline: 5_000 }).catch(() => {});
      const port = role === 'server' ? 'remote' : 'local';
      const byPort = new Map(lives.map((life) => [life[port], life]));
      const both = connections.filter((each) => each.role === role && byPort.has(clientPort(each)));
      t.diagnostic(`compared ${both.length} of ${CONNECTIONS} ${complaints.join('; ')}`);
      assert.ok(both.length >= ENOUGH * CONNECTIONS);

      const beyond = both.map((each) => longer(each, byPort.get(clientPort(each))));
      t.diagnostic(`wsbpf's durations are ${Math.min(...beyond)} to ${Math.max(...beyond)} ms longer`);
      noneWrong(
        both.map((each) =>
          words(each, planOf(each), disagreements(planOf(each), each, byPort.get(clientPort(each)))),
        ),
      );
    });
  }
});
