// Reactions: a sign that rises over the stage for a moment and is gone, on the topic `reaction`. Only the signs below
// exist; how many rise at once, and how fast those of one sender follow, is bounded.

import type { DataDetail, Room } from '../sdk/index.ts';
import { Allowance } from './allowance.ts';
import { announce } from './announcer.ts';
import { byId, make } from './dom.ts';
import { shownName } from './shown-text.ts';
import { problemText } from './state-text.ts';
import { toast } from './toasts.ts';

const TOPIC = 'reaction';
const SHOWN_MAX = 12;
/** As long as it rises in stage.css. */
const SHOWN_MS = 4_000;
const BYTES_MAX = 16;

/** By name, which is what is sent and what is read out. */
const SIGNS: Readonly<Record<string, string>> = {
  'thumbs up': '👍',
  heart: '❤️',
  applause: '👏',
  laughter: '😂',
  surprise: '😮',
  party: '🎉',
};

export class Reactions {
  readonly #room: Room;
  readonly #layer = byId('reactions', HTMLElement);
  readonly #allowance = new Allowance(5, 1);
  #lane = 0;

  constructor(room: Room, signal: AbortSignal) {
    this.#room = room;
    const menu = byId('reaction-menu', HTMLElement);
    const buttons = Object.entries(SIGNS).map(([name, sign], at) => {
      const button = make('button', 'reaction-choice', sign);
      button.type = 'button';
      button.title = name;
      button.autofocus = at === 0;
      button.setAttribute('aria-label', name);
      button.addEventListener('click', () => {
        menu.hidePopover();
        void this.#send(name);
      });
      return button;
    });
    menu.replaceChildren(...buttons);
    room.on('data', (detail) => this.#onData(detail), { signal });
    signal.addEventListener('abort', () => this.#layer.replaceChildren());
    this.refresh();
  }

  /** What we may has changed. */
  refresh(): void {
    const { canPublishData } = this.#room.self.permissions;
    byId('react', HTMLButtonElement).disabled = !canPublishData;
  }

  async #send(name: string): Promise<void> {
    if (!this.#allowance.take('', performance.now())) return;
    this.#show(name, 'You');
    try {
      await this.#room.sendData(name, { topic: TOPIC });
    } catch (error) {
      toast(`Nobody saw the reaction. ${problemText(error)}`);
    }
  }

  #onData({ topic, participant, payload }: DataDetail): void {
    if (topic !== TOPIC || !participant || payload.length > BYTES_MAX) return;
    const name = new TextDecoder().decode(payload);
    if (!Object.hasOwn(SIGNS, name)) return;
    if (!this.#allowance.take(participant.sid, performance.now())) return;
    const from = shownName(participant);
    this.#show(name, from);
    announce(`${from}: ${name}`);
  }

  #show(name: string, from: string): void {
    const reaction = make('p', 'reaction');
    reaction.append(make('span', 'reaction-sign', SIGNS[name]), make('bdi', 'reaction-from', from));
    this.#lane = (this.#lane + 1) % 4;
    reaction.style.setProperty('--lane', String(this.#lane));
    this.#layer.append(reaction);
    while (this.#layer.children.length > SHOWN_MAX) this.#layer.firstElementChild?.remove();
    setTimeout(() => reaction.remove(), SHOWN_MS);
  }
}
