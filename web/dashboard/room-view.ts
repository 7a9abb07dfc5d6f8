// One room: its participants, those in trouble first, by the statistics of its media; and how to end it.
// Called by: main.ts.

import { byId } from '../dom.ts';
import type { Actions } from './actions.ts';
import type { ParticipantList, ParticipantStats, RoomStats } from './answers.ts';
import { ApiProblem } from './api.ts';
import type { Api } from './api.ts';
import { several } from './format.ts';
import { KeyedList, setText } from './keyed-list.ts';
import { labelOfTrack, ParticipantCard } from './participant-card.ts';
import type { CardRow } from './participant-card.ts';
import { troubleOf } from './reasons.ts';
import type { View } from './view.ts';

const TONES = ['bad', 'warn', 'plain', 'good'] as const;

export class RoomView implements View {
  readonly element = byId('view-room', HTMLElement);
  readonly #heading = byId('room-name', HTMLElement);
  readonly #facts = byId('room-facts', HTMLElement);
  readonly #filter = byId('room-filter', HTMLInputElement);
  readonly #end: HTMLButtonElement;
  readonly #cards: KeyedList<CardRow>;
  #name = '';
  /** Of the participant that the filter names, where the list is too long to have it. */
  #shown: readonly ParticipantStats[] = [];
  #total = 0;

  constructor(actions: Actions, onWish: () => void) {
    this.#end = actions.button('End room', () => this.#endAction(), 'danger');
    byId('room-actions', HTMLElement).append(this.#end);
    this.#cards = new KeyedList(
      byId('room-participants', HTMLElement),
      ({ stats }) => stats.participant.sid,
      () => {
        const card = new ParticipantCard(actions);
        card.element.addEventListener('toggle', () => card.refresh());
        return card;
      },
    );
    this.#filter.addEventListener('input', () => this.#show());
    this.#filter.addEventListener('change', onWish);
  }

  get title(): string {
    return this.#name;
  }

  /** Another room is to be seen. */
  open(name: string): void {
    if (name === this.#name) return;
    this.#name = name;
    this.#filter.value = '';
    this.#shown = [];
    this.#total = 0;
    setText(this.#heading, name);
    setText(this.#facts, 'Asking the server…');
    this.#show();
  }

  async load(api: Api, signal: AbortSignal): Promise<void> {
    const path = `rooms/${encodeURIComponent(this.#name)}`;
    try {
      const stats = await api.get<RoomStats>(`${path}/stats`, signal);
      const { room, total, participants } = stats;
      const others = await this.#beyond(api, path, stats, signal);
      this.#shown = [...participants, ...others];
      this.#total = total;
      const media = room.mode === 'auto' ? `auto, media now ${room.route}` : `media ${room.mode}`;
      const listed = total > participants.length ? `, the first ${participants.length} listed` : '';
      setText(this.#facts, `${several(total, 'participant')}${listed} · ${media} · ${room.sid}`);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      if (error.reason === 'ROOM_P2P') await this.#loadDirect(api, path, signal);
      else if (error.status === 404) this.#gone();
      else throw error;
    }
    this.#show();
  }

  /** A room lists its first participants alone: the one that the filter names is asked for by itself. */
  async #beyond(
    api: Api,
    path: string,
    { total, participants }: RoomStats,
    signal: AbortSignal,
  ): Promise<ParticipantStats[]> {
    const wanted = this.#filter.value.trim();
    const isListed = participants.some(
      ({ participant: { identity, sid } }) => identity === wanted || sid === wanted,
    );
    if (wanted === '' || isListed || total <= participants.length) return [];
    try {
      const who = encodeURIComponent(wanted);
      return [await api.get<ParticipantStats>(`${path}/participants/${who}/stats`, signal)];
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 404) return [];
      throw error;
    }
  }

  /** The server sees no media of this room. */
  async #loadDirect(api: Api, path: string, signal: AbortSignal): Promise<void> {
    const list = await api.get<ParticipantList>(`${path}/participants?limit=100`, signal);
    this.#shown = list.participants.map(({ tracks, ...participant }) => ({
      participant,
      transport: null,
      tracks,
      subscriptions: [],
      direct: tracks.length,
    }));
    this.#total = list.total;
    const why = 'media goes from participant to participant, so the server has no numbers of it';
    setText(this.#facts, `${several(list.total, 'participant')} · ${why}`);
  }

  #gone(): void {
    this.#shown = [];
    this.#total = 0;
    setText(
      this.#facts,
      'There is no such room any more: it has ended, or nobody was in it for too long.',
    );
  }

  #show(): void {
    const tracks = new Map(
      this.#shown.flatMap(({ participant, tracks: published }) =>
        published.map((track) => {
          const whose = participant.name || participant.identity;
          const label = `${labelOfTrack(track)} of ${whose}`;
          return [track.sid, { label, kind: track.kind }] as const;
        }),
      ),
    );
    const wanted = this.#filter.value.trim().toLowerCase();
    const found = this.#shown.filter(({ participant: { name, identity, sid } }) =>
      [name, identity, sid].some((text) => text.toLowerCase().includes(wanted)),
    );
    const ranked = found
      .map((stats) => ({ stats, rank: rankOf(stats) }))
      .toSorted((a, b) => a.rank - b.rank);
    this.#cards.show(ranked.map(({ stats }) => ({ room: this.#name, stats, tracks })));
    this.#end.hidden = this.#total === 0 && this.#shown.length === 0;
    const isNone = found.length === 0 && this.#shown.length > 0;
    const none = byId('room-none', HTMLElement);
    none.hidden = !isNone;
    const exactly =
      this.#total > this.#shown.length ? ' Type a whole identity to find others.' : '';
    setText(none, isNone ? `Nobody who is listed is called so.${exactly}` : '');
  }

  #endAction() {
    const name = this.#name;
    return {
      verb: 'End room',
      question: `End the room “${name}”?`,
      consequence: `${several(this.#total, 'participant')} will be told that it has ended, and be out.`,
      done: `The room “${name}” was ended.`,
      method: 'DELETE' as const,
      path: `rooms/${encodeURIComponent(name)}`,
    };
  }
}

function rankOf(stats: ParticipantStats): number {
  const [worst] = troubleOf(stats);
  return worst === undefined ? TONES.length : TONES.indexOf(worst.tone);
}
