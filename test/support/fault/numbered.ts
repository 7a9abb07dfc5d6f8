// Datagrams that tell which they are, so that order, loss and duplicates show.

/** Sizes that begin, continue and end GSO sends. */
export const SIZES = [1000, 1000, 1000, 400, 1000, 1, 20, 20, 20, 3, 1200, 1200];

/** A text of that many bytes, or a few more, that begins with its number. */
export function numbered(n: number, bytes: number): string {
  return `${n}:`.padEnd(bytes, '.');
}

/** Number and length of a text of `numbered`, with or without a ChannelData header. */
export function brief(datagram: string): string {
  const text = datagram.startsWith('@') ? datagram.slice(4) : datagram;
  return `${Number.parseInt(text, 10)}: ${text.length} bytes`;
}
