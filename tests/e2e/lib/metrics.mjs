// Prometheus's text format.

// The samples of `name` in an exposition: [{ labels, value }].
export function samples(exposition, name) {
  return [...exposition.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))].map(
    ([, labels = '', value]) => ({ labels: parseLabels(labels), value: Number(value) }),
  );
}

// The sum of the samples of `name` which have all of `labels`; 0 with none.
export function sum(exposition, name, labels = {}) {
  return samples(exposition, name)
    .filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === String(value)),
    )
    .reduce((total, { value }) => total + value, 0);
}

function parseLabels(text) {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key, value]),
  );
}
