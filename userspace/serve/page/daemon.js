// What is asked of the daemon, what is known of it, and how old that is.

const POLL_MS = 1000; // from the start of one round to that of the next
const TIMEOUT_MS = 5000; // for one answer

const SOURCES = {
  status: '/api/status',
  alerts: '/api/alerts',
  listeners: '/api/listeners?sort=-stuck&limit=40',
  history: '/api/history?seconds=900&sort=-stuck&limit=40',
  stuck: '/api/connections?filter=state+close-wait&sort=-state_age&limit=10',
  disconnects: '/api/disconnects?limit=20',
};

class Refusal extends Error {} // the daemon answered, but not with what was asked for

async function ask(path) {
  const response = await fetch(path, {
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.ok) return response.json();
  const { error } = await response.json().catch(() => ({}));
  throw new Refusal(error ?? `${path.split('?')[0]} answers ${response.status}`);
}

const known = {}; // the last good answer of each source
// By this machine's clock:
let answeredAt = null; // the last answer
let goneSince = null; // the first failure since; null: it answers

const daemonNow = () => Date.parse(known.status.started) + known.status.uptime_seconds * 1000;

const FACTS = [
  { name: 'Connections', large: true, text: (status) => countText(status.connections) },
  { name: 'Opens/s', large: true, text: (status) => rateText(status.opens_per_second) },
  { name: 'Closes/s', large: true, text: (status) => rateText(status.closes_per_second) },
  {
    name: 'Watching',
    text: ({ ports, role, coverage }) =>
      `port ${ports}, ${role === 'both' ? 'both sides' : `${role} side`}` +
      `${coverage === 'full' ? '' : ', not in all network namespaces'}`,
  },
  {
    name: 'Up',
    text: (status) => `${durationText(status.uptime_seconds)}, since ${timeText(status.started)}`,
  },
  { name: 'Kernel', text: (status) => status.kernel },
  { name: 'wsbpf', text: (status) => `${status.version}, pid ${status.pid}` },
];

function createFact({ name, large }) {
  const value = element('dd', { class: 'foreign' });
  return {
    element: element('div', large ? { class: 'large' } : {}, element('dt', {}, name), value),
    update: (fact) => setText(value, fact.text(known.status)),
  };
}

function createLine() {
  const line = element('li');
  return { element: line, update: (text) => setText(line, text) };
}

function showStatus(status) {
  setText(byId('node'), status.node);
  showItems(byId('facts'), FACTS, (fact) => fact.name, createFact);
  showItems(byId('reasons'), status.reasons, (reason) => reason, createLine);
  show(byId('reasons'), status.reasons.length > 0);
}

// The word at the top, the banner, and the tab's title.
function showDaemonState() {
  const level = goneSince !== null ? 'gone' : known.status ? known.status.ready : 'asking';
  const words = {
    asking: 'asking the daemon…',
    ok: '✓ attached, ok',
    degraded: '! attached, degraded',
    gone: '✕ no answer',
  };
  setAttributes(byId('state'), { 'data-level': level });
  setText(byId('state'), words[level] ?? level);
  for (const id of ['reasons', 'facts', 'values']) {
    setAttributes(byId(id), { 'data-age': goneSince === null ? 'new' : 'old' });
  }
  const firing = (known.alerts?.alerts ?? []).filter(({ state }) => state === 'firing').length;
  const news = goneSince !== null ? 'no answer · ' : firing > 0 ? `${firing} firing · ` : '';
  const title = printable(`${news}${known.status ? `${known.status.node} · ` : ''}wsbpf`);
  if (document.title !== title) document.title = title;
}

// How old everything is; called each second, whether answers come or not.
function showAge() {
  const isGone = goneSince !== null;
  const seconds = Math.round((Date.now() - (answeredAt ?? goneSince ?? Date.now())) / 1000);
  const at = answeredAt === null ? '' : `as of ${timeText(answeredAt)}`;
  setText(byId('asof'), seconds > 2 && at ? `${at} (${secondsText(seconds)} ago)` : at);
  show(byId('gone'), isGone);
  if (!isGone) return;
  const since = `${timeText(answeredAt ?? goneSince)} (${secondsText(Math.max(seconds, 1))})`;
  const news = answeredAt === null ? 'nothing is known yet' : 'what you see is old';
  const text = `No answer from the daemon since ${since}: ${news}. This page goes on asking.`;
  setText(byId('gone').firstChild, text);
  for (const mark of document.querySelectorAll('.old-mark')) setText(mark, `old, ${at}`);
}
