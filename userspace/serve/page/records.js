// Tables of connections whose rows open.

// A table by its columns, { title, text(item), number, foreign, wraps, mono, opens }. The cell of
// the one that `opens` is a button that shows the connection's explanation below its row.
class RecordTable {
  #table;
  #columns;
  #keyOf;
  #connectionOf;
  #rows = new Map(); // by key, those that are shown: { item, isInUse() }
  #made = 0;

  constructor(table, { columns, keyOf, connectionOf }) {
    this.#table = table;
    this.#columns = columns;
    this.#keyOf = keyOf;
    this.#connectionOf = connectionOf;
    const titles = columns.map(({ title, number }) =>
      element('th', { scope: 'col', role: 'columnheader', class: number ? 'number' : '' }, title),
    );
    table.append(element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...titles)));
  }

  // A row that is open, or has the focus, stays when its connection has left the list.
  show(items) {
    const listed = new Set(items.map(this.#keyOf));
    const held = [...this.#rows].filter(([key, row]) => !listed.has(key) && row.isInUse());
    const all = [
      ...items.map((item) => ({ item, isListed: true })),
      ...held.map(([, { item }]) => ({ item, isListed: false })),
    ];
    const keyOf = ({ item }) => this.#keyOf(item);
    showItems(this.#table, all, keyOf, ({ item }) => this.#createRow(item));
    const shown = new Set(all.map(keyOf));
    for (const key of [...this.#rows.keys()]) if (!shown.has(key)) this.#rows.delete(key);
    show(this.#table, all.length > 0);
  }

  #createCell({ title, number, foreign, wraps, mono, opens }, panelId) {
    const classes = [number && 'number', mono && 'mono', foreign && 'foreign', !wraps && 'plain']
      .filter(Boolean)
      .join(' ');
    const cell = element('td', { role: 'cell', class: classes, 'data-title': title });
    if (!opens) return { cell, target: cell };
    const button = element('button', {
      class: 'toggle',
      type: 'button',
      'aria-expanded': false,
      'aria-controls': panelId,
    });
    cell.append(button);
    return { cell, target: button, button };
  }

  #createRow(first) {
    const panelId = `${this.#table.id}-details-${++this.#made}`;
    const cells = this.#columns.map((column) => this.#createCell(column, panelId));
    const { button } = cells.find((cell) => cell.button);
    const left = element('p', { class: 'muted', hidden: '' }, 'This connection has left the list.');
    const panel = element('div');
    const record = element(
      'tr',
      { class: 'record', role: 'row' },
      ...cells.map(({ cell }) => cell),
    );
    const details = element(
      'tr',
      { class: 'details', role: 'row', id: panelId, hidden: '' },
      element('td', { colspan: this.#columns.length, role: 'cell' }, left, panel),
    );
    const body = element('tbody', { role: 'rowgroup' }, record, details);

    const toggle = () => {
      const isOpen = details.hidden;
      show(details, isOpen);
      setAttributes(button, { 'aria-expanded': isOpen });
      if (isOpen) explain(panel, this.#connectionOf(row.item).id, row.item.evidence);
    };
    record.addEventListener('click', ({ target }) => {
      const isCopying = String(getSelection()) !== ''; // somebody marks text in the row
      if (button.contains(target) || !isCopying) toggle();
    });

    const row = {
      item: first,
      element: body,
      isInUse: () => !details.hidden || body.contains(document.activeElement),
      update: ({ item, isListed }) => {
        row.item = item;
        show(left, !isListed);
        this.#columns.forEach(({ text }, i) => {
          setText(cells[i].target, text(item));
          setAttributes(cells[i].cell, { 'data-empty': text(item) === UNKNOWN });
        });
      },
    };
    this.#rows.set(this.#keyOf(first), row);
    return row;
  }
}
