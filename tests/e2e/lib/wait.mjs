// Waiting for a condition, never for a guessed time.
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;

// The kernel takes seconds to verify the programs that read WebSockets, on a busy machine many.
export const START_MS = 120_000;

// Calls `probe` until it neither throws nor returns false, and returns what it returned. At the
// deadline the last error is thrown. `giveUp` returns a reason for not trying any longer, if any.
export async function until(probe, { deadline = 30_000, giveUp = () => null } = {}) {
  const end = performance.now() + deadline;
  for (;;) {
    try {
      const result = await probe();
      if (result !== false) return result;
      if (performance.now() > end) throw new Error(`not so within ${deadline} ms: ${probe}`);
    } catch (error) {
      const reason = giveUp();
      if (reason) throw new Error(reason, { cause: error });
      if (performance.now() > end) throw error;
    }
    await sleep(POLL_MS);
  }
}

// Calls `probe` again and again for `duration` ms; it must never throw.
export async function throughout(duration, probe) {
  const end = performance.now() + duration;
  do {
    await probe();
    await sleep(POLL_MS);
  } while (performance.now() < end);
}
