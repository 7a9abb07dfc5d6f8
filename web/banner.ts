// The line below the header: what is wrong with the connection or the sound, until it is over.

import { byId } from './dom.ts';

const PASSING_MS = 3_000;

export interface BannerContent {
  text: string;
  tone: 'warn' | 'good';
  /** It goes away by itself. */
  passing?: boolean;
  action?: { label: string; act: () => void };
}

export class Banner {
  readonly #root = byId('banner', HTMLElement);
  readonly #button = byId('banner-action', HTMLButtonElement);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #act: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#button.addEventListener(
      'click',
      () => {
        this.hide();
        this.#act();
      },
      { signal },
    );
    signal.addEventListener('abort', () => this.hide());
  }

  show({ text, tone, passing = false, action }: BannerContent): void {
    clearTimeout(this.#timer);
    this.#root.dataset['tone'] = tone;
    this.#root.hidden = false;
    byId('banner-text', HTMLElement).textContent = text;
    this.#button.hidden = action === undefined;
    this.#button.textContent = action?.label ?? '';
    this.#act = action?.act ?? (() => undefined);
    if (passing) this.#timer = setTimeout(() => this.hide(), PASSING_MS);
  }

  hide(): void {
    clearTimeout(this.#timer);
    this.#root.hidden = true;
  }
}
