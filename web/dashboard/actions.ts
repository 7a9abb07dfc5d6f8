// What an operator does to the server: asked about first, then done, and told of, whatever came of it.
// Called by: the views.

import { byId, make } from '../dom.ts';
import { adviceOf } from './api.ts';
import type { Api, Method } from './api.ts';
import { setText } from './keyed-list.ts';

const NOTICES_MAX = 4;

export interface Action {
  /** What the button says, such as `Put out`. */
  readonly verb: string;
  /** A whole question. */
  readonly question: string;
  /** What it means for people. */
  readonly consequence: string;
  /** What is said when it is done. */
  readonly done: string;
  readonly method: Method;
  readonly path: string;
  readonly body?: object;
}

export class Actions {
  readonly #api: () => Api | undefined;
  readonly #onDone: () => void;
  readonly #dialog = byId('confirm', HTMLDialogElement);

  constructor(api: () => Api | undefined, onDone: () => void) {
    this.#api = api;
    this.#onDone = onDone;
  }

  /** A button that asks, and then does it; what it does is looked up when it is pressed. */
  button(label: string, action: () => Action | undefined, className = ''): HTMLButtonElement {
    const button = make('button', className, label);
    button.type = 'button';
    button.addEventListener('click', () => {
      const asked = action();
      if (asked !== undefined) void this.#perform(asked);
    });
    return button;
  }

  /** Away from whoever signs in next. */
  clear(): void {
    this.#dialog.close();
    byId('notices', HTMLElement).replaceChildren();
  }

  async #perform({ verb, question, consequence, done, method, path, body }: Action): Promise<void> {
    const api = this.#api();
    if (api === undefined || !(await this.#confirm(verb, question, consequence))) return;
    try {
      await api.act(method, path, body);
      notify('good', done);
    } catch (error) {
      notify('bad', `${verb}: ${adviceOf(error)}`);
    }
    this.#onDone();
  }

  #confirm(verb: string, question: string, consequence: string): Promise<boolean> {
    const dialog = this.#dialog;
    if (dialog.open) return Promise.resolve(false);
    setText(byId('confirm-question', HTMLElement), question);
    setText(byId('confirm-consequence', HTMLElement), consequence);
    setText(byId('confirm-yes', HTMLButtonElement), verb);
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    });
  }
}

/** Stays until it is dismissed, or others push it out: a failure at 3 a.m. must not vanish by itself. */
function notify(tone: 'good' | 'bad', text: string): void {
  const notices = byId('notices', HTMLElement);
  const notice = make('p', `notice ${tone}`);
  const dismiss = make('button', 'quiet', 'Dismiss');
  dismiss.type = 'button';
  dismiss.addEventListener('click', () => notice.remove());
  notice.append(make('span', '', text), dismiss);
  notices.prepend(notice);
  while (notices.childElementCount > NOTICES_MAX) notices.lastElementChild?.remove();
}
