// A chat message as pieces of text and links. Only whole http and https addresses are links, and they are shown as they
// are: nothing can be called by another name. Pure.

export interface Piece {
  readonly text: string;
  /** Of a link. */
  readonly href?: string;
}

const LINKS_MAX = 20;
const ADDRESS = /https?:\/\/[^\s<>"'`]{3,1000}/giu;
/** Belongs to the sentence around it. */
const TAIL = /[.,;:!?)\]}»”’]+$/u;

function hrefOf(text: string): string | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  // `https://bank.example@other.example` leads elsewhere than it seems.
  const isPlain = url.username === '' && url.password === '';
  return isPlain && /^https?:$/.test(url.protocol) ? url.href : null;
}

export function piecesOf(message: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const { 0: found, index } of [...message.matchAll(ADDRESS)].slice(0, LINKS_MAX)) {
    const text = found.replace(TAIL, '');
    const href = hrefOf(text);
    if (href === null) continue;
    if (index > end) pieces.push({ text: message.slice(end, index) });
    pieces.push({ text, href });
    end = index + text.length;
  }
  if (end < message.length) pieces.push({ text: message.slice(end) });
  return pieces;
}
