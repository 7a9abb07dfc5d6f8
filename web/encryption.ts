// Whether the meeting is encrypted from end to end: a badge in the header, and behind it the code that people compare
// and who is left out. Owned by meeting.ts; without encryption there is nothing to see.

import { SternaClientError } from '../sdk/index.ts';
import type { Participant, Room } from '../sdk/index.ts';
import { byId, icon, make } from './dom.ts';
import { shownName } from './shown-text.ts';
import { toast } from './toasts.ts';

type State = Participant['encryption']['state'];

const PERSON: Readonly<Record<State, string>> = {
  off: '',
  clear: 'joined without encryption: not shown, and sees nothing',
  waiting: 'keys are on their way',
  encrypted: 'encrypted',
  changed: 'has another key than before, and is refused',
};

export function showEncryption(room: Room, signal: AbortSignal): void {
  if (room.encryption.enabled) new EncryptionBadge(room).start(signal);
}

class EncryptionBadge {
  readonly #room: Room;
  readonly #badge = make('button', 'badge-button');
  readonly #label = make('span');
  readonly #dialog = byId('encryption', HTMLDialogElement);

  constructor(room: Room) {
    this.#room = room;
  }

  start(signal: AbortSignal): void {
    const room = this.#room;
    this.#badge.type = 'button';
    this.#badge.dataset['testid'] = 'encryption-badge';
    this.#badge.append(icon('i-lock'), this.#label);
    this.#badge.addEventListener('click', () => this.#open());
    byId('badges', HTMLElement).append(this.#badge);
    signal.addEventListener('abort', () => this.#badge.remove());
    const refresh = (): void => this.#refresh();
    room.on('encryption', refresh, { signal });
    room.on('participantJoined', refresh, { signal });
    room.on('participantLeft', refresh, { signal });
    room.on('warning', ({ participant, error }) => this.#warn(participant, error), { signal });
    refresh();
  }

  #warn(participant: Participant | undefined, error: unknown): void {
    const isChanged = error instanceof SternaClientError && error.reason === 'IDENTITY_CHANGED';
    if (!participant || !isChanged) return;
    toast(`${shownName(participant)} ${PERSON.changed}`);
  }

  #open(): void {
    this.#refresh();
    this.#dialog.showModal();
  }

  #refresh(): void {
    const others = [...this.#room.participants.values()];
    const { state, code } = this.#room.encryption;
    const label = state === 'blocked' ? 'No keys' : labelOf(others);
    this.#label.textContent = label;
    this.#badge.dataset['tone'] = label === 'Encrypted' ? 'good' : 'warn';
    byId('encryption-text', HTMLElement).textContent =
      state === 'blocked'
        ? 'Your token does not let you exchange keys, so nobody sees you and you see nobody.'
        : 'The server cannot see or hear this meeting. If everybody reads out the same digits, nobody is in between.';
    byId('safety-code', HTMLElement).textContent = code;
    const people = others.map((participant) => {
      const row = make('li');
      const what = PERSON[participant.encryption.state];
      row.append(make('bdi', '', shownName(participant)), `: ${what}`);
      return row;
    });
    byId('encryption-people', HTMLElement).replaceChildren(...people);
  }
}

/** The worst of all. */
function labelOf(others: readonly Participant[]): string {
  const has = (state: State): boolean =>
    others.some(({ encryption }) => encryption.state === state);
  if (has('changed')) return 'Key changed';
  if (has('clear')) return 'Not everybody';
  return has('waiting') ? 'Exchanging keys' : 'Encrypted';
}
