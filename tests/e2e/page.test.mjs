// The status page in a browser, over a live daemon.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fits, isAccessible, openPage, startBrowser } from './lib/browser.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { freePort } from './lib/ports.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { alertFires, countsAgree } from './lib/truth.mjs';
import { throughout, until } from './lib/wait.mjs';

const LEAKED = 60;
const OPEN = 5;
const THRESHOLD = 50;
const MOST_NEWS = 6; // two are of the alert itself; a machine may lose events, and get over it

const originOf = (daemon) => `http://127.0.0.1:${daemon.port}`;
const textOf = (page, selector) => page.locator(selector).textContent();

// The count that the page shows of a state, of its one listener.
const shownCount = async (page, state) =>
  Number(await textOf(page, `.legend li:has([data-state=${state}]) .count`));

// What a screen reader was told.
const announcements = (page) => page.evaluate(() => window.announced);

// The page and the daemon name the same verdicts for `count` disconnects.
async function verdictsAgree(page, daemon, count) {
  const answer = await daemon.get('/api/disconnects');
  assert.equal(answer.total, count);
  const shown = await page.locator('#disconnects .toggle').allTextContents();
  assert.deepEqual(
    shown,
    answer.disconnects.map(({ verdict }) => verdict),
  );
  for (const [verdict, times] of Object.entries(answer.by_verdict)) {
    const bar = page.locator('#verdicts li', { hasText: verdict });
    assert.equal(await bar.textContent(), `${verdict}${times}`);
  }
}

// [[x, y]…] of a path that is made of M and L alone.
const points = (path) =>
  [...path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);

test('a leaking server', { timeout: 180_000 }, async (t) => {
  const server = await startServer(t);
  const clients = await startClients(t);
  const port = await freePort();
  const daemon = await startDaemon(t, ['--port', server.port], { port });
  const browser = await startBrowser(t);
  const { page, requests, errors, violations } = await openPage(browser, originOf(daemon));
  const comm = readFileSync(`/proc/${server.pid}/comm`, 'utf8').trim();

  await t.test('values change', async () => {
    await until(async () => assert.match(await textOf(page, '#state'), /attached/));
    await until(async () => assert.equal(await shownCount(page, 'established'), 0));
    await page.evaluate(() => {
      window.announced = []; // gone, like this, with a reload
      const announcer = document.getElementById('announcer');
      const keep = () => window.announced.push(announcer.textContent);
      new MutationObserver(keep).observe(announcer, { childList: true });
    });
    await clients.call('open', OPEN + LEAKED, { port: server.port });
    await until(async () => assert.equal(await shownCount(page, 'established'), OPEN + LEAKED));
    assert.equal(await textOf(page, '.port'), `:${server.port} server`);
    assert.equal(await textOf(page, '.owner'), `${comm}[${server.pid}]`);
    assert.equal(await page.locator('#no-stuck').isVisible(), true);

    await clients.call('leave', LEAKED);
    await until(async () => assert.equal(await shownCount(page, 'close_wait'), LEAKED));
    assert.equal(await shownCount(page, 'established'), OPEN);
  });

  await t.test('the alert stands at the top, and is announced', async () => {
    await alertFires(daemon, server, LEAKED);
    const banner = page.locator('#alert-list li');
    await until(async () => {
      const text = await banner.textContent();
      assert.match(text, /WARNING firing: CloseWaitAccumulation/);
      assert.ok(text.includes(`${comm}[${server.pid}]`), text);
      assert.ok(text.includes('docs/alerts.md#CloseWaitAccumulation'), text);
    });
    assert.match(await page.title(), /firing/);
    const announced = await announcements(page);
    assert.match(announced.join('\n'), /CloseWaitAccumulation is firing: /);
    assert.ok(announced.length <= MOST_NEWS, announced.join('\n')); // none of plain numbers
  });

  await t.test('the curve rises above the threshold', async () => {
    const chart = page.locator('.chart');
    await until(async () => {
      const label = `latest ${LEAKED}, most ${LEAKED}, threshold ${THRESHOLD}`;
      assert.ok((await chart.getAttribute('aria-label')).endsWith(label));
      assert.equal(await chart.getAttribute('role'), 'img');
    });
    assert.equal(await textOf(page, '.threshold-label'), `threshold ${THRESHOLD}`);
    const threshold = Number(await page.locator('.chart .threshold').getAttribute('y1'));
    const curve = points(await page.locator('.chart .line').getAttribute('d'));
    const [lowest, highest] = [Math.max, Math.min].map((f) => f(...curve.map(([, y]) => y)));
    assert.ok(highest < threshold && threshold < lowest, `${highest} ${threshold} ${lowest}`);

    // By keys, and not by the pointer alone, the value at a time is told.
    await chart.focus();
    const readout = () => textOf(page, '.readout');
    await until(async () => assert.match(await readout(), /: 60 stuck, 60 in CLOSE_WAIT$/));
    await page.keyboard.press('Home');
    await until(async () => assert.match(await readout(), /: not known$/));
  });

  await t.test('the oldest are listed, with what their queues mean', async () => {
    const rows = page.locator('#stuck .record');
    await until(async () => assert.equal(await rows.count(), 10));
    assert.match(await textOf(page, '#stuck-note'), new RegExp(`10 of ${LEAKED}`));
    await until(async () => {
      const text = await rows.first().textContent();
      assert.match(text, /end of file read, (not closed yet|never closed: a leak)/); // once swept
      assert.ok(text.includes(`${comm}[${server.pid}]`), text);
    });
    const known = new Set((await daemon.connections()).map(({ id }) => id));
    assert.ok(known.has(await rows.first().locator('.toggle').textContent()));
  });

  await t.test('disconnects come with their verdicts, and open by keyboard', async () => {
    await clients.call('reset', 1);
    await until(() => verdictsAgree(page, daemon, 1));
    const toggle = page.locator('#disconnects .toggle').first();
    await page.evaluate(() => document.activeElement.blur());
    await until(async () => {
      await page.keyboard.press('Tab');
      assert.ok(await toggle.evaluate((button) => button === document.activeElement));
    });
    await page.keyboard.press('Enter');
    assert.equal(await toggle.getAttribute('aria-expanded'), 'true');
    const details = page.locator('#disconnects .details').first();
    await until(async () =>
      assert.ok((await details.locator('.summary').textContent()).length > 20),
    );
    assert.match(await details.textContent(), /Evidence/);
    await fits(page);

    // Others push it down; it stays open, and keeps the focus.
    await clients.call('reset', 1);
    await until(() => verdictsAgree(page, daemon, 2));
    const isOpen = () =>
      page.evaluate(() =>
        document.activeElement.matches('#disconnects .toggle[aria-expanded=true]'),
      );
    assert.ok(await isOpen());
    await page.keyboard.press('Enter');
    assert.equal(await isOpen(), false);
  });

  await t.test('axe finds nothing serious', async () => isAccessible(page));

  await t.test('a daemon that is killed is missed', async () => {
    await daemon.stop('SIGKILL');
    const gone = page.locator('#gone');
    await until(() => gone.isVisible());
    const said = /^No answer from the daemon since .*\((\d+) s\): what you see is old/;
    const age = async () => Number((await gone.textContent()).match(said)[1]);
    const first = await age();
    await until(async () => assert.ok((await age()) > first));
    assert.equal(await page.locator('#values').getAttribute('data-age'), 'old');
    for (const mark of await page.locator('.old-mark').all()) assert.ok(await mark.isVisible());
    assert.equal(await shownCount(page, 'close_wait'), LEAKED);
    assert.match(await page.title(), /no answer/);
    assert.match((await announcements(page)).at(-1), /No answer from the daemon/);
    await isAccessible(page);
  });

  await t.test('and its successor is found without a reload', async (t) => {
    const next = await startDaemon(t, ['--port', server.port], {
      port,
      directory: daemon.directory,
    });
    await until(() => page.locator('#gone').isHidden());
    await until(async () => assert.ok((await textOf(page, '#facts')).includes(`pid ${next.pid}`)));
    assert.equal(await page.locator('.old-mark:visible').count(), 0);
    await until(async () => assert.equal(await shownCount(page, 'close_wait'), LEAKED));
    await clients.call('open', 3, { port: server.port });
    await until(async () => assert.equal(await shownCount(page, 'established'), OPEN - 2 + 3));
    assert.match((await announcements(page)).join('\n'), /The daemon answers again/);
  });

  await t.test('nothing but its own daemon was asked, and nothing went wrong', async () => {
    const elsewhere = requests.filter((url) => !url.startsWith(`${originOf(daemon)}/`));
    assert.deepEqual(
      elsewhere.filter((url) => !url.startsWith('data:')),
      [],
    );
    assert.deepEqual(errors, []);
    assert.deepEqual(await violations(), []);
  });

  await t.test('a script that others bring in is refused', async () => {
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
      document.body.setAttribute('onclick', 'window.injected = true');
    });
    await page.locator('h1').click();
    await until(async () =>
      assert.deepEqual(await violations(), ['script-src-elem', 'script-src-attr']),
    );
    assert.equal(await page.evaluate(() => window.injected), undefined);
  });
});

// ESC [ 7 m would turn the terminal's colours round, U+202E the text; U+200B is not seen at all.
const HOSTILE = '\x1b[7m\u202e<b>x\u200b';
const ESCAPED = '\\x1b[7m\\u202e<b>x\\u200b';

test('a hostile comm is shown as wsbpf list shows it', { timeout: 60_000 }, async (t) => {
  const server = await startServer(t);
  await server.call('rename', HOSTILE);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', server.port]);
  const browser = await startBrowser(t);
  const { page } = await openPage(browser, originOf(daemon));
  await leak(clients, server, 1);
  await countsAgree(daemon, server, { close_wait: 1 });

  const { stdout } = await daemon.command('list');
  const listed = `${ESCAPED}[${server.pid}]`;
  assert.ok(stdout.includes(listed), stdout);
  const shown = () => page.locator('#stuck td[data-title=Owner]').textContent();
  await until(async () => assert.equal(await shown(), listed));
  assert.equal(await textOf(page, '.owner'), listed);
  assert.equal(await page.locator('.owner b, #stuck b').count(), 0);
  const everything = await page.evaluate(() => document.documentElement.outerHTML);
  const { body } = await daemon.getTcp('/');
  for (const character of ['\x1b', '\u202e', '\u200b']) {
    assert.ok(!body.includes(character) && !everything.includes(character));
  }
});

// Pods and alerts need a cluster to have hostile names; here the answer is rewritten on its way.
test('hostile names in any answer are shown as escapes', { timeout: 60_000 }, async (t) => {
  const server = await startServer(t);
  const daemon = await startDaemon(t, ['--port', server.port]);
  const browser = await startBrowser(t);
  const hostile = `${HOSTILE}<img src=x onerror="window.injected=1">`;
  const alert = {
    ...{ name: hostile, severity: 'warning', state: 'firing', listener: null, value: 1 },
    ...{ threshold: 0, since: new Date().toISOString(), summary: hostile, runbook: hostile },
  };
  const prepare = async (page) => {
    await page.route(/\/api\/listeners/, async (route) => {
      const answer = await (await route.fetch()).json();
      for (const listener of answer.listeners) listener.pod = hostile;
      await route.fulfill({ json: answer });
    });
    await page.route(/\/api\/alerts/, (route) => route.fulfill({ json: { alerts: [alert] } }));
  };
  const { page, errors, violations } = await openPage(browser, originOf(daemon), { prepare });
  const escaped = hostile.replace(HOSTILE, ESCAPED);
  await until(async () => assert.equal(await textOf(page, '.place'), escaped));
  await until(async () => assert.equal(await textOf(page, '#alert-list .foreign'), escaped));
  assert.equal(await page.locator('img').count(), 0);
  assert.equal(await page.evaluate(() => window.injected), undefined);
  assert.deepEqual(errors, []);
  assert.deepEqual(await violations(), []);
});

test('what the page hides is what core/text.cpp hides', () => {
  const source = (path) =>
    readFileSync(new URL(`../../userspace/${path}`, import.meta.url), 'utf8');
  const ranges = (text, start, bracket) => {
    const table = text.slice(text.indexOf(start), text.indexOf(';', text.indexOf(start)));
    const pair = new RegExp(`\\${bracket}(0x[0-9a-f]+), (0x[0-9a-f]+)`, 'g');
    return [...table.matchAll(pair)].map(([, first, last]) => [Number(first), Number(last)]);
  };
  const ofTheProgram = ranges(source('core/text.cpp'), 'kHidden[] =', '{');
  assert.ok(ofTheProgram.length > 5);
  assert.deepEqual(ranges(source('serve/page/text.js'), 'HIDDEN =', '['), ofTheProgram);
});

test('a page without listeners, and one that is not seen', { timeout: 90_000 }, async (t) => {
  const daemon = await startDaemon(t, ['--port', await freePort()]);
  const browser = await startBrowser(t);
  const { page, requests, errors } = await openPage(browser, originOf(daemon));
  await until(() => page.locator('#no-listeners').isVisible());
  assert.ok(await page.locator('#no-stuck').isVisible());
  assert.ok(await page.locator('#no-disconnects').isVisible());
  await isAccessible(page);

  const setHidden = (isHidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isHidden);
  const rounds = () => requests.filter((url) => url.endsWith('/api/status')).length;
  const before = rounds();
  await until(async () => assert.ok(rounds() > before + 1));

  await setHidden(true);
  const whenHidden = rounds(); // one may still be under way
  await throughout(4_000, async () => assert.ok(rounds() <= whenHidden + 1));
  await setHidden(false);
  await until(async () => assert.ok(rounds() > whenHidden + 2));
  assert.deepEqual(errors, []);
});
