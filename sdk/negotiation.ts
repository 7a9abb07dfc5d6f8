// The decisions of perfect negotiation (rollback: RFC 9429 s4.1.10.2) as pure functions, apart from the
// browser's objects. mesh-link.ts asks before it touches the RTCPeerConnection.

import { POLITE_RESTART_WAIT_MS, RESTART_WAIT_MAX_MS } from './limits.ts';
import type { Permissions } from '../signaling/protocol.ts';

export type DescriptionType = 'offer' | 'answer' | 'pranswer' | 'rollback';
export type SignalingState =
  | 'stable'
  | 'have-local-offer'
  | 'have-remote-offer'
  | 'have-local-pranswer'
  | 'have-remote-pranswer'
  | 'closed';

export interface NegotiationSituation {
  /** The polite side gives way when both offer at once. */
  readonly polite: boolean;
  /** An offer of ours is being made and not yet in `signalingState`. */
  readonly makingOffer: boolean;
  readonly signalingState: SignalingState;
}

/**
 * What to do with a remote description: `apply` it, `yield` (apply it, which rolls our own offer back),
 * `ignore` it because our offer wins, or `drop` it because nothing asked for it.
 */
export type Verdict = 'apply' | 'yield' | 'ignore' | 'drop';

/** Both sides compare the same two sids, so exactly one of them is polite. */
export function isPolite(selfSid: string, otherSid: string): boolean {
  return selfSid < otherSid;
}

export function judgeDescription(type: DescriptionType, at: NegotiationSituation): Verdict {
  if (at.signalingState === 'closed') return 'drop';
  if (type === 'rollback') return 'drop';
  if (type !== 'offer') {
    const awaited =
      at.signalingState === 'have-local-offer' || at.signalingState === 'have-remote-pranswer';
    return awaited ? 'apply' : 'drop';
  }
  const collides = at.makingOffer || at.signalingState !== 'stable';
  if (!collides) return 'apply';
  return at.polite ? 'yield' : 'ignore';
}

export interface MediaGrants {
  /** We may send to the other. */
  readonly send: boolean;
  /** The other may send to us. */
  readonly receive: boolean;
}

type MediaPermissions = Pick<Permissions, 'canPublish' | 'canSubscribe' | 'hidden'>;

/** A hidden participant is not named to others, so nobody could answer it: it takes no part in a mesh. */
export function mediaGrants(self: MediaPermissions, other: MediaPermissions): MediaGrants {
  if (self.hidden || other.hidden) return { send: false, receive: false };
  return {
    send: self.canPublish && other.canSubscribe,
    receive: other.canPublish && self.canSubscribe,
  };
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export function directionOf(sends: boolean, receives: boolean): Direction {
  if (sends) return receives ? 'sendrecv' : 'sendonly';
  return receives ? 'recvonly' : 'inactive';
}

/** Milliseconds before ICE restart `attempt` (0 = the first after the connection was last good). */
export function restartDelayMs(attempt: number, polite: boolean): number {
  const base = attempt === 0 ? 0 : Math.min(2_000 * 2 ** attempt, RESTART_WAIT_MAX_MS);
  return base + (polite ? POLITE_RESTART_WAIT_MS : 0);
}
