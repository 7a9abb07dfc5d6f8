// Holds a session description against the sender's grants: who may not publish must not send, and so on.
// RFC 8866 s5 (lines), s6.7 (directions), RFC 9143 s6 (bundle-only). Called by: the signal handler.
// Departs from RFC 8866 s6.7: a direction of the session is not inherited, as not every browser does.
// One pass, linear and bounded; whatever is ambiguous counts as asking for more. Allocates: nothing per line.

import type { Permissions } from './protocol.ts';
import { refusal, snippet } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** Lines beyond which a description is an attack on its parsers. */
export const SDP_LINES_MAX = 4000;
/** Media descriptions, likewise; a browser needs a few dozen. */
export const SDP_MEDIA_MAX = 256;

const SEND = 1;
const RECEIVE = 2;
const STATED = 4;
const DIRECTIONS: readonly [string, number][] = [
  ['a=sendrecv', STATED | SEND | RECEIVE],
  ['a=sendonly', STATED | SEND],
  ['a=recvonly', STATED | RECEIVE],
  ['a=inactive', STATED],
];

const CR = 13;
const EQUALS = 61;
const LETTER_M = 109;
const LETTER_A = 97;

interface MediaSection {
  kind: string;
  /** RFC 3264 s5.1: port 0 refuses the stream, unless it is bundle-only. */
  refused: boolean;
  directions: number;
}

export type SdpGrants = Pick<Permissions, 'canPublish' | 'canSubscribe' | 'canPublishData'>;

/** Null when it may pass. The caller has bounded the length of `sdp`. */
export function checkSdp(sdp: string, grants: SdpGrants): Refusal | null {
  let section: MediaSection | null = null;
  let media = 0;
  let lines = 0;
  let nextCr = sdp.indexOf('\r');
  for (let at = 0; at < sdp.length; lines++) {
    const lf = sdp.indexOf('\n', at);
    const end = lf < 0 ? sdp.length : lf;
    const stop = end > at && sdp.charCodeAt(end - 1) === CR ? end - 1 : end;
    if (lines >= SDP_LINES_MAX) return malformed(`more than ${SDP_LINES_MAX} lines`);
    if (nextCr >= 0 && nextCr < at) nextCr = sdp.indexOf('\r', at);
    // Parsers differ in whether a bare CR ends a line; then one of them might see another description than
    // this scan.
    if (nextCr >= 0 && nextCr < stop) return malformed(`a bare CR in line ${lines + 1}`);
    if (stop - at < 2 || sdp.charCodeAt(at + 1) !== EQUALS) {
      return malformed(`line ${lines + 1} is not of the form <letter>=<value>`);
    }
    const letter = sdp.charCodeAt(at);
    if (letter === LETTER_M) {
      const refused = section === null ? null : judge(section, media, grants);
      if (refused !== null) return refused;
      if (++media > SDP_MEDIA_MAX) return malformed(`more than ${SDP_MEDIA_MAX} m-lines`);
      section = mediaSection(sdp, at + 2, stop);
    } else if (letter === LETTER_A && section !== null) {
      section.directions |= directionsOf(sdp, at, stop);
      if (isLine(sdp, at, stop, 'a=bundle-only')) section.refused = false;
    }
    at = end + 1;
  }
  return section === null ? null : judge(section, media, grants);
}

function mediaSection(sdp: string, from: number, stop: number): MediaSection {
  const kindEnd = Math.min(indexOrEnd(sdp, from, stop), stop);
  const portEnd = Math.min(indexOrEnd(sdp, kindEnd + 1, stop), stop);
  const port = kindEnd + 1;
  const refused = portEnd - port === 1 && sdp.charCodeAt(port) === 48;
  return { kind: sdp.slice(from, Math.min(kindEnd, from + 32)), refused, directions: 0 };
}

function indexOrEnd(sdp: string, from: number, stop: number): number {
  for (let at = from; at < stop; at++) if (sdp.charCodeAt(at) === 32) return at;
  return stop;
}

function directionsOf(sdp: string, at: number, stop: number): number {
  for (const [line, directions] of DIRECTIONS) if (isLine(sdp, at, stop, line)) return directions;
  return 0;
}

function isLine(sdp: string, at: number, stop: number, line: string): boolean {
  return stop - at === line.length && sdp.startsWith(line, at);
}

function judge(section: MediaSection, number: number, grants: SdpGrants): Refusal | null {
  if (section.refused) return null;
  const where = `description.sdp: m-line ${number} (${snippet(section.kind)})`;
  if (section.kind === 'application') {
    return grants.canPublishData ? null : denied(where, 'opens a data channel', 'canPublishData');
  }
  // RFC 8866 s6.7: sendrecv where none is stated. Several at once count as all of them.
  const directions = section.directions === 0 ? SEND | RECEIVE : section.directions;
  if ((directions & SEND) !== 0 && !grants.canPublish) return denied(where, 'sends', 'canPublish');
  if ((directions & RECEIVE) !== 0 && !grants.canSubscribe) {
    return denied(where, 'receives', 'canSubscribe');
  }
  return null;
}

function denied(where: string, does: string, grant: string): Refusal {
  return refusal('NOT_ALLOWED', `${where} ${does}, but the token does not grant ${grant}`);
}

function malformed(what: string): Refusal {
  return refusal('BAD_MESSAGE', `description.sdp: ${what}`);
}
