// The status page in Chromium.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);

export async function startBrowser(t) {
  const args = ['--no-sandbox']; // tests run as root
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  t.after(() => browser.close());
  return browser;
}

// Opens `origin` + `/`: { page, requests, errors, violations() }. `requests` are the addresses that
// the page has asked for, `errors` what its script threw or logged, but for answers that did not
// come; violations() are the directives of its policy that something ran against. `prepare` gets the
// page before it is loaded.
export async function openPage(browser, origin, { prepare = () => {} } = {}) {
  const page = await browser.newPage();
  const requests = [];
  const errors = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => errors.push(error.stack));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/ERR_CONNECTION/.test(message.text()))
      errors.push(message.text());
  });
  await page.addInitScript(() => {
    window.violations = [];
    addEventListener('securitypolicyviolation', (event) => {
      window.violations.push(event.effectiveDirective);
    });
  });
  await prepare(page);
  await page.goto(`${origin}/`);
  return { page, requests, errors, violations: () => page.evaluate(() => window.violations) };
}

// No violation of accessibility rules that axe calls serious or critical, in light and in dark.
export async function isAccessible(page) {
  await page.evaluate(axeSource);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const { violations, passes } = await page.evaluate(() => window.axe.run(document));
    assert.ok(passes.length > 20, `axe has looked at ${passes.length} rules only`);
    const grave = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
    const told = grave.map(({ id, help, nodes }) => [id, help, nodes.map(({ html }) => html)]);
    assert.deepEqual(told, [], colorScheme);
  }
}
