// The table of listeners.

const listenerKey = ({ netns, port, role }) => `${netns} ${port} ${role}`;
const isOver = ({ close_wait_stuck: stuck }) => stuck > known.status.close_wait_threshold;

function createStateCount({ state }) {
  const count = element('span', { class: 'count' });
  const name = element('span', {}, stateText(state));
  const swatch = element('span', { class: 'swatch', 'data-state': state });
  return {
    element: element('li', {}, swatch, name, count),
    update: (item) => setText(count, countText(item.count)),
  };
}

function createSegment({ state }) {
  const segment = element('span', { 'data-state': state });
  return {
    element: segment,
    update: ({ count }) => segment.style.setProperty('--count', String(count)),
  };
}

// A cell of two lines: a value, and what is to be said of it, if anything.
function twoLineCell(title, kind = '') {
  const value = element('div');
  const small = element('div', { class: 'small' });
  return {
    element: element(
      'td',
      { class: `number ${kind}`, role: 'cell', 'data-title': title },
      value,
      small,
    ),
    update(text, note = '', level = 'note') {
      setText(value, text);
      setText(small, note);
      setAttributes(small, { 'data-level': level });
    },
  };
}

// Each makes a cell of the listeners' table and what brings it up to date.
const LISTENER_COLUMNS = [
  { title: 'Listener', create: createWhoCell },
  { title: 'Connections by state', create: createStatesCell },
  { title: 'CLOSE_WAIT over the last 15 minutes', create: createHistoryCell },
  { title: 'Half-open', number: true, create: createHalfOpenCell },
  { title: 'Accept queue', number: true, create: createAcceptQueueCell },
  {
    title: 'Opens/s',
    number: true,
    create: createRateCell('Opens/s', 'opens_per_second', 'opened_total'),
  },
  {
    title: 'Closes/s',
    number: true,
    create: createRateCell('Closes/s', 'closes_per_second', 'closed_total'),
  },
];

function createWhoCell({ port, role }) {
  const lines = ['owner', 'place', 'notes'].map((name) =>
    element('div', { class: `foreign ${name}` }),
  );
  const [owner, place, notes] = lines;
  notes.classList.add('muted');
  const cell = element(
    'th',
    { class: 'who', role: 'rowheader', scope: 'row' },
    element('div', { class: 'port' }, `:${port} `, element('span', { class: 'role' }, role)),
    ...lines,
  );
  return {
    element: cell,
    update(listener) {
      const [first, ...others] = listener.owners;
      const name = first ? ownerText(first) : (listener.comm ?? 'owner unknown');
      setText(owner, others.length > 0 ? `${name} and ${others.length} more` : name);
      setText(place, [podText(listener), listener.container].filter(Boolean).join(' · '));
      const isMoved = known.listeners.listeners.some(({ netns }) => netns !== listener.netns);
      const words = [
        !listener.listening && role === 'server' && 'no longer listening',
        isMoved && `netns ${listener.netns}`,
      ];
      setText(notes, words.filter(Boolean).join(' · '));
    },
  };
}

// "WebSockets: 12 open, 1 closing · unread: 3 tls", as far as there are any.
function websocketsText({ websocket }) {
  const counts = (of, without) =>
    Object.entries(of ?? {})
      .filter(([name, count]) => count > 0 && !without.includes(name))
      .map(([name, count]) => `${countText(count)}\u00a0${name}`)
      .join(', ');
  const phases = counts(websocket?.phases, ['none', 'unknown']);
  const unread = counts(websocket?.unread, ['off']);
  return [phases && `WebSockets: ${phases}`, unread && `unread: ${unread}`]
    .filter(Boolean)
    .join(' · ');
}

function createStatesCell() {
  const bar = element('div', { class: 'bar', 'aria-hidden': 'true' });
  const legend = element('ul', { class: 'legend' });
  const websockets = element('div', { class: 'small websockets' });
  const always = new Set(['established', 'close_wait']);
  return {
    element: element('td', { class: 'states', role: 'cell' }, bar, legend, websockets),
    update(listener) {
      const { states } = listener;
      setText(websockets, websocketsText(listener));
      const counts = Object.entries(states).map(([state, count]) => ({ state, count }));
      const byState = ({ state }) => state;
      showItems(
        bar,
        counts.filter(({ count }) => count > 0),
        byState,
        createSegment,
      );
      showItems(
        legend,
        counts.filter(({ state, count }) => count > 0 || always.has(state)),
        byState,
        createStateCount,
      );
    },
  };
}

function createHistoryCell() {
  const stuck = element('span', { class: 'stuck' });
  const over = element('span', { class: 'over' });
  const readout = element('span', { class: 'readout', 'aria-live': 'polite' });
  const chart = new Chart(readout);
  const head = element('div', { class: 'head' }, stuck, over);
  const plot = element('div', { class: 'plot' }, chart.element, readout);
  return {
    element: element(
      'td',
      { class: 'history', role: 'cell', 'data-title': 'CLOSE_WAIT over the last 15 minutes' },
      head,
      plot,
    ),
    update(listener) {
      const threshold = known.status.close_wait_threshold;
      setText(stuck, `${countText(listener.close_wait_stuck)} stuck`);
      const oldest = listener.oldest_close_wait_seconds;
      const since = isKnown(oldest) ? `, oldest ${durationText(oldest)}` : '';
      setText(
        over,
        isOver(listener)
          ? ` ▲ over threshold ${threshold}${since}`
          : `, threshold ${threshold}${since}`,
      );
      const series = known.history?.history.find(
        (entry) => listenerKey(entry) === listenerKey(listener),
      );
      chart.update(listener.port, series, threshold);
    },
  };
}

function createHalfOpenCell() {
  const cell = twoLineCell('Half-open', 'half-open');
  return {
    element: cell.element,
    update({ half_open: kinds, half_open_stuck: stuck, stuck_handshakes: handshakes }) {
      const total = Object.values(kinds).reduce((sum, count) => sum + count, 0);
      const parts = Object.entries(kinds)
        .filter(([, count]) => count > 0)
        .map(([kind, count]) => `${countText(count)}\u00a0${kind}`);
      if (stuck > 0) parts.push(`${countText(stuck)} for 15\u00a0s`);
      if (handshakes > 0) parts.push(`${plural(handshakes, 'stuck handshake')}`);
      cell.update(countText(total), parts.join(', '));
    },
  };
}

function createAcceptQueueCell() {
  const cell = twoLineCell('Accept queue');
  return {
    element: cell.element,
    update({ accept_queue: queue }) {
      const parts = [
        queue.full && 'full',
        queue.drops_total > 0 && `${countText(queue.drops_total)} dropped`,
      ];
      cell.update(
        `${countText(queue.length)}/${countText(queue.limit)}`,
        parts.filter(Boolean).join(', '),
        queue.full ? 'bad' : 'note',
      );
    },
  };
}

function createRateCell(title, rate, total) {
  return () => {
    const cell = twoLineCell(title, 'brief');
    return {
      element: cell.element,
      update: (listener) =>
        cell.update(rateText(listener[rate]), `${countText(listener[total])} in all`),
    };
  };
}

function createListener(listener) {
  const cells = LISTENER_COLUMNS.map(({ create }) => create(listener));
  const row = element('tr', { role: 'row' }, ...cells.map((cell) => cell.element));
  return {
    element: row,
    update(now) {
      setAttributes(row, { 'data-over': isOver(now) });
      for (const cell of cells) cell.update(now);
    },
  };
}

byId('listener-columns').append(
  ...LISTENER_COLUMNS.map(({ title, number }) =>
    element('th', { scope: 'col', role: 'columnheader', class: number ? 'number' : '' }, title),
  ),
);

// Those over the threshold first, then by port: an order that stays from second to second.
const byUrgency = (a, b) =>
  isOver(b) - isOver(a) || a.port - b.port || a.netns - b.netns || a.role.localeCompare(b.role);

function showListeners({ listeners, total }) {
  showItems(byId('listener-rows'), listeners.sort(byUrgency), listenerKey, createListener);
  show(byId('listener-rows').parentElement, listeners.length > 0);
  show(byId('no-listeners'), listeners.length === 0);
  const note = `${listeners.length} of ${countText(total)}, those with the most stuck`;
  setText(byId('listeners-note'), total > listeners.length ? note : '');
}
