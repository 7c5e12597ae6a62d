// CLOSE_WAIT of one listener over the last 15 minutes, against the alert's threshold.

const CHART = { height: 112, left: 40, right: 10, top: 10, bottom: 20 };
const TICK_MS = 5 * 60_000;

const greatest = (values) => values.reduce((most, value) => Math.max(most, value ?? 0), 0);

// The least of 1 2 5 10 20 50 … that is not below `value`.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

// Runs of known values, as [[index, value]…]: what is null between them is a gap.
function runsOf(values) {
  const runs = [];
  values.forEach((value, index) => {
    if (!isKnown(value)) return;
    if (index === 0 || !isKnown(values[index - 1])) runs.push([]);
    runs.at(-1).push([index, value]);
  });
  return runs;
}

class Chart {
  #parts = {
    axis: shape('g'),
    area: shape('path', { class: 'area' }),
    line: shape('path', { class: 'line' }),
    threshold: shape('line', { class: 'threshold' }),
    label: shape('text', { class: 'threshold-label' }),
    cursor: shape('g'),
  };
  #series = null;
  #threshold = 0;
  #top = 1; // the greatest value that there is room for
  #chosen = null; // the time under the pointer or the keys

  constructor(readout) {
    this.readout = readout;
    this.element = shape('svg', { class: 'chart', role: 'img', tabindex: 0, 'aria-label': '' });
    this.element.append(...Object.values(this.#parts));
    this.element.addEventListener('pointermove', (event) => this.#point(event.clientX));
    this.element.addEventListener('pointerleave', () => this.#choose(null));
    this.element.addEventListener('focus', () => this.#chosen ?? this.#chooseIndex(Infinity));
    this.element.addEventListener('blur', () => this.#choose(null));
    this.element.addEventListener('keydown', (event) => this.#press(event));
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  // `series` is of /api/history; undefined where the listener has none yet.
  update(port, series, threshold) {
    this.#series = series;
    this.#threshold = threshold;
    const stuck = series?.close_wait_stuck ?? [];
    const latest = countText(stuck.findLast(isKnown));
    const most = countText(greatest(stuck));
    setAttributes(this.element, {
      'data-over': greatest(stuck) > threshold,
      'aria-label':
        `Stuck in CLOSE_WAIT on port ${port} over the last 15 minutes: ` +
        `latest ${latest}, most ${most}, threshold ${threshold}`,
    });
    this.#draw();
  }

  get #width() {
    return this.element.clientWidth || 320;
  }
  get #count() {
    return this.#series.close_wait_stuck.length;
  }
  get #end() {
    return Date.parse(this.#series.end);
  }
  get #step() {
    return this.#series.step_seconds * 1000;
  }
  #timeOf(index) {
    return this.#end - (this.#count - 1 - index) * this.#step;
  }
  #indexOf(time) {
    return Math.round(this.#count - 1 - (this.#end - time) / this.#step);
  }
  #x(index) {
    const room = this.#width - CHART.left - CHART.right;
    return CHART.left + (room * index) / Math.max(1, this.#count - 1);
  }
  #y(value) {
    const room = CHART.height - CHART.top - CHART.bottom;
    return CHART.top + room * (1 - value / this.#top);
  }

  #draw() {
    if (!this.#series) return;
    const { close_wait: all, close_wait_stuck: stuck } = this.#series;
    this.#top = roundUp(Math.max(greatest(all), greatest(stuck), this.#threshold * 1.2));
    this.element.setAttribute('viewBox', `0 0 ${this.#width} ${CHART.height}`);
    this.#drawAxis();
    this.#drawThreshold();
    const point = ([index, value]) => `${this.#x(index).toFixed(1)} ${this.#y(value).toFixed(1)}`;
    const stroke = (run) => `M${run.map(point).join('L')}${run.length === 1 ? 'h0' : ''}`;
    const closed = (run) =>
      `M${point([run[0][0], 0])}L${run.map(point).join('L')}L${point([run.at(-1)[0], 0])}Z`;
    setAttributes(this.#parts.area, { d: runsOf(all).map(closed).join('') });
    setAttributes(this.#parts.line, { d: runsOf(stuck).map(stroke).join('') });
    this.#drawCursor();
  }

  #drawAxis() {
    const right = this.#width - CHART.right;
    const marks = [];
    const text = (x, y, anchor, value) =>
      marks.push(shape('text', { x, y, 'text-anchor': anchor }, value));
    const line = (x1, y1, x2, y2) => marks.push(shape('line', { class: 'grid', x1, y1, x2, y2 }));
    for (const value of [0, this.#top]) {
      const y = this.#y(value);
      line(CHART.left, y, right, y);
      text(CHART.left - 6, y + 4, 'end', countText(value));
    }
    const floor = this.#y(0);
    const first = Math.ceil(this.#timeOf(0) / TICK_MS) * TICK_MS;
    for (let time = first; time <= this.#end; time += TICK_MS) {
      const x = this.#x(this.#indexOf(time));
      line(x, floor, x, floor + 4);
      text(Math.min(x, right - 6), CHART.height - 4, 'middle', minuteFormat.format(time));
    }
    this.#parts.axis.replaceChildren(...marks);
  }

  #drawThreshold() {
    const y = this.#y(this.#threshold);
    const { threshold, label } = this.#parts;
    setAttributes(threshold, { x1: CHART.left, x2: this.#width - CHART.right, y1: y, y2: y });
    setAttributes(label, { x: CHART.left + 6, y: y < CHART.top + 14 ? y + 13 : y - 4 });
    setText(label, `threshold ${countText(this.#threshold)}`);
  }

  #drawCursor() {
    const index = this.#chosen === null ? -1 : this.#indexOf(this.#chosen);
    const isThere = index >= 0 && index < this.#count;
    setText(this.readout, isThere ? this.#valueText(index) : '');
    if (!isThere) return this.#parts.cursor.replaceChildren();
    const x = this.#x(index);
    const marks = [shape('line', { class: 'cursor', x1: x, x2: x, y1: CHART.top, y2: this.#y(0) })];
    const stuck = this.#series.close_wait_stuck[index];
    if (isKnown(stuck))
      marks.push(shape('circle', { class: 'dot', cx: x, cy: this.#y(stuck), r: 4 }));
    this.#parts.cursor.replaceChildren(...marks);
  }

  #valueText(index) {
    const at = clockFormat.format(this.#timeOf(index));
    const stuck = this.#series.close_wait_stuck[index];
    if (!isKnown(stuck)) return `${at}: not known`;
    const all = this.#series.close_wait[index];
    return `${at}: ${countText(stuck)} stuck, ${countText(all)} in CLOSE_WAIT`;
  }

  #choose(time) {
    this.#chosen = time;
    if (this.#series) this.#drawCursor();
  }
  #chooseIndex(index) {
    if (!this.#series) return;
    this.#choose(this.#timeOf(Math.min(this.#count - 1, Math.max(0, index))));
  }
  #point(clientX) {
    if (!this.#series) return;
    const x = clientX - this.element.getBoundingClientRect().left;
    const share = (x - CHART.left) / (this.#width - CHART.left - CHART.right);
    this.#chooseIndex(Math.round(share * (this.#count - 1)));
  }
  #press(event) {
    if (!this.#series) return;
    const index = this.#chosen === null ? this.#count : this.#indexOf(this.#chosen);
    const targets = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: Infinity };
    if (!(event.key in targets)) return;
    event.preventDefault();
    this.#chooseIndex(targets[event.key]);
  }
}
