// Short messages at the edge of the page, read out by screen readers, gone after some seconds.

import { byId, make } from './dom.ts';

const SHOWN_MS = 4_000;
const SHOWN_MAX = 3;

/** Returns what takes it away before its time. */
export function toast(text: string): () => void {
  const list = byId('toasts', HTMLElement);
  const element = make('p', 'toast', text);
  list.append(element);
  while (list.children.length > SHOWN_MAX) list.firstElementChild?.remove();
  setTimeout(() => element.remove(), SHOWN_MS);
  return () => element.remove();
}
