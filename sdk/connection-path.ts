// Which way media takes, from getStats: the selected candidate pair's types (RFC 8445 s5.1.1), protocol and
// round trip.

import { entriesOf, entryAt } from './stats-entry.ts';
import type { StatsEntries, StatsEntry } from './stats-entry.ts';

export type CandidateType = 'host' | 'srflx' | 'prflx' | 'relay';

export interface ConnectionPath {
  /** The longer way of both ends: relay before prflx before srflx before host. */
  type: CandidateType;
  local: CandidateType;
  remote: CandidateType;
  protocol: 'udp' | 'tcp';
  /** How we reach our own relay, when the local candidate is one. */
  relayProtocol?: 'udp' | 'tcp' | 'tls';
  /** Round trip in milliseconds of the newest connectivity check; null before the first answer. */
  rttMs: number | null;
}

/** From the shortest way to the longest. */
const TYPES: readonly CandidateType[] = ['host', 'srflx', 'prflx', 'relay'];
const RELAY_PROTOCOLS = ['udp', 'tcp', 'tls'] as const;

function selectedPair(report: StatsEntries): StatsEntry | undefined {
  for (const transport of entriesOf(report, 'transport')) {
    const pair = entryAt(report, transport, 'selectedCandidatePairId');
    if (pair) return pair;
  }
  // Firefox had no transport statistics for long, and marks the pair itself.
  const pairs = entriesOf(report, 'candidate-pair');
  return (
    pairs.find((pair) => pair['selected'] === true) ??
    pairs.find((pair) => pair['nominated'] === true && pair['state'] === 'succeeded')
  );
}

function typeOf(candidate: StatsEntry | undefined): CandidateType | undefined {
  return TYPES.find((type) => type === candidate?.['candidateType']);
}

/** The path in use, or null when no pair is selected. */
export function connectionPathOf(report: StatsEntries): ConnectionPath | null {
  const pair = selectedPair(report);
  const candidate = entryAt(report, pair, 'localCandidateId');
  const local = typeOf(candidate);
  const remote = typeOf(entryAt(report, pair, 'remoteCandidateId'));
  if (!pair || !local || !remote) return null;
  const relayProtocol = RELAY_PROTOCOLS.find((name) => name === candidate?.['relayProtocol']);
  const rttS = pair['currentRoundTripTime'];
  return {
    type: TYPES.indexOf(local) >= TYPES.indexOf(remote) ? local : remote,
    local,
    remote,
    protocol: candidate?.['protocol'] === 'tcp' ? 'tcp' : 'udp',
    ...(relayProtocol ? { relayProtocol } : {}),
    rttMs: typeof rttS === 'number' ? Math.round(rttS * 10_000) / 10 : null,
  };
}

/** True when both go the same way; the round trip always differs a little. */
export function samePath(a: ConnectionPath | null, b: ConnectionPath | null): boolean {
  if (!a || !b) return a === b;
  return (
    a.local === b.local &&
    a.remote === b.remote &&
    a.protocol === b.protocol &&
    a.relayProtocol === b.relayProtocol
  );
}
