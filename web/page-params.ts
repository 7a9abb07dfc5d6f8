// What the address of the page says: ?room=r&name=n&autojoin=1&relay=1&slots=4&e2ee=1 and #token=..., which is never
// sent to a server.

export interface PageParams {
  room: string;
  name: string;
  /** Join without waiting for a click (development mode, where tokens are to be had). */
  autojoin: boolean;
  /** Media through the relay only. */
  relay: boolean;
  /** The most pictures to receive at once; undefined for the SDK's default. */
  slots: number | undefined;
  /** Encrypted from end to end. */
  encrypted: boolean;
  /** A token from the fragment; empty when there is none. */
  token: string;
}

const ADJECTIVES = ['amber', 'arctic', 'brisk', 'calm', 'clear', 'coral', 'quick', 'silver'];
const NOUNS = ['bay', 'coast', 'dune', 'gale', 'reef', 'shoal', 'tern', 'tide'];

const isSet = (value: string | null): boolean => value !== null && value !== '' && value !== '0';

export function readPageParams(url: URL): PageParams {
  const query = url.searchParams;
  const fragment = new URLSearchParams(url.hash.slice(1));
  const slots = query.get('slots') ?? '';
  return {
    room: (query.get('room') ?? '').slice(0, 64),
    name: (query.get('name') ?? '').slice(0, 64),
    autojoin: isSet(query.get('autojoin')),
    relay: isSet(query.get('relay')),
    slots: /^\d{1,2}$/.test(slots) ? Number(slots) : undefined,
    encrypted: isSet(query.get('e2ee')),
    token: fragment.get('token') ?? '',
  };
}

/** A link to the room and to nothing else: no name, no token. */
export function roomLink(url: URL, room: string, encrypted: boolean): string {
  const link = new URL(url.pathname, url.origin);
  link.searchParams.set('room', room);
  // Who comes without it would neither see nor be seen.
  if (encrypted) link.searchParams.set('e2ee', '1');
  return link.href;
}

/** A room name that can be read out over the telephone; `random` gives [0, 1). */
export function inventRoom(random: () => number): string {
  const pick = (words: readonly string[]): string =>
    words[Math.floor(random() * words.length)] ?? '';
  return `${pick(ADJECTIVES)}-${pick(NOUNS)}-${Math.floor(100 + random() * 900)}`;
}

/** Different for each tab, so that two tabs of one person do not take each other over. */
export function inventIdentity(name: string, random: () => number): string {
  const slug = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 32);
  const suffix = Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
  return `${slug || 'guest'}-${suffix}`;
}
