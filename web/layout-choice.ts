// Grid or speaker: the choice in the header's menu, which is remembered, and the way back from a pinned tile.

import { byId } from './dom.ts';
import { remember, remembered } from './stored.ts';

export type Layout = 'grid' | 'speaker';

export class LayoutChoice {
  #layout: Layout = remembered('layout') === 'speaker' ? 'speaker' : 'grid';
  readonly #unpin = byId('unpin', HTMLButtonElement);

  constructor(signal: AbortSignal, onChange: () => void, onUnpin: () => void) {
    const menu = byId('layout-menu', HTMLElement);
    for (const radio of menu.querySelectorAll('input')) {
      radio.checked = radio.value === this.#layout;
      const choose = (): void => {
        this.#layout = radio.value === 'speaker' ? 'speaker' : 'grid';
        remember('layout', this.#layout);
        onChange();
      };
      radio.addEventListener('change', choose, { signal });
    }
    const unpin = (): void => {
      menu.hidePopover();
      onUnpin();
    };
    this.#unpin.addEventListener('click', unpin, { signal });
  }

  get layout(): Layout {
    return this.#layout;
  }

  showPinned(name: string | null): void {
    this.#unpin.hidden = name === null;
    this.#unpin.textContent = `Unpin ${name ?? ''}`;
  }
}
