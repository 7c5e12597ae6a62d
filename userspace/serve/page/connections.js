// The connections that have been in CLOSE_WAIT for longest, and those that ended lately.

const LEAK_SECONDS = 60; // as for the verdict close_wait_leak

// Has a sweep read its counters since it entered its state? A lower bound comes from one.
function isLookedAt({ state_age_seconds: age, state_age_source: source }) {
  const { interval_seconds: interval, last_duration_seconds: duration } = known.status.sweep;
  return source === 'lower_bound' || age > interval + duration;
}

// In CLOSE_WAIT the peer's FIN counts as one unread byte (docs/api.md).
function unreadMeaning(connection) {
  const { unread_bytes: bytes, state_age_seconds: age } = connection;
  if (!isKnown(bytes)) return 'not known yet';
  if (!isLookedAt(connection)) return 'not looked at yet';
  if (bytes === 0 && age < LEAK_SECONDS) return 'end of file read, not closed yet';
  if (bytes === 0) return 'end of file read, never closed: a leak';
  if (bytes === 1) return 'end of file unread: the application is stuck';
  return `${countText(bytes - 1)} bytes and the end of file unread: the application is stuck`;
}

const OWNER_COLUMNS = [
  { title: 'Owner', foreign: true, text: ({ owner }) => ownerText(owner) },
  { title: 'Pod', foreign: true, wraps: true, text: ({ owner }) => podText(owner) || UNKNOWN },
  {
    title: 'Port',
    number: true,
    text: ({ role, local, remote }) => (role === 'client' ? remote : local).port,
  },
  { title: 'Peer', mono: true, text: ({ remote }) => addressText(remote) },
];

const stuckTable = new RecordTable(byId('stuck'), {
  keyOf: ({ id }) => id,
  connectionOf: (connection) => connection,
  columns: [
    { title: 'Connection', mono: true, opens: true, text: ({ id }) => id },
    {
      title: 'In it for',
      number: true,
      text: (c) => ageText(c.state_age_seconds, c.state_age_source),
    },
    { title: 'Age', number: true, text: (c) => ageText(c.age_seconds, c.age_source) },
    { title: 'Unread', wraps: true, text: unreadMeaning },
    { title: 'WebSocket', text: websocketText },
    ...OWNER_COLUMNS,
  ],
});

function showStuck({ connections, total }) {
  stuckTable.show(connections);
  show(byId('no-stuck'), connections.length === 0);
  setText(
    byId('stuck-note'),
    total > connections.length ? `${connections.length} of ${countText(total)}` : '',
  );
}

const disconnectTable = new RecordTable(byId('disconnects'), {
  keyOf: ({ connection, time }) => `${connection.id} ${time}`,
  connectionOf: ({ connection }) => connection,
  columns: [
    { title: 'Time', text: ({ time }) => timeText(time) },
    { title: 'Verdict', opens: true, text: ({ verdict }) => verdict },
    { title: 'Race', text: ({ race }) => race ?? UNKNOWN },
    {
      title: 'Close code',
      number: true,
      text: ({ connection: { websocket } }) => websocket?.close_code ?? UNKNOWN,
    },
    { title: 'Begun by', text: ({ initiator, mechanism }) => `${initiator}, ${mechanism}` },
    {
      title: 'Age',
      number: true,
      text: ({ connection: c }) => ageText(c.age_seconds, c.age_source),
    },
    {
      title: 'Idle before',
      number: true,
      text: ({ connection: c }) => durationText(c.idle_seconds),
    },
    ...OWNER_COLUMNS.map((column) => ({
      ...column,
      text: ({ connection }) => column.text(connection),
    })),
  ],
});

function createVerdict() {
  const name = element('span');
  const count = element('span', { class: 'count' });
  const bar = element('div', { class: 'fill' });
  return {
    element: element(
      'li',
      {},
      name,
      count,
      element('div', { class: 'track', 'aria-hidden': 'true' }, bar),
    ),
    update(item) {
      setText(name, item.verdict);
      setText(count, countText(item.count));
      bar.style.setProperty('--share', item.share.toFixed(3));
    },
  };
}

function showDisconnects({ disconnects, total, by_verdict: byVerdict, since }) {
  disconnectTable.show(disconnects);
  show(byId('no-disconnects'), disconnects.length === 0);
  setText(
    byId('disconnects-note'),
    total > disconnects.length ? `the last ${disconnects.length} of ${countText(total)}` : '',
  );
  const counts = Object.entries(byVerdict).filter(([, count]) => count > 0);
  const most = greatest(counts.map(([, count]) => count));
  const verdicts = counts
    .map(([verdict, count]) => ({ verdict, count, share: count / most }))
    .sort((a, b) => b.count - a.count || a.verdict.localeCompare(b.verdict));
  showItems(byId('verdicts'), verdicts, ({ verdict }) => verdict, createVerdict);
  show(byId('verdicts-panel'), verdicts.length > 0);
  setText(
    byId('verdicts-title'),
    since ? `${countText(total)} by verdict, since ${timeText(since)}` : 'By verdict',
  );
}
