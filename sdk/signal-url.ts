// The address of the signaling WebSocket from what a user has at hand.

import { SIGNAL_PATH } from '../signaling/codes.ts';

const SCHEMES: Readonly<Record<string, string>> = {
  'http:': 'ws:',
  'https:': 'wss:',
  'ws:': 'ws:',
  'wss:': 'wss:',
};

/**
 * `http`, `https`, `ws` and `wss` URLs are taken; a path other than `/` is kept and put in front (a reverse
 * proxy's prefix). Throws TypeError for anything else.
 */
export function signalUrl(url: string | URL): string {
  const parsed = new URL(url);
  const scheme = SCHEMES[parsed.protocol];
  if (!scheme) throw new TypeError(`Expected an http(s) or ws(s) URL, got ${parsed.protocol}`);
  const path = parsed.pathname.replace(/\/+$/, '');
  const full = path.endsWith(SIGNAL_PATH) ? path : path + SIGNAL_PATH;
  return `${scheme}//${parsed.host}${full}`;
}
