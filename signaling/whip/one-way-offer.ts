// What a WHIP or WHEP offer has to be besides well-formed: at most one audio and one video track (RFC 9725 s4.4.2),
// all of them one way (s4.2), and none of them refused alone (s4.4.3). Called by: whip-endpoint.ts. Pure.
// Allocates: what was read of the offer.

import { parseOffer } from '../../sfu/sdp/offer.ts';
import { Refusal as SdpRefusal } from '../../sfu/sdp/refusal.ts';
import type { OfferedSection, RejectedSection } from '../../sfu/sdp/section.ts';
import type { OfferPlan } from '../media/offer-plan.ts';
import { snippet } from '../refusal.ts';
import { overHttp, whipRefusal } from './whip-refusal.ts';
import type { WhipRefusal } from './whip-refusal.ts';

export type WhipProtocol = 'whip' | 'whep';

/** Seen from the client: what it does with its media. */
const WAY = { whip: 'sendonly', whep: 'recvonly' } as const;

/** An offer that will be answered; there is never a second one. */
export function planOneWay(sdp: string, protocol: WhipProtocol): OfferPlan | WhipRefusal {
  const parsed = parseOffer(sdp);
  if (parsed instanceof SdpRefusal) return unreadable(parsed);
  const way = WAY[protocol];
  const kinds = new Set<string>();
  const sections: (OfferedSection | RejectedSection)[] = [];
  for (const section of parsed.sections) {
    const wrong = section.accepted ? misfit(section, way, kinds) : partial(section);
    if (wrong !== null) return wrong;
    // Who offers both ways is answered one way (RFC 9725 s4.2).
    sections.push(section.accepted ? { ...section, direction: way } : section);
  }
  const offer = { ...parsed, sections };
  const tracks =
    protocol === 'whep' ? [] : sections.flatMap((one) => (one.accepted ? [trackOf(one)] : []));
  return { id: 0, offer, tracks, reoffer: undefined };
}

function trackOf(section: OfferedSection): OfferPlan['tracks'][number] {
  const { mid, kind } = section;
  return { section, track: { mid, source: kind === 'audio' ? 'microphone' : 'camera' } };
}

function misfit(
  { line, mid, kind, direction }: OfferedSection,
  way: 'sendonly' | 'recvonly',
  kinds: Set<string>,
): WhipRefusal | null {
  const where = `The m= section of line ${line} (${snippet(mid)})`;
  if (direction !== way && direction !== 'sendrecv') {
    return whipRefusal('UNPROCESSABLE', `${where} is ${direction}, expected ${way}`);
  }
  if (kinds.has(kind)) {
    return whipRefusal(
      'UNPROCESSABLE',
      `${where} is a second one of ${kind}, expected at most one`,
    );
  }
  kinds.add(kind);
  return null;
}

/** A data channel can be answered with port zero, nobody misses media then; and so can what the client gave up itself. */
function partial({ line, media, reason }: RejectedSection): WhipRefusal | null {
  if (reason === 'disabled' || reason === 'data-channel') return null;
  const what = `The m= section of line ${line} (${snippet(media)}) cannot be accepted: ${reason}`;
  return whipRefusal('UNPROCESSABLE', what);
}

function unreadable({ code, message }: SdpRefusal): WhipRefusal {
  if (code === 'too-large') return overHttp({ reason: 'TOO_LARGE', message });
  if (code === 'no-media') return overHttp({ reason: 'NO_COMMON_CODEC', message });
  return overHttp({ reason: 'BAD_SDP', message });
}
