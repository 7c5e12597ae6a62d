// The rounds of questions, and what is shown of their answers.

// In this order; each shows what is known of one source.
const VIEWS = {
  status: showStatus,
  alerts: showAlerts,
  listeners: showListeners,
  stuck: showStuck,
  disconnects: showDisconnects,
};

// Says in its section what is wrong with an answer, if anything.
function showProblem(source, text = '') {
  const node = document.querySelector(`.problem[data-source=${source}]`);
  setText(node, text);
  show(node, text !== '');
}

// That nobody answers is told at the top, once for all; a refusal in its own section.
function showRefusals(answers) {
  for (const [source, { reason }] of Object.entries(answers)) {
    const path = SOURCES[source].split('?')[0];
    showProblem(source, reason instanceof Refusal ? `${path}: ${reason.message}` : '');
  }
}

// One answer that cannot be shown leaves the others as they are.
function showKnown() {
  for (const [source, view] of Object.entries(VIEWS)) {
    try {
      if (known[source]) view(known[source]);
    } catch (error) {
      showProblem(
        source,
        `What ${SOURCES[source].split('?')[0]} says cannot be shown: ${error.message}`,
      );
      console.error(error);
    }
  }
}

function takeIn(answers) {
  const alertsBefore = known.alerts?.alerts;
  const upBefore = known.status?.uptime_seconds ?? 0;
  const wasGone = goneSince !== null;
  for (const [name, { value }] of Object.entries(answers)) if (value) known[name] = value;
  answeredAt = Date.now();
  goneSince = null;
  showRefusals(answers);
  showKnown();
  const isRestarted = known.status.uptime_seconds < upBefore;
  announce([
    ...(wasGone ? ['The daemon answers again'] : []),
    ...(isRestarted ? [`It was started anew at ${timeText(known.status.started)}`] : []),
    ...alertNews(alertsBefore, known.alerts?.alerts ?? []),
  ]);
}

async function round() {
  const names = Object.keys(SOURCES);
  const settled = await Promise.allSettled(names.map((name) => ask(SOURCES[name])));
  const answers = Object.fromEntries(names.map((name, i) => [name, settled[i]]));
  if (answers.status.value) {
    takeIn(answers);
  } else if (goneSince === null) {
    goneSince = Date.now();
    announce(['No answer from the daemon: what you see is old']);
  }
  showDaemonState();
  showAge();
}

// One round after the other while the page can be seen. Nobody waits for a hidden one.
let isAsking = false;
async function askOn() {
  if (isAsking) return;
  isAsking = true;
  while (!document.hidden) {
    const start = performance.now();
    await round();
    const pause = Math.max(0, POLL_MS - (performance.now() - start));
    await new Promise((resume) => setTimeout(resume, pause));
  }
  isAsking = false;
}

document.addEventListener('visibilitychange', () => {
  showAge();
  askOn();
});
setInterval(() => document.hidden || showAge(), 1000);
const zone = new Intl.DateTimeFormat('en').resolvedOptions().timeZone;
setText(
  byId('zone'),
  `Times are of this browser's zone, ${zone}. ` +
    'Peers are cut to their networks unless the daemon runs with --expose-peers.',
);
askOn();
