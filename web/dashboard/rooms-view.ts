// Rooms, those in trouble first, a page at a time; who looks for one types a part of its name, or of who is in it.
// Called by: main.ts.

import { byId, make } from '../dom.ts';
import type { Overview, RoomRow } from './answers.ts';
import type { Api } from './api.ts';
import { bits, count, duration, percent, several } from './format.ts';
import { badgesIn, KeyedList, makeRow, makeTable, setBadges, setText } from './keyed-list.ts';
import type { Badge, Shown } from './keyed-list.ts';
import { roomAddress } from './problems.ts';
import type { View } from './view.ts';

const PAGE = 50;
/** A letter after the other is one search. */
const TYPING_MS = 250;
const COLUMNS = ['Room', 'Trouble', 'Participants', 'Media', 'Age', 'Node, workers', 'In', 'Out'];

export class RoomsView implements View {
  readonly title = 'Rooms';
  readonly element = byId('view-rooms', HTMLElement);
  readonly #list: KeyedList<RoomRow>;
  readonly #found = byId('rooms-found', HTMLElement);
  readonly #back = byId('rooms-back', HTMLButtonElement);
  readonly #next = byId('rooms-next', HTMLButtonElement);
  readonly #search = byId('rooms-search', HTMLInputElement);
  readonly #scroll: HTMLElement;
  #offset = 0;

  /** @param onWish something else is to be seen */
  constructor(onWish: () => void) {
    const { table, body } = makeTable('Rooms, those in trouble first', COLUMNS);
    this.#scroll = byId('rooms-table', HTMLElement);
    this.#scroll.append(table);
    this.#list = new KeyedList(body, ({ sid }) => sid, roomRow);
    const turn = (to: number): void => {
      this.#offset = Math.max(0, to);
      onWish();
    };
    let typing: ReturnType<typeof setTimeout> | undefined;
    this.#search.addEventListener('input', () => {
      clearTimeout(typing);
      typing = setTimeout(() => turn(0), TYPING_MS);
    });
    this.#back.addEventListener('click', () => turn(this.#offset - PAGE));
    this.#next.addEventListener('click', () => turn(this.#offset + PAGE));
  }

  async load(api: Api, signal: AbortSignal): Promise<void> {
    const search = this.#search.value.trim();
    const query = new URLSearchParams({
      limit: String(PAGE),
      offset: String(this.#offset),
      ...(search === '' ? {} : { search }),
    });
    this.#show(await api.get<Overview>(`overview?${query}`, signal), search);
  }

  #show({ rooms, total, matched }: Overview, search: string): void {
    this.#list.show(rooms);
    const isEmpty = rooms.length === 0;
    this.#scroll.hidden = isEmpty;
    const from = this.#offset + 1;
    const range = `${from}–${this.#offset + rooms.length} of ${count(matched)}`;
    const nothing =
      total === 0
        ? 'There are no rooms. One begins with its first participant, or with POST /v1/rooms.'
        : search === ''
          ? 'No rooms are left on this page.'
          : `None of ${several(total, 'room')} has “${search}” in its name or its participants.`;
    setText(this.#found, isEmpty ? nothing : matched > PAGE ? range : several(matched, 'room'));
    this.#back.hidden = this.#offset === 0;
    this.#next.hidden = this.#offset + rooms.length >= matched;
  }
}

function roomRow(): Shown<RoomRow> {
  const { row, cells } = makeRow(COLUMNS);
  const link = make('a');
  cells[0]!.append(link);
  const trouble = badgesIn(cells[1]!);
  return {
    element: row,
    update: (room) => {
      const [, , people, media, age, place, input, output] = cells;
      setText(link, room.name);
      link.href = roomAddress(room.name);
      setBadges(trouble, troubleBadges(room));
      const away = room.away === 0 ? '' : ` (${count(room.away)} away)`;
      setText(people!, `${count(room.participants)}${away}`);
      setText(media!, room.mode === 'auto' ? `auto: ${room.route}` : room.mode);
      setText(age!, duration((Date.now() - room.createdAt) / 1000));
      const workers = room.workers.length === 0 ? '–' : room.workers.join(', ');
      setText(place!, `${room.node}, ${workers}`);
      setText(input!, bits(room.bitrateInBps));
      setText(output!, bits(room.bitrateOutBps));
    },
  };
}

function troubleBadges({ troubles, troubled }: RoomRow): Badge[] {
  const { disconnected, paused, lossy, reduced } = troubles;
  const badges: Badge[] = [];
  if (disconnected > 0) badges.push({ tone: 'bad', text: `${count(disconnected)} disconnected` });
  if (paused > 0) badges.push({ tone: 'bad', text: `${count(paused)} with paused video` });
  if (lossy > 0) {
    const worst = Math.max(0, ...troubled.map(({ fractionLost }) => fractionLost));
    badges.push({ tone: 'warn', text: `${count(lossy)} lose up to ${percent(worst)}` });
  }
  if (reduced > 0) badges.push({ tone: 'plain', text: `${count(reduced)} with smaller video` });
  return badges.length > 0 ? badges : [{ tone: 'good', text: 'fine' }];
}
