// The host candidates of an answer (RFC 8445 s5.2, RFC 6544 s4) and their lines in SDP (RFC 8839 s5.1).
// Called by: who writes the answer. Allocates: the candidates.

import type { TransportAddress } from '../../shared/net/transport-address.ts';

export type IceTransport = 'udp' | 'tcp';

/** Where the server listens for media. */
export interface MediaListener {
  readonly transport: IceTransport;
  readonly address: TransportAddress;
}

export interface IceCandidate extends MediaListener {
  readonly foundation: string;
  readonly priority: number;
}

/** RTP and RTCP share one component (RFC 8445 s5.2). */
const COMPONENT = 1;
/** RFC 8445 s5.1.2.2. */
const TYPE_PREFERENCE_HOST = 126;
/** RFC 8445 s5.1.2.1. */
const LOCAL_PREFERENCE_MAX = 0xffff;
/** RFC 6544 s4.2: of a passive candidate. Below UDP's local preference, whatever is added. */
const DIRECTION_PREFERENCE_PASSIVE = 4;
const OTHER_PREFERENCE_MAX = 8191;

/**
 * One candidate for each listener, the first ones preferred (departs from the precedences of RFC 6724 that
 * RFC 8445 s5.2 proposes: who configures the addresses knows better). `announced` addresses stand in for the
 * listeners' own behind a NAT: each for all listeners of its family, with their port where it has none. An
 * unspecified address is no candidate.
 */
export function hostCandidates(
  listeners: readonly MediaListener[],
  announced: readonly TransportAddress[] = [],
): IceCandidate[] {
  const foundations = new Map<string, string>();
  const seen = new Set<string>();
  const preferences = { udp: 0, tcp: 0 };
  const candidates: IceCandidate[] = [];
  for (const { transport, address } of reachable(listeners, announced)) {
    const name = `${transport} ${address.toString()}`;
    if (isUnspecified(address) || seen.has(name)) continue;
    seen.add(name);
    // RFC 8445 s5.1.1.3: the same for the same address and transport, and for no other.
    const base = `${transport} ${address.host}`;
    const foundation = foundations.get(base) ?? String(foundations.size + 1);
    foundations.set(base, foundation);
    const priority = priorityOf(transport, preferences[transport]++);
    candidates.push({ transport, address, foundation, priority });
  }
  return candidates;
}

/** The value of a `candidate` attribute, without `a=` (RFC 8839 s5.1, RFC 6544 s4.5). */
export function formatCandidate({
  transport,
  address,
  foundation,
  priority,
}: IceCandidate): string {
  const line = `candidate:${foundation} ${COMPONENT} ${transport} ${priority} ${address.host} ${address.port} typ host`;
  return transport === 'tcp' ? `${line} tcptype passive` : line;
}

function reachable(
  listeners: readonly MediaListener[],
  announced: readonly TransportAddress[],
): readonly MediaListener[] {
  if (announced.length === 0) return listeners;
  return announced.flatMap((outside) =>
    listeners
      .filter(({ address }) => address.family === outside.family)
      .map(({ transport, address: { port } }) => {
        const address = outside.copy();
        if (address.port === 0) address.port = port;
        return { transport, address };
      }),
  );
}

/** RFC 8445 s5.1.2.1 and RFC 6544 s4.2, for the n-th candidate of a transport. */
function priorityOf(transport: IceTransport, n: number): number {
  const local =
    transport === 'udp'
      ? LOCAL_PREFERENCE_MAX - n
      : DIRECTION_PREFERENCE_PASSIVE * 2 ** 13 + OTHER_PREFERENCE_MAX - n;
  return TYPE_PREFERENCE_HOST * 2 ** 24 + local * 2 ** 8 + (256 - COMPONENT);
}

function isUnspecified({ w0, w1, w2, w3 }: TransportAddress): boolean {
  return (w0 | w1 | w2 | w3) === 0;
}
