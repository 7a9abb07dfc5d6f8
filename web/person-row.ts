// One line in the list of people: name, hand, microphone and camera, and the buttons of who leads the meeting.

import type { Participant, Room } from '../sdk/index.ts';
import { icon, make, setIcon } from './dom.ts';
import { changePermissions, mute, putOut } from './moderate.ts';
import { shownName } from './shown-text.ts';
import { initials } from './tile.ts';

export class PersonRow {
  readonly element = make('li', 'person');
  readonly #room: Room;
  readonly #avatar = make('span', 'person-avatar');
  readonly #name = make('bdi', 'person-name');
  readonly #note = make('span', 'person-note');
  readonly #signs = {
    microphone: make('span', 'person-sign'),
    camera: make('span', 'person-sign'),
  };
  readonly #deeds = make('div', 'person-deeds');
  readonly #mute: HTMLButtonElement;
  readonly #permissions: HTMLButtonElement;
  readonly #remove: HTMLButtonElement;

  constructor(room: Room, participant: Participant) {
    this.#room = room;
    this.element.dataset['testid'] = 'person';
    this.#avatar.setAttribute('aria-hidden', 'true');
    for (const sign of Object.values(this.#signs)) {
      sign.setAttribute('role', 'img');
      sign.append(icon('i-mic'));
    }
    const text = make('div', 'person-text');
    text.append(this.#name, this.#note);
    const { microphone, camera } = this.#signs;
    this.#mute = this.#deed('i-mic-off', () => mute(room, participant));
    this.#permissions = this.#deed('i-gear', () => changePermissions(room, participant));
    this.#remove = this.#deed('i-close', () => putOut(room, participant));
    this.element.append(this.#avatar, text, microphone, camera, this.#deeds);
  }

  /** `place` among raised hands, 0 for none. */
  update(participant: Participant, place: number): void {
    const { self, info } = this.#room;
    const name = shownName(participant);
    const isSelf = participant === self;
    this.element.dataset['hand'] = String(place);
    setText(this.#avatar, initials(name));
    setText(this.#name, isSelf ? `${name} (you)` : name);
    setText(this.#note, noteOf(participant, place));
    this.#note.hidden = this.#note.textContent === '';
    for (const source of ['microphone', 'camera'] as const) {
      const state = participant[source];
      const sign = this.#signs[source];
      sign.dataset['state'] = state;
      sign.setAttribute('aria-label', `${source === 'camera' ? 'Camera' : 'Microphone'} ${state}`);
      setIcon(sign, `${source === 'camera' ? 'i-cam' : 'i-mic'}${state === 'on' ? '' : '-off'}`);
    }
    this.#deeds.hidden = isSelf || !self.permissions.roomAdmin;
    // Media that goes directly between two can be muted by neither the server nor who leads.
    this.#mute.hidden = info.mode === 'p2p';
    this.#mute.disabled = participant.microphone !== 'on';
    label(this.#mute, `Mute ${name}`);
    label(this.#permissions, `Permissions of ${name}`);
    label(this.#remove, `Remove ${name}`);
  }

  #deed(symbol: string, act: () => Promise<void>): HTMLButtonElement {
    const button = make('button', 'quiet');
    button.type = 'button';
    button.append(icon(symbol));
    button.addEventListener('click', () => void act());
    this.#deeds.append(button);
    return button;
  }
}

function noteOf({ state, permissions }: Participant, place: number): string {
  return [
    place > 0 ? `Hand raised, ${place}.` : '',
    permissions.roomAdmin ? 'Leads' : '',
    permissions.canPublish ? '' : 'Watches',
    state === 'away' ? 'Away' : '',
  ]
    .filter(Boolean)
    .join(' · ');
}

/** Only what changes: readers of the screen hear of the rest in vain. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function label(button: HTMLButtonElement, text: string): void {
  button.setAttribute('aria-label', text);
  button.title = text;
}
