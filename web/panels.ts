// The panels beside the stage: one is open at a time, its button says so, and the focus goes in and back.

import { byId } from './dom.ts';

export type PanelName = 'chat' | 'people' | 'details';

interface Panel {
  readonly root: HTMLElement;
  readonly button: HTMLButtonElement;
  /** Where the focus goes. */
  readonly first: HTMLElement;
}

export class Panels {
  readonly #panels: Readonly<Record<PanelName, Panel>>;
  readonly #onChange: (open: PanelName | null) => void;
  #open: PanelName | null = null;

  constructor(signal: AbortSignal, onChange: (open: PanelName | null) => void) {
    this.#onChange = onChange;
    const panel = (name: PanelName, root: string, close: string, first = close): Panel => {
      const button = byId(name, HTMLButtonElement);
      button.addEventListener('click', () => this.toggle(name), { signal });
      byId(close, HTMLButtonElement).addEventListener('click', () => this.close(), { signal });
      return { root: byId(root, HTMLElement), button, first: byId(first, HTMLElement) };
    };
    this.#panels = {
      chat: panel('chat', 'chat-panel', 'chat-close', 'chat-text'),
      people: panel('people', 'people-panel', 'people-close'),
      details: panel('details', 'panel', 'panel-close'),
    };
    signal.addEventListener('abort', () => this.#show(null));
  }

  get open(): PanelName | null {
    return this.#open;
  }

  toggle(name: PanelName): void {
    if (this.#open === name) {
      this.close();
      return;
    }
    this.#show(name);
    this.#panels[name].first.focus();
  }

  /** Back to the button that opened it, or to that of the menu it is in. */
  close(): void {
    const was = this.#open;
    this.#show(null);
    if (was === null) return;
    const { button } = this.#panels[was];
    const isShown = button.getClientRects().length > 0;
    (isShown ? button : byId('more', HTMLButtonElement)).focus();
  }

  #show(name: PanelName | null): void {
    this.#open = name;
    for (const [at, { root, button }] of Object.entries(this.#panels)) {
      root.hidden = at !== name;
      button.setAttribute('aria-expanded', String(at === name));
    }
    // Where there is no room for both, the panel takes the place of the stage.
    byId('meeting', HTMLElement).dataset['panel'] = name ?? '';
    this.#onChange(name);
  }
}
