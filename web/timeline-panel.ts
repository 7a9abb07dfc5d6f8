// The join timeline as tables: one for the room, one per participant; milliseconds and bars.

import type { LinkTimes, Room } from '../sdk/index.ts';
import { make } from './dom.ts';
import { shownName } from './shown-text.ts';

type Row = readonly [label: string, ms: number | undefined];

function linkRows(times: LinkTimes): Row[] {
  return [
    ['Connection made', times.created],
    ['Offer', times.offer],
    ['Answer', times.answer],
    ['ICE connected', times.iceConnected],
    ['DTLS connected', times.dtlsConnected],
    ['First frame', times.firstFrame],
  ];
}

/** Each bar spans from the phase before to this one, on the scale of its own table. */
function table(caption: string, startMs: number, rows: readonly Row[]): HTMLTableElement {
  const element = make('table', 'phases');
  element.append(make('caption', '', caption));
  const body = element.createTBody();
  const times = rows.map(([, ms]) => ms ?? startMs);
  const spanMs = Math.max(1, ...times.map((ms) => ms - startMs));
  let beforeMs = startMs;
  for (const [label, ms] of rows) {
    const row = body.insertRow();
    const head = make('th', '', label);
    head.scope = 'row';
    row.append(head);
    const barCell = row.insertCell();
    barCell.className = 'bar-cell';
    row.insertCell().textContent = ms === undefined ? '–' : `${Math.round(ms)} ms`;
    if (ms === undefined) continue;
    const bar = make('span', 'phase-bar');
    const fromMs = Math.min(beforeMs, ms);
    bar.style.setProperty('--from', `${(100 * (fromMs - startMs)) / spanMs}%`);
    bar.style.setProperty('--share', `${(100 * (ms - fromMs)) / spanMs}%`);
    barCell.append(bar);
    beforeMs = Math.max(beforeMs, ms);
  }
  return element;
}

export function renderTimeline(root: HTMLElement, room: Room): void {
  const { socketOpen, joinSent, joined, offerBytes, participants, ...first } = room.timeline();
  const forwarded = room.info.mode !== 'p2p';
  const tables = [
    table('Server', 0, [
      ...(forwarded ? ([['Offer made', first.offer]] as const) : []),
      ['Socket open', socketOpen],
      ['Join sent', joinSent],
      ['Joined', joined],
      ...(forwarded ? linkRows(first).slice(2) : []),
    ]),
  ];
  for (const [sid, times] of Object.entries(participants)) {
    const participant = room.participants.get(sid);
    tables.push(
      table(participant ? shownName(participant) : sid, times.created ?? 0, linkRows(times)),
    );
  }
  root.replaceChildren(...tables);
  if (room.info.mode === 'auto') {
    const way = room.isDirect ? 'directly between the two of you' : 'through the server';
    root.append(make('p', 'hint', `Media goes ${way}.`));
  }
  if (forwarded && offerBytes !== undefined) {
    root.append(make('p', 'hint', `The newest offer has ${offerBytes} bytes.`));
  }
}
