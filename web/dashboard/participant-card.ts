// A participant of the room that is open: its network at a glance, and unfolded what it publishes and what it is sent,
// with the reason why that is no better. Called by: room-view.ts.

import { make } from '../dom.ts';
import type { Actions } from './actions.ts';
import type { ParticipantStats, Subscription, Track } from './answers.ts';
import { bits, duration, ms, percent } from './format.ts';
import { KeyedList, makeRow, makeTable, setBadges, setText } from './keyed-list.ts';
import type { Shown } from './keyed-list.ts';
import { isUsed, layerOf, troubleOf, whyOf } from './reasons.ts';

const TRACK_COLUMNS = ['Publishes', 'Streams', 'Lost', 'Moderate'];
const SENT_COLUMNS = ['Is sent', 'Layer', 'Why', 'Rate', 'Loss', 'Jitter', 'Sent again'];

/** What it is sent, with whose it is. */
interface Sent extends Subscription {
  readonly kind?: string;
  readonly label: string;
}

export interface CardRow {
  readonly room: string;
  readonly stats: ParticipantStats;
  /** By the sid of the track: whose it is, and what. */
  readonly tracks: ReadonlyMap<string, { readonly label: string; readonly kind: string }>;
}

export class ParticipantCard implements Shown<CardRow> {
  readonly element = make('details', 'card participant');
  readonly #name = make('b');
  readonly #identity = make('span', 'identity');
  readonly #badges = make('span', 'badges');
  readonly #facts = make('span', 'facts');
  readonly #tracks: KeyedList<Track>;
  readonly #sent: KeyedList<Sent>;
  readonly #idle = make('p', 'facts');
  readonly #tables: readonly HTMLElement[];
  #row: CardRow | undefined;

  constructor(actions: Actions) {
    const summary = make('summary');
    summary.append(this.#name, this.#identity, this.#badges, this.#facts);
    const buttons = make('div', 'buttons');
    buttons.append(
      actions.button('Mute all', () => this.#mute()),
      actions.button('Put out', () => this.#putOut(), 'danger'),
    );
    const published = makeTable('What it publishes', TRACK_COLUMNS);
    const sent = makeTable('What it is sent', SENT_COLUMNS);
    this.#tracks = new KeyedList(
      published.body,
      ({ sid }) => sid,
      () => this.#trackRow(actions),
    );
    this.#sent = new KeyedList(sent.body, ({ mid }) => mid, sentRow);
    this.#tables = [published.table, sent.table];
    this.element.append(summary, buttons, published.table, sent.table, this.#idle);
  }

  update(row: CardRow): void {
    this.#row = row;
    const { participant, transport, tracks, subscriptions, direct } = row.stats;
    setText(this.#name, participant.name || participant.identity);
    setText(this.#identity, participant.identity);
    setBadges(this.#badges, troubleOf(row.stats));
    const used = subscriptions.filter(isUsed);
    const lost = Math.max(0, ...used.map(({ fractionLost }) => fractionLost));
    const out = used.reduce((sum, { bitrateBps }) => sum + bitrateBps, 0);
    const sends = tracks.flatMap(({ streams = [] }) => streams);
    const up = sends.reduce((sum, { bitrateBps }) => sum + bitrateBps, 0);
    const facts =
      transport === null
        ? [direct > 0 ? 'media goes directly' : 'no media transport']
        : [
            `${transport.path ?? 'no path'}${transport.family === null ? '' : ` IPv${transport.family}`}`,
            `round trip ${ms(transport.rttMs)}`,
            `loss ${percent(lost)}`,
            `can take ${transport.availableBps === null ? '–' : bits(transport.availableBps)}`,
            `sends ${bits(up)}, gets ${bits(out)}`,
            `worker ${transport.worker}`,
          ];
    facts.push(`here ${duration((Date.now() - participant.joinedAt) / 1000)}`);
    setText(this.#facts, facts.join(' · '));
    // What nobody sees costs nothing.
    if (!this.element.open) return;
    this.#tracks.show(tracks);
    this.#sent.show(used.map((one) => ({ ...one, ...this.#labelOf(one, row) })).toSorted(byLabel));
    this.#tables[0]!.hidden = tracks.length === 0;
    this.#tables[1]!.hidden = used.length === 0;
    const idle = subscriptions.length - used.length;
    const nothing = [
      ...(tracks.length === 0 ? ['Publishes nothing.'] : []),
      ...(used.length === 0 ? ['Is sent nothing by the server.'] : []),
      ...(idle > 0 ? [`Free slots: ${idle}.`] : []),
    ];
    setText(this.#idle, nothing.join(' '));
  }

  /** It has been unfolded. */
  refresh(): void {
    if (this.#row !== undefined) this.update(this.#row);
  }

  #labelOf({ track }: Subscription, { tracks }: CardRow): { label: string; kind?: string } {
    return tracks.get(track ?? '') ?? { label: track ?? '' };
  }

  #path(rest: string): string {
    const { room = '', stats } = this.#row ?? {};
    const sid = stats?.participant.sid ?? '';
    return `rooms/${encodeURIComponent(room)}/participants/${encodeURIComponent(sid)}${rest}`;
  }

  get #who(): string {
    const { name = '', identity = '' } = this.#row?.stats.participant ?? {};
    return name || identity;
  }

  #putOut() {
    const who = this.#who;
    return {
      verb: 'Put out',
      question: `Put “${who}” out of the room?`,
      consequence: 'Its token is good for no other join; it needs a new one to come back.',
      done: `“${who}” was put out.`,
      method: 'DELETE' as const,
      path: this.#path(''),
    };
  }

  #mute(track?: Track) {
    const who = this.#who;
    const what = track === undefined ? 'everything' : `the ${track.source || track.kind}`;
    return {
      verb: 'Mute',
      question: `Mute ${what} of “${who}”?`,
      consequence: 'It is told. Nobody but it can unmute what it sends.',
      done: `“${who}”: ${what} was muted.`,
      method: 'POST' as const,
      path: this.#path('/mute'),
      body: track === undefined ? {} : { track: track.sid },
    };
  }

  #trackRow(actions: Actions): Shown<Track> {
    const { row, cells } = makeRow(TRACK_COLUMNS);
    let shown: Track | undefined;
    const button = actions.button('Mute', () => this.#mute(shown));
    cells[3]!.append(button);
    return {
      element: row,
      update: (track) => {
        shown = track;
        const { muted, streams } = track;
        setText(cells[0]!, labelOfTrack(track));
        setText(
          cells[1]!,
          streams === undefined ? '–' : streams.map(streamText).join('; ') || 'nothing has come',
        );
        const lost = (streams ?? []).reduce((sum, one) => sum + one.lost, 0);
        const all = (streams ?? []).reduce((sum, one) => sum + one.packets, 0);
        setText(cells[2]!, all === 0 ? '–' : percent(lost / (all + lost)));
        button.disabled = muted;
        const what = muted ? 'Muted' : 'Mute';
        setText(button, what);
        button.setAttribute('aria-label', `${what}: ${labelOfTrack(track)} of ${this.#who}`);
      },
    };
  }
}

function streamText({
  rid,
  codec,
  bitrateBps,
  selected,
}: NonNullable<Track['streams']>[number]): string {
  const which = rid === null ? '' : `${rid} `;
  return `${which}${codec || '?'} ${bits(bitrateBps)}${selected || rid === null ? '' : ' (not sent on)'}`;
}

export function labelOfTrack({
  source,
  kind,
  name,
}: Pick<Track, 'source' | 'kind' | 'name'>): string {
  const what = source || kind;
  return name === '' || name === what ? what : `${what} “${name}”`;
}

function sentRow(): Shown<Sent> {
  const { row, cells } = makeRow(SENT_COLUMNS);
  return {
    element: row,
    update: (sent) => {
      const { label, bitrateBps, fractionLost, jitterMs, resent, waits } = sent;
      const isSent = waits === null;
      const values = [
        label,
        layerOf(sent),
        whyOf(sent),
        isSent ? bits(bitrateBps) : '–',
        isSent ? percent(fractionLost) : '–',
        isSent ? ms(jitterMs) : '–',
        String(resent),
      ];
      for (const [i, value] of values.entries()) setText(cells[i]!, value);
      row.classList.toggle('is-bad', waits === 'bandwidth' || waits === 'codec');
    },
  };
}

function byLabel(a: Sent, b: Sent): number {
  return a.label < b.label ? -1 : a.label > b.label ? 1 : 0;
}
