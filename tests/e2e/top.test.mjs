// `wsbpf top` in a terminal: every key and the mouse, on a server that leaks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.mjs';
import { leak, startClients, startServer } from './lib/processes.mjs';
import { startTerminal } from './lib/tmux.mjs';
import { until } from './lib/wait.mjs';
import { BINARY } from './lib/wsbpf.mjs';

const OPEN = 40;
const LEAKED = 60; // above the threshold of 50

// The connections' row that is selected.
const selected = (screen) => screen.split('\n').find((line) => line.startsWith('>'));
const rows = (screen) => screen.split('\n').filter((line) => /^[ >](established|close_wait) /.test(line));

test('every key', { timeout: 240_000 }, async (t) => {
  const server = await startServer(t);
  const other = await startServer(t);
  const clients = await startClients(t);
  const daemon = await startDaemon(t, ['--port', `${server.port},${other.port}`]);
  await leak(clients, server, LEAKED);
  await clients.call('open', OPEN, { port: server.port });
  const terminal = await startTerminal(t);
  const key = (...names) => terminal.keys(...names);
  const shows = (...parts) => terminal.shows(...parts);
  terminal.type(`${BINARY} top --socket ${daemon.socket} -d 0.5\n`);

  await t.test('the header, the listeners and the connections', async () => {
    await shows('wsbpf ', 'node ', 'kernel ', 'opens/s', 'closes/s', 'lost ', '[Connections 100]');
    const screen = await shows(`CloseWaitAccumulation :${server.port}`, '1 firing', '60/50');
    assert.match(screen, new RegExp(`${server.port} \\S+\\[${server.pid}\\].*█.* 60 .*60/50.*█`));
    assert.equal(rows(screen)[0], selected(screen));
    assert.match(screen, /1-\d+ of 100 by STATE ↑/);
    assert.match(screen, /Enter why {3}\/ filter/);
  });

  await t.test('moving about', async () => {
    const at = (row) =>
      until(() => {
        const screen = terminal.screen();
        assert.equal(rows(screen).indexOf(selected(screen)), row, screen);
      });
    key('Down', 'j', 'Down');
    await at(3);
    key('Up', 'k');
    await at(1);
    key('NPage');
    const page = rows(terminal.screen()).length;
    await shows(new RegExp(`${page + 1}-${2 * page} of 100`));
    key('PPage');
    await shows(`1-${page} of 100`);
    key('End');
    await shows('-100 of 100');
    await at(page - 1);
    key('Home');
    await shows(`1-${page} of 100`);
    await at(0);
  });

  await t.test('sorting', async () => {
    key('s');
    await shows('by SINCE ↓');
    key('>');
    await shows('by AGE ↓');
    key('<', '<');
    await shows('by STATE ↑');
    key('r');
    await shows('by STATE ↓', /\[Connections[^]*\n>established/);
    key('r');
    await shows('by STATE ↑', /\[Connections[^]*\n>close_wait/);
  });

  await t.test('filtering', async () => {
    key('/');
    await shows('\nfilter:', 'Esc leaves it');
    terminal.type('state bogus');
    key('Enter');
    await shows('filter: state bogus', 'column 7');
    key('C-w');
    terminal.type('established');
    key('Enter');
    await shows('filter state established', `1-`, `of ${OPEN} by`);
    key('/', 'C-u');
    terminal.type('state close-wait');
    key('Escape');
    await shows('filter state established', `of ${OPEN} by`);
    key('3');
    await shows('[Disconnects', 'filter state established');
    key('2', 'Escape');
    await shows('of 100 by');
    assert.ok(!terminal.screen().includes('filter state'));
  });

  await t.test('a pasted filter of 10 000 bytes', async () => {
    key('/');
    await shows('\nfilter:');
    terminal.paste(`state close-wait ${'or  pid = 7 '.repeat(1000)}`.slice(0, 10_000));
    await shows('filter: …');
    key('Enter');
    await shows(/column \d+|of \d+ by/);
    key('Escape', 'Escape');
    await shows('of 100 by', 'Enter why');
  });

  await t.test('freezing', async () => {
    key('Space');
    await shows(/FROZEN since \d\d:\d\d:\d\d/);
    const frozen = terminal.screen();
    key('s');
    await shows('frozen: press space');
    await clients.call('open', 1, { port: server.port });
    await until(async () => (await daemon.get('/api/status')).connections === 101);
    key('Down');
    await until(() => assert.notEqual(terminal.screen(), frozen));
    assert.ok(terminal.screen().includes('[Connections 100]'));
    key('Space');
    await shows('[Connections 101]');
    assert.ok(!terminal.screen().includes('FROZEN'));
  });

  await t.test('a connection and the way back', async () => {
    key('Home');
    key('Enter');
    const summary = /read the end\s+of\s+file/;
    await shows(/connection \d+ +close_wait/, summary, 'what to do', 'lines 1-', 'Esc back');
    key('NPage');
    await shows('evidence', 'unread_bytes');
    key('End');
    await shows(/lines \d+-(\d+) of \1 /);
    key('Escape');
    await shows('[Connections 101]', /\n>close_wait/);
  });

  await t.test('the other tabs', async () => {
    key('BTab');
    await shows('[Listeners 2]', new RegExp(`\n>${server.port} `));
    key('Enter');
    await shows('[Connections', `filter sport = :${server.port} and netns = `, 'of 101 by');
    key('Escape');
    await shows('[Listeners 2]');
    key('Down', 'Enter');
    await shows(`filter sport = :${other.port} `, 'of 0 by');
    key('Escape', '2');
    await shows('of 101 by');
    await clients.call('reset', 3);
    key('Tab');
    await shows('[Disconnects 3]', 'peer_reset', 'newest first');
    key('Enter');
    await shows(/connection \d+ +peer_reset/, 'what to do');
    key('Escape', 'Tab');
    await shows('[Alerts', 'CloseWaitAccumulation', 'firing');
    key('Enter');
    await shows('CloseWaitAccumulation (firing)', 'runbook');
    key('Escape', '2');
    await shows('[Connections');
  });

  await t.test('the delay', async () => {
    key('d', 'C-u');
    terminal.type('often');
    key('Enter');
    await shows('seconds: often', 'from 0.1 to 3600');
    key('C-u');
    terminal.type('0.2');
    key('Enter');
    await shows('Enter why');
  });

  await t.test('help', async () => {
    key('?');
    await shows('PgUp', 'any other key back');
    key('x');
    await shows('[Connections');
  });

  await t.test('the mouse', async () => {
    const click = (text) => {
      const { x, y } = terminal.placeOf(text);
      terminal.mouse(x + 1, y);
    };
    click('IDLE');
    await shows('by IDLE ↓');
    click('IDLE');
    await shows('by IDLE ↑');
    const { y } = terminal.placeOf('STATE');
    terminal.mouse(5, y + 3);
    await until(() => assert.ok(terminal.lines()[y + 3].startsWith('>')));
    terminal.mouse(5, y + 3, 65);
    await shows(/\n4-\d+ of/);
    terminal.mouse(5, y + 3, 64);
    await shows(/\n1-\d+ of/);
    click('Disconnects');
    await shows('[Disconnects');
    click('Connections');
    await shows('[Connections');
    terminal.mouse(5, y + 2);
    terminal.mouse(5, y + 2);
    await shows(/connection \d+/, 'Esc back');
    key('Escape');
    await shows('Enter why');
  });

  await t.test('q', async () => {
    key('q');
    await until(() => terminal.isAtPrompt());
    assert.ok(!terminal.screen().includes('[Connections'), 'the alternate screen is left');
  });
});
