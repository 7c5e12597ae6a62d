// Alerts, lost events, and the news that a screen reader announces: changes of the daemon's state
// and of alerts, never plain numbers.

const alertKey = ({ name, listener }) =>
  [name, listener?.netns, listener?.port, listener?.role].join(' ');
const isOfLoss = ({ name }) => name === 'EventsLost';
const alertPlace = ({ listener }) => (listener ? ` on port ${listener.port}` : '');

function alertNews(before, now) {
  if (!before) return [];
  const states = new Map(before.map((alert) => [alertKey(alert), alert]));
  const news = [];
  for (const alert of now) {
    const old = states.get(alertKey(alert));
    states.delete(alertKey(alert));
    if (old?.state === alert.state && old.severity === alert.severity) continue;
    news.push(`${alert.name} is ${alert.state}: ${alert.summary}`);
  }
  for (const alert of states.values()) news.push(`${alert.name}${alertPlace(alert)} is over`);
  return news;
}

function announce(news) {
  if (news.length > 0) setText(byId('announcer'), news.join('. '));
}

const ALERT_ORDER = ['critical firing', 'warning firing', 'critical pending', 'warning pending'];
const alertRank = ({ severity, state }) => ALERT_ORDER.indexOf(`${severity} ${state}`);

const leadOf = (alert) =>
  `${alert.severity.toUpperCase()} ${alert.state}: ${alert.name}${alertPlace(alert)}`;

function levelOf({ severity, state }) {
  if (state !== 'firing') return 'note';
  return severity === 'critical' ? 'bad' : 'warn';
}

function createAlert() {
  const lead = element('p', { class: 'lead' });
  const summary = element('p', { class: 'foreign' });
  const more = element('span');
  const runbook = element('code');
  const banner = element(
    'li',
    { class: 'banner' },
    lead,
    summary,
    element('p', { class: 'more' }, more, runbook),
  );
  return {
    element: banner,
    update(alert) {
      setAttributes(banner, { 'data-level': levelOf(alert) });
      setText(lead, leadOf(alert));
      setText(summary, alert.summary);
      const seconds = (daemonNow() - Date.parse(alert.since)) / 1000;
      setText(
        more,
        `${countText(alert.value)}, threshold ${countText(alert.threshold)} · since ` +
          `${timeText(alert.since)} (${durationText(Math.max(0, seconds))}) · what to do: `,
      );
      setText(runbook, alert.runbook);
    },
  };
}

function showAlerts({ alerts }) {
  const sorted = alerts
    .filter((alert) => !isOfLoss(alert))
    .sort((a, b) => alertRank(a) - alertRank(b));
  showItems(byId('alert-list'), sorted, alertKey, createAlert);
  show(byId('no-alerts'), alerts.length === 0);
  showLost(known.status, alerts);
}

// What was lost since the start; while the alert EventsLost says so, too, this is its place.
function showLost({ lost }, alerts) {
  const reasons = Object.entries(lost).filter(([, count]) => count > 0);
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  const alert = alerts.find(isOfLoss);
  const banner = byId('lost');
  show(banner, total > 0 || alert !== undefined);
  setAttributes(banner, { 'data-level': alert ? levelOf(alert) : 'note' });
  const parts = reasons.map(([reason, count]) => `${reason} ${countText(count)}`).join(', ');
  const counts = `${plural(total, 'event was', 'events were')} lost since the start: ${parts}`;
  const [lead, more, runbook] = banner.querySelectorAll('.lead, .more span, .more code');
  setText(lead, alert ? `${leadOf(alert)}. ${counts}` : counts);
  setText(
    more,
    'Each sweep puts the counts right from the kernel; ages found that way are lower bounds (≥), ' +
      'and an end that nobody saw is unknown. More: ',
  );
  setText(runbook, alert?.runbook ?? 'docs/alerts.md#EventsLost');
}
