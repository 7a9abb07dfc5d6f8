// The ICE servers that a participant is handed: STUN and TURN URLs of this server, and a TURN credential of
// its own (a REST credential: the name is the expiry, the password an HMAC of it, so nothing has to be
// stored).
// Called by: server.ts for each join, and for who asks for a credential alone.

import { createHmac, randomBytes } from 'node:crypto';
import type { Settings } from '../shared/config/schema.ts';
import {
  bracketed,
  isAddress,
  isDualStack,
  isWildcard,
  type ListenerTransport,
  parseListenerUrl,
  sameFamily,
} from '../shared/config/network-values.ts';
import type { Clock } from '../shared/clock.ts';
import type { IceConfig, IceServer } from '../signaling/index.ts';
import { mintRestCredential } from '../turn/credentials.ts';
import type { MintTurnCredential } from './turn-api.ts';

/** Longer than a meeting: ICE restarts need the credential as long as the participant stays. */
const CREDENTIAL_SECONDS = 12 * 3600;

/** Makes the ICE servers for one participant. `requestHost` is the Host header of its WebSocket. */
export type MakeIceServers = (identity: string, requestHost: string) => IceConfig;

/** `listeners` tells the URLs with the ports that are bound at the moment, `turn` what the server goes by. */
export function iceServerMaker(
  turn: () => Settings['turn'],
  listeners: () => readonly string[],
  clock: Clock,
): MakeIceServers {
  return (identity, requestHost) => {
    const [secret] = turn().secrets;
    const expiresAt = Math.floor(clock.wall() / 1000) + CREDENTIAL_SECONDS;
    const urls = iceUrls(turn(), listeners(), hostName(requestHost));
    const servers: IceServer[] = [];
    const stun = urls.filter((url) => url.startsWith('stun'));
    if (stun.length > 0) servers.push({ urls: stun });
    const relays = urls.filter((url) => url.startsWith('turn'));
    if (relays.length > 0 && secret !== undefined) {
      const user = pseudonym(identity, secret);
      servers.push({ urls: relays, ...mintRestCredential(secret, user, expiresAt) });
    }
    return { servers, expiresAt: expiresAt * 1000 };
  };
}

/** A TURN credential for whom an operator likes; undefined where no secret is configured. */
export function turnCredentialMaker(
  turn: () => Settings['turn'],
  listeners: () => readonly string[],
  clock: Clock,
): MintTurnCredential {
  return ({ user, ttl }, requestHost) => {
    const [secret] = turn().secrets;
    if (secret === undefined) return undefined;
    const expiresAt = Math.floor(clock.wall() / 1000) + ttl;
    // Without a name it is a user of its own, with a quota of its own.
    const name = user ?? randomBytes(12).toString('base64url');
    const { username, credential } = mintRestCredential(secret, name, expiresAt);
    const urls = iceUrls(turn(), listeners(), hostName(requestHost));
    const uris = urls.filter((url) => url.startsWith('turn'));
    return { username, password: credential, ttl, uris };
  };
}

/** TURN sends user names in the clear, so a stable name that tells nothing stands for the identity. */
function pseudonym(identity: string, secret: string): string {
  return createHmac('sha256', secret).update(identity).digest('base64url').slice(0, 16);
}

function iceUrls(
  turn: Settings['turn'],
  listeners: readonly string[],
  calledHost: string | undefined,
): string[] {
  if (turn.advertise.length > 0) return turn.advertise;
  const parsed = listeners.map((text) => parseListenerUrl(text));
  const urls = parsed.flatMap((listener) => {
    const { transport, host, port } = listener;
    const reachable = isWildcard(host)
      ? hostForWildcard(host, isDualStack(listener, parsed), calledHost)
      : (turn.relay.external[host] ?? host);
    return reachable === undefined ? [] : URLS[transport](`${bracketed(reachable)}:${port}`);
  });
  return [...new Set(urls)];
}

/** What browsers are told of a listener, RFC 7064 s3.1 and RFC 7065 s3.1; none of them speaks STUN over DTLS. */
const URLS: Readonly<Record<ListenerTransport, (address: string) => string[]>> = {
  udp: (address) => [`stun:${address}`, `turn:${address}?transport=udp`],
  tcp: (address) => [`turn:${address}?transport=tcp`],
  tls: (address) => [`turns:${address}?transport=tcp`],
  dtls: () => [],
};

/** A wildcard listener is where the client reached us; a literal address counts for a family that it serves. */
function hostForWildcard(
  wildcard: string,
  dualStack: boolean,
  called: string | undefined,
): string | undefined {
  if (called === undefined || !isAddress(called)) return called;
  return dualStack || sameFamily(wildcard, called) ? called : undefined;
}

/** The host of a Host header, without port and brackets; undefined for what is none. */
function hostName(header: string): string | undefined {
  const parts =
    /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9](?:[\w.-]{0,251}[a-z0-9])?))(?::\d{1,5})?$/i.exec(header);
  const literal = parts?.[1];
  if (literal !== undefined) return isAddress(literal) ? literal : undefined;
  return parts?.[2];
}
