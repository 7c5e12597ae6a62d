// What the daemon says of one connection: summary, advice, timeline, evidence.

function evidenceList(evidence) {
  const rows = evidence.map(({ name, value, meaning }) =>
    element(
      'div',
      {},
      element('dt', { class: 'mono' }, name),
      element('dd', { class: 'mono foreign' }, isKnown(value) ? value : UNKNOWN),
      element('dd', { class: 'meaning' }, meaning ?? ''),
    ),
  );
  return element('dl', { class: 'pairs' }, ...rows);
}

// The bare evidence of an event, where there is no explanation of it.
const bareEvidence = (evidence) =>
  Object.entries(evidence ?? {}).map(([name, value]) => ({
    name,
    value: isKnown(value) && typeof value === 'object' ? JSON.stringify(value) : value,
  }));

function timelineList(timeline) {
  const rows = timeline.map((entry) =>
    element(
      'div',
      {},
      element('dt', {}, isKnown(entry.time) ? timeText(entry.time) : UNKNOWN),
      element(
        'dd',
        { class: 'muted' },
        `${entry.at_least ? '≥ ' : ''}${durationText(entry.seconds_ago)} ago`,
      ),
      element('dd', { class: 'foreign' }, entry.text ?? entry.what),
    ),
  );
  return element('dl', { class: 'pairs' }, ...rows);
}

const titled = (title, content) => element('div', {}, element('h3', {}, title), content);

function explanationOf(answer) {
  const advice = element(
    'ul',
    { class: 'advice' },
    ...answer.advice.map((line) => element('li', {}, line)),
  );
  const parts = [
    answer.advice.length > 0 && titled('What to do', advice),
    answer.timeline.length > 0 && titled('Timeline', timelineList(answer.timeline)),
    answer.evidence.length > 0 && titled('Evidence', evidenceList(answer.evidence)),
  ];
  const more = answer.documentation
    ? [element('p', { class: 'muted' }, 'More: ', element('code', {}, answer.documentation))]
    : [];
  return [
    element('p', { class: 'summary foreign' }, answer.summary),
    element('div', { class: 'columns' }, ...parts.filter(Boolean)),
    ...more,
  ];
}

async function explain(panel, id, evidence) {
  panel.replaceChildren(element('p', { class: 'muted' }, 'Asking…'));
  try {
    panel.replaceChildren(...explanationOf(await ask(`/api/explain?id=${encodeURIComponent(id)}`)));
  } catch (error) {
    const reason = error instanceof Refusal ? error.message : 'The daemon does not answer.';
    const bare = bareEvidence(evidence);
    panel.replaceChildren(
      element('p', { class: 'problem foreign' }, reason),
      ...(bare.length > 0 ? [titled('Evidence', evidenceList(bare))] : []),
    );
  }
}
