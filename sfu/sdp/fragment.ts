// Trickle ICE fragments, `application/trickle-ice-sdpfrag` (RFC 8840 s9), as WHIP and WHEP use them (RFC
// 9725 s4.3). Called by: the HTTP endpoints. Allocates: the fragment.

import { formatCandidate, type IceCandidate } from '../ice/candidates.ts';
import type { IceCredentials } from '../ice/credentials.ts';
import { readLines, Scope } from './lines.ts';
import { FRAGMENT_LIMITS } from './limits.ts';
import { orRefusal, Refusal } from './refusal.ts';
import { readIceCredentials } from './transport.ts';

export interface Fragment {
  /** Others than before mean an ICE restart. Undefined when the fragment has none. */
  readonly ice: IceCredentials | undefined;
  /** How many candidates there are. A lite agent has no use for them: it learns addresses from checks. */
  readonly candidates: number;
  readonly endOfCandidates: boolean;
}

export function parseFragment(text: string): Fragment | Refusal {
  return orRefusal(() => {
    const { session, sections } = readLines(text, FRAGMENT_LIMITS);
    const scopes = [session, ...sections];
    // One transport for all: the first credentials are those of the group.
    const named = scopes.find(({ iceUfrag, icePwd }) => (iceUfrag ?? icePwd) !== undefined);
    const ice = named && readIceCredentials(new Scope(1), named);
    if (named !== undefined && ice === undefined) {
      throw new Refusal('ice', 'The fragment has no usable pair of a=ice-ufrag and a=ice-pwd.');
    }
    return {
      ice,
      candidates: scopes.reduce((sum, { candidates }) => sum + candidates.length, 0),
      endOfCandidates: scopes.some(({ endOfCandidates }) => endOfCandidates),
    };
  });
}

/**
 * The answer to a fragment that restarts ICE (RFC 9725 s4.3.3). `mid` is that of the tagged section; `trickle` as the
 * answer to the offer says it, whose options go on.
 */
export function makeFragment(
  mid: string,
  { ufrag, password }: IceCredentials,
  candidates: readonly IceCandidate[],
  trickle = true,
): string {
  const lines = [
    'a=ice-lite',
    trickle ? 'a=ice-options:ice2 trickle' : 'a=ice-options:ice2',
    `a=group:BUNDLE ${mid}`,
    // RFC 8840 s4.4: of a pseudo m= line only the place counts.
    'm=audio 9 UDP/TLS/RTP/SAVPF 0',
    `a=mid:${mid}`,
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    ...candidates.map((candidate) => `a=${formatCandidate(candidate)}`),
    'a=end-of-candidates',
  ];
  return `${lines.join('\r\n')}\r\n`;
}
