// The list of people: raised hands first, in their order, then everybody by name; who leads the meeting finds what can
// be done beside each.

import type { Participant, Room } from '../sdk/index.ts';
import { byId } from './dom.ts';
import type { Hands } from './hands.ts';
import { PersonRow } from './person-row.ts';
import { shownName } from './shown-text.ts';

/** More are counted, not listed. */
const ROWS_MAX = 250;

export interface PeopleOptions {
  room: Room;
  hands: Hands<Participant>;
  isOpen: () => boolean;
}

export class PeoplePanel {
  readonly #options: PeopleOptions;
  readonly #list = byId('people-list', HTMLUListElement);
  /** By sid: rows stay what they are, and so does the focus in them. */
  readonly #rows = new Map<string, PersonRow>();
  #planned: number | null = null;

  constructor(options: PeopleOptions, signal: AbortSignal) {
    this.#options = options;
    this.#list.replaceChildren();
    signal.addEventListener('abort', () => {
      if (this.#planned !== null) cancelAnimationFrame(this.#planned);
    });
  }

  /** At most once a frame, however much happens. */
  refresh(): void {
    if (!this.#options.isOpen() || this.#planned !== null) return;
    this.#planned = requestAnimationFrame(() => {
      this.#planned = null;
      this.#render();
    });
  }

  #render(): void {
    const { room, hands } = this.#options;
    const people = [room.self, ...room.participants.values()]
      .map((participant) => ({ participant, place: hands.placeOf(participant.sid) }))
      .toSorted((a, b) => order(a, b, room.self));
    const shown = people.slice(0, ROWS_MAX);
    const here = new Set(shown.map(({ participant }) => participant.sid));
    for (const [sid, row] of this.#rows) {
      if (here.has(sid)) continue;
      this.#rows.delete(sid);
      row.element.remove();
    }
    for (const [at, { participant, place }] of shown.entries()) {
      const row = this.#rowOf(participant);
      row.update(participant, place);
      // An element that is moved loses the focus.
      const now = this.#list.children[at];
      if (now !== row.element) this.#list.insertBefore(row.element, now ?? null);
    }
    const more = byId('people-more', HTMLElement);
    more.hidden = people.length <= ROWS_MAX;
    more.textContent = `and ${people.length - ROWS_MAX} more`;
  }

  #rowOf(participant: Participant): PersonRow {
    const known = this.#rows.get(participant.sid);
    if (known) return known;
    const row = new PersonRow(this.#options.room, participant);
    this.#rows.set(participant.sid, row);
    return row;
  }
}

interface Person {
  participant: Participant;
  place: number;
}

/** Hands, then ourselves, then names. */
function order(a: Person, b: Person, self: Participant): number {
  const byHand = handOf(a) - handOf(b);
  if (byHand !== 0) return byHand;
  if (a.participant === self) return -1;
  if (b.participant === self) return 1;
  return shownName(a.participant).localeCompare(shownName(b.participant));
}

const handOf = ({ place }: Person): number => place || Number.MAX_SAFE_INTEGER;
