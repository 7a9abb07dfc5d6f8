// What is sent and received, track by track, as a table for each participant; bitrates are of the time between two
// looks.

import type { Room, TrackStats } from '../sdk/index.ts';
import { make } from './dom.ts';

const HEADINGS = ['Track', 'Codec', 'Picture', 'kbit/s', 'Lost', 'Jitter'];

export class StatsPanel {
  readonly #root: HTMLElement;
  readonly #room: Room;
  /** Bytes of a track at the last look, by what tells it apart. */
  #before = new Map<string, number>();
  #lookedAt = 0;

  constructor(root: HTMLElement, room: Room) {
    this.#root = root;
    this.#room = room;
  }

  async refresh(): Promise<void> {
    const stats = await this.#room.stats();
    const now = performance.now();
    const elapsedMs = now - this.#lookedAt;
    const seen = new Map<string, number>();
    const tables = [...stats].flatMap(([sid, { tracks }]) => {
      if (tracks.length === 0) return [];
      const rows = tracks.map((track, at) => {
        const key = `${sid} ${track.direction} ${track.sid} ${at}`;
        seen.set(key, track.bytes);
        const before = this.#before.get(key);
        // Bits in a millisecond are kilobits in a second. A slot that carries another track counts anew.
        const rate = before === undefined ? 0 : (Math.max(0, track.bytes - before) * 8) / elapsedMs;
        return cellsOf(track, Math.round(rate));
      });
      return [table(this.#nameOf(sid), rows)];
    });
    this.#before = seen;
    this.#lookedAt = now;
    this.#root.replaceChildren(...tables);
  }

  #nameOf(sid: string): string {
    const { self, participants } = this.#room;
    const participant = participants.get(sid);
    if (participant) return participant.name || participant.identity;
    return sid === self.sid ? 'You' : sid;
  }
}

function cellsOf(track: TrackStats, kbps: number): string[] {
  const { source, direction, codec, kind, width, height, framesPerSecond } = track;
  const arrow = direction === 'sent' ? '↑' : '↓';
  return [
    `${arrow} ${source}`,
    codec,
    kind === 'video' && width > 0 ? `${width}×${height} ${Math.round(framesPerSecond)} fps` : '',
    String(kbps),
    String(track.packetsLost),
    `${Math.round(track.jitterMs)} ms`,
  ];
}

function table(caption: string, rows: readonly string[][]): HTMLTableElement {
  const element = make('table', 'track-stats');
  element.append(make('caption', '', caption));
  const head = element.createTHead().insertRow();
  for (const heading of HEADINGS) {
    const cell = make('th', '', heading);
    cell.scope = 'col';
    head.append(cell);
  }
  const body = element.createTBody();
  for (const [first = '', ...rest] of rows) {
    const row = body.insertRow();
    const cell = make('th', '', first);
    cell.scope = 'row';
    row.append(cell);
    for (const text of rest) row.insertCell().textContent = text;
  }
  return element;
}
