// Says to screen readers what is only seen otherwise: politely, and what comes in a hurry together, so that nobody can
// talk over everything else.

import { byId } from './dom.ts';

const EVERY_MS = 2_500;
const TOGETHER_MAX = 3;

let waiting: string[] = [];
let more = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

function speak(): void {
  timer = undefined;
  if (waiting.length === 0) return;
  const rest = more > 0 ? [`and ${more} more`] : [];
  byId('announcer', HTMLElement).textContent = [...waiting, ...rest].join(', ');
  waiting = [];
  more = 0;
  timer = setTimeout(speak, EVERY_MS);
}

export function announce(text: string): void {
  if (waiting.length < TOGETHER_MAX) waiting.push(text);
  else more += 1;
  // A turn later, so that what happens together is said together.
  timer ??= setTimeout(speak, 0);
}
