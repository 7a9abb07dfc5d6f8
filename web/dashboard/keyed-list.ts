// A list of elements that follows a list of things: each keeps its element, and so its focus and what is open in it,
// and only what has changed is touched. Called by: the views.

import { make } from '../dom.ts';

export interface Shown<Item> {
  readonly element: HTMLElement;
  update(item: Item): void;
}

export class KeyedList<Item> {
  readonly #parent: HTMLElement;
  readonly #keyOf: (item: Item) => string;
  readonly #create: (item: Item) => Shown<Item>;
  readonly #shown = new Map<string, Shown<Item>>();

  constructor(
    parent: HTMLElement,
    keyOf: (item: Item) => string,
    create: (item: Item) => Shown<Item>,
  ) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#create = create;
  }

  show(items: readonly Item[]): void {
    const keys = new Set(items.map(this.#keyOf));
    for (const [key, { element }] of this.#shown) {
      if (keys.has(key)) continue;
      element.remove();
      this.#shown.delete(key);
    }
    let next = this.#parent.firstElementChild;
    for (const item of items) {
      const key = this.#keyOf(item);
      const shown = this.#shown.get(key) ?? this.#create(item);
      this.#shown.set(key, shown);
      shown.update(item);
      if (shown.element === next) next = next.nextElementSibling;
      else this.#parent.insertBefore(shown.element, next);
    }
  }
}

/** What a screen reader has read stays as it is where nothing has changed. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export interface Badge {
  readonly tone: 'bad' | 'warn' | 'good' | 'plain';
  readonly text: string;
}

/** In a cell, where on a narrow page its label stands, too. */
export function badgesIn(cell: HTMLElement): HTMLElement {
  const badges = make('span', 'badges');
  cell.append(badges);
  return badges;
}

export function setBadges(element: Element, badges: readonly Badge[]): void {
  const said = badges.map(({ tone, text }) => `${tone} ${text}`).join('\n');
  if (element.getAttribute('data-said') === said) return;
  element.setAttribute('data-said', said);
  element.replaceChildren(...badges.map(({ tone, text }) => make('span', `badge ${tone}`, text)));
}

/** A row of a table that is a card on a narrow page, where each cell says what it is. */
export function makeRow(labels: readonly string[]): { row: HTMLElement; cells: HTMLElement[] } {
  const row = make('tr');
  row.setAttribute('role', 'row');
  const cells = labels.map((label, i) => {
    const cell = make(i === 0 ? 'th' : 'td');
    if (i === 0) cell.setAttribute('scope', 'row');
    cell.setAttribute('role', i === 0 ? 'rowheader' : 'cell');
    cell.dataset['label'] = label;
    return cell;
  });
  row.append(...cells);
  return { row, cells };
}

/** A table with that head, in which rows are to be shown. */
export function makeTable(caption: string, labels: readonly string[]) {
  const table = make('table');
  table.setAttribute('role', 'table');
  table.append(make('caption', 'unseen', caption));
  const head = make('thead');
  head.setAttribute('role', 'rowgroup');
  const row = make('tr');
  row.setAttribute('role', 'row');
  for (const label of labels) {
    const cell = make('th', '', label);
    cell.scope = 'col';
    cell.setAttribute('role', 'columnheader');
    row.append(cell);
  }
  head.append(row);
  const body = make('tbody');
  body.setAttribute('role', 'rowgroup');
  table.append(head, body);
  return { table, body };
}
