// The last warnings and errors of the log, the newest first; what repeats is one line with its count.
// Called by: main.ts.

import { byId, make } from '../dom.ts';
import type { ErrorList } from './answers.ts';
import type { Api } from './api.ts';
import { count, duration, several } from './format.ts';
import { KeyedList, setBadges, setText } from './keyed-list.ts';
import type { Shown } from './keyed-list.ts';
import type { View } from './view.ts';

type Line = ErrorList['lines'][number];

export class LogView implements View {
  readonly title = 'Log';
  readonly element = byId('view-log', HTMLElement);
  readonly #found = byId('log-found', HTMLElement);
  readonly #filter = byId('log-filter', HTMLInputElement);
  readonly #list = new KeyedList<Line>(
    byId('log-lines', HTMLElement),
    ({ node, event, fields }) => `${node} ${event} ${fields}`,
    logLine,
  );
  #told: ErrorList = { lines: [], warnings: 0, errors: 0 };

  constructor() {
    this.#filter.addEventListener('input', () => this.#show());
  }

  async load(api: Api, signal: AbortSignal): Promise<void> {
    this.#told = await api.get<ErrorList>('errors?limit=200', signal);
    this.#show();
  }

  #show(): void {
    const { lines, warnings, errors } = this.#told;
    const wanted = this.#filter.value.trim().toLowerCase();
    const found = lines.filter(({ node, event, fields }) =>
      [node, event, fields].some((text) => text.toLowerCase().includes(wanted)),
    );
    this.#list.show(found);
    const since = `${several(errors, 'error')} and ${several(warnings, 'warning')} since the start`;
    const said =
      lines.length === 0
        ? 'The log has no warnings and no errors since the start.'
        : `${since}${wanted === '' ? '' : `; ${count(found.length)} of the lines here have that`}.`;
    setText(this.#found, said);
  }
}

function logLine(): Shown<Line> {
  const element = make('li', 'log-line');
  const level = make('span', 'badges');
  const event = make('b');
  const when = make('span', 'facts');
  const fields = make('code');
  element.append(level, event, when, fields);
  return {
    element,
    update: (line) => {
      const tone = line.level === 'warn' ? 'warn' : 'bad';
      setBadges(level, [{ tone, text: line.level }]);
      setText(event, line.event);
      const ago = duration((Date.now() - line.at) / 1000);
      const times =
        line.count === 1
          ? ''
          : `, ${count(line.count)} × since ${new Date(line.firstAt).toLocaleString()}`;
      setText(when, `${ago} ago, ${new Date(line.at).toLocaleString()}${times} · ${line.node}`);
      setText(fields, line.fields);
    },
  };
}
