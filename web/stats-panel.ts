// What is sent and received, track by track, as a table for each participant.

import type { Room } from '../sdk/index.ts';
import { make } from './dom.ts';
import { shownName } from './shown-text.ts';
import { pictureText } from './track-rates.ts';
import type { RatesBySid, TrackRate } from './track-rates.ts';

const HEADINGS = ['Track', 'Codec', 'Picture', 'kbit/s', 'Lost', 'Jitter'];

export function renderStats(root: HTMLElement, room: Room, rates: RatesBySid): void {
  const tables = [...rates].flatMap(([sid, tracks]) =>
    tracks.length === 0 ? [] : [table(nameOf(room, sid), tracks.map(cellsOf))],
  );
  root.replaceChildren(...tables);
}

function nameOf({ self, participants }: Room, sid: string): string {
  const participant = participants.get(sid);
  if (participant) return shownName(participant);
  return sid === self.sid ? 'You' : sid;
}

function cellsOf({ track, kbps }: TrackRate): string[] {
  const arrow = track.direction === 'sent' ? '↑' : '↓';
  return [
    `${arrow} ${track.source}`,
    track.codec,
    pictureText(track),
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
