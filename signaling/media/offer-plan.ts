// An offer held against its sender's grants, the bounds and what it says it publishes: all that can be wrong
// with it is found here, before anything changes. Called by: joining, ParticipantMedia. Pure.
// Allocates: what was read of the offer.

import { parseOffer } from '../../sfu/sdp/offer.ts';
import type { Offer } from '../../sfu/sdp/offer.ts';
import { Refusal as SdpRefusal } from '../../sfu/sdp/refusal.ts';
import type { RefusalCode } from '../../sfu/sdp/refusal.ts';
import { checkReoffer } from '../../sfu/sdp/reoffer.ts';
import type { Reoffer } from '../../sfu/sdp/reoffer.ts';
import type { OfferedSection } from '../../sfu/sdp/section.ts';
import { answeredSetup } from '../../sfu/sdp/transport.ts';
import type { DtlsSetup } from '../../sfu/sdp/transport.ts';
import type { Reason } from '../codes.ts';
import { LIMITS } from '../protocol.ts';
import type { Permissions, TrackOffer, TrackSource } from '../protocol.ts';
import { refusal, snippet } from '../refusal.ts';
import type { Refusal } from '../refusal.ts';

export interface OfferedMedia {
  /** The client's number of the offer. */
  readonly id: number;
  readonly sdp: string;
  /** What is published; `all`: every section that sends, as a microphone or a camera. */
  readonly tracks: readonly TrackOffer[] | 'all';
}

export interface PlannedTrack {
  readonly track: TrackOffer;
  readonly section: OfferedSection;
}

/** An offer that will be answered, whatever happens before. */
export interface OfferPlan {
  readonly id: number;
  readonly offer: Offer;
  readonly tracks: readonly PlannedTrack[];
  /** What changes on the transport that there is; undefined where one begins. */
  readonly reoffer: Reoffer | undefined;
}

/** What the transport has agreed on so far. */
export interface Agreed {
  readonly offer: Offer;
  readonly setup: DtlsSetup;
}

const KIND_OF_SOURCE: Readonly<Record<TrackSource, 'audio' | 'video' | undefined>> = {
  microphone: 'audio',
  'screen-audio': 'audio',
  camera: 'video',
  screen: 'video',
  other: undefined,
};

const REASONS: Readonly<Partial<Record<RefusalCode, Reason>>> = {
  'too-large': 'TOO_LARGE',
  'no-media': 'NO_COMMON_CODEC',
};

/**
 * @param before of the transport that goes on; undefined for a first offer, or one that begins anew. What its
 *   sections did before a permission was withdrawn they may be offered to do: nothing of it is answered.
 */
export function planOffer(
  { id, sdp, tracks }: OfferedMedia,
  perm: Permissions,
  before?: Agreed,
): OfferPlan | Refusal {
  if (Buffer.byteLength(sdp) > LIMITS.sdpBytes) {
    return refusal('TOO_LARGE', `sdp: expected at most ${LIMITS.sdpBytes} bytes`);
  }
  const offer = parseOffer(sdp);
  if (offer instanceof SdpRefusal) return unanswerable(offer);
  const denied = checkGrants(offer, perm, before?.offer);
  if (denied !== null) return denied;
  const planned = planTracks(tracks === 'all' ? allTracks(offer) : tracks, offer, perm);
  if ('reason' in planned) return planned;
  if (before === undefined) return { id, offer, tracks: planned, reoffer: undefined };
  const reoffer = checkReoffer(before.offer, offer);
  if (reoffer instanceof SdpRefusal) return unanswerable(reoffer);
  // RFC 8842 s5.3: the roles stay as long as the association does.
  const { setup } = offer.transport;
  if (!reoffer.dtlsRestart && answeredSetup(setup, before.setup) !== before.setup) {
    return refusal('BAD_SDP', `sdp: a=setup:${setup} would turn the DTLS roles round.`);
  }
  return { id, offer, tracks: planned, reoffer };
}

export function sends({ direction }: OfferedSection): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

export function receives({ direction }: OfferedSection): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}

function unanswerable({ code, message }: SdpRefusal): Refusal {
  return refusal(REASONS[code] ?? 'BAD_SDP', `sdp: ${message}`);
}

function sectionsOf(offer: Offer): OfferedSection[] {
  return offer.sections.flatMap((section) => (section.accepted ? [section] : []));
}

function checkGrants(offer: Offer, perm: Permissions, before: Offer | undefined): Refusal | null {
  const known = new Map(
    before === undefined ? [] : sectionsOf(before).map((one) => [one.mid, one]),
  );
  const slots = { audio: 0, video: 0 };
  for (const section of sectionsOf(offer)) {
    const earlier = known.get(section.mid);
    const where = `sdp: the m= section of line ${section.line} (${snippet(section.mid)})`;
    if (sends(section) && (earlier === undefined || !sends(earlier))) {
      if (!perm.canPublish) return notGranted(`${where} sends`, 'canPublish');
      if (perm.hidden) return hiddenMayNotPublish();
    }
    if (!receives(section)) continue;
    if (!perm.canSubscribe && (earlier === undefined || !receives(earlier))) {
      return notGranted(`${where} receives`, 'canSubscribe');
    }
    if (++slots[section.kind] > LIMITS.slots) {
      return refusal('TOO_LARGE', `sdp: expected at most ${LIMITS.slots} slots of each kind`);
    }
  }
  return null;
}

function notGranted(what: string, grant: string): Refusal {
  return refusal('NOT_ALLOWED', `${what}, but the token does not grant ${grant}`);
}

function hiddenMayNotPublish(): Refusal {
  return refusal('NOT_ALLOWED', 'A hidden participant may not publish');
}

function planTracks(
  tracks: readonly TrackOffer[],
  offer: Offer,
  perm: Permissions,
): readonly PlannedTrack[] | Refusal {
  if (tracks.length > LIMITS.tracks) {
    return refusal('TOO_LARGE', `tracks: expected at most ${LIMITS.tracks}`);
  }
  if (tracks.length > 0 && perm.hidden) return hiddenMayNotPublish();
  if (tracks.length > 0 && !perm.canPublish) return notGranted('tracks: not empty', 'canPublish');
  const sections = new Map(offer.sections.map((section) => [section.mid, section]));
  const planned = new Map<string, PlannedTrack>();
  for (const [i, track] of tracks.entries()) {
    const { mid, source } = track;
    const where = `tracks.${i}`;
    const section = sections.get(mid);
    if (section?.accepted === false && section.reason === 'no-codec') {
      return refusal('NO_COMMON_CODEC', `${where}: its section has no codec that is forwarded`);
    }
    if (section?.accepted !== true || !sends(section)) {
      return refusal('BAD_MESSAGE', `${where}.mid: expected the mid of a section that sends`);
    }
    if (planned.has(mid)) return refusal('BAD_MESSAGE', `${where}.mid: there already`);
    const kind = KIND_OF_SOURCE[source];
    if (kind !== undefined && kind !== section.kind) {
      return refusal('BAD_MESSAGE', `${where}.source: a ${source} is no ${section.kind}`);
    }
    planned.set(mid, { track, section });
  }
  return [...planned.values()];
}

function allTracks(offer: Offer): TrackOffer[] {
  return sectionsOf(offer)
    .filter(sends)
    .map(({ mid, kind }) => ({ mid, source: kind === 'audio' ? 'microphone' : 'camera' }));
}
