// Busy is not broken: hundreds of closes a second, each 200 ms in CLOSE_WAIT, never raise the alert.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { createNetns } from './lib/netns.mjs';
import { startClients, startServer } from './lib/processes.mjs';
import { ssCounts } from './lib/ss.mjs';
import { countsAgree } from './lib/truth.mjs';
import { throughout } from './lib/wait.mjs';

const PER_SECOND = 500;
const SECONDS = 15;
const COUNT = PER_SECOND * SECONDS;
const THRESHOLD = 50;

test('sockets that stay in CLOSE_WAIT briefly raise no alert', { timeout: 120_000 }, async (t) => {
  // A namespace of their own keeps thousands of TIME_WAITs out of the host's.
  const netns = createNetns().name;
  const server = await startServer(t, { mode: 'brief', netns });
  const clients = await startClients(t, { netns });
  const daemon = await startDaemon(t, ['--port', server.port]);

  await clients.call('open', COUNT, { port: server.port });
  await countsAgree(daemon, server, { established: COUNT }, { netns });

  let leaving = true;
  const left = clients
    .call('leave', COUNT, { perSecond: PER_SECOND })
    .finally(() => (leaving = false));
  const peak = { ss: 0, daemon: 0 };
  while (leaving) {
    await throughout(500, async () => {
      assert.deepEqual(await daemon.firingOfListeners(), []);
      const { states } = await daemon.listener(server.port);
      peak.ss = Math.max(peak.ss, (await ssCounts(server.port, { netns })).close_wait ?? 0);
      peak.daemon = Math.max(peak.daemon, states.close_wait ?? 0);
    });
  }
  const rate = COUNT / (await left);
  await countsAgree(daemon, server, {}, { netns });

  t.diagnostic(
    `${Math.round(rate)} closes/s, at most ${peak.ss} (ss) or ${peak.daemon} (wsbpf) in CLOSE_WAIT`,
  );
  assert.ok(rate > PER_SECOND / 2, `only ${rate} closes/s`);
  assert.ok(peak.ss > THRESHOLD && peak.daemon > THRESHOLD, `peaks ${JSON.stringify(peak)}`);
  assert.ok(!daemon.alertEvents().some(({ alert }) => alert.state === 'firing'));
});
