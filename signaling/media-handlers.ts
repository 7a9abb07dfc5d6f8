// What participants of a room of mode `sfu` ask for: an answer, their mutes, their wishes for slots.
// Called by: conversation.ts, after size, rate, form and order were checked.

import type { MuteMessage, OfferMessage, SdpAnswer, SubscribeMessage } from './protocol.ts';
import { refusal, snippet } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Service } from './service.ts';
import type { Session } from './session.ts';

export function answerOffer(
  { switchboard }: Service,
  session: Session,
  message: OfferMessage,
  now: number,
): SdpAnswer | Refusal {
  const { media } = session;
  if (switchboard === null || media === null) return notForwarded('offer');
  const waitMs = session.chargeOffer(now);
  if (waitMs > 0) return refusal('RATE_LIMITED', 'offer: offers come too fast', waitMs);
  switchboard.counters.offers++;
  const plan = media.plan(message, message.reset);
  if ('reason' in plan) return plan;
  media.want(message.want);
  return media.accept(plan);
}

/** Null: done, answer `ok`. */
export function muteTrack(session: Session, message: MuteMessage, now: number): Refusal | null {
  const { media, participant } = session;
  if (media === null) return notForwarded('mute');
  // Everybody is told the whole of the participant, as after a change of attributes.
  const waitMs = session.chargeBytes(Buffer.byteLength(participant.json), now);
  if (waitMs > 0) return refusal('RATE_LIMITED', 'mute: changes come too fast', waitMs);
  if (media.mute(message.track, message.muted)) return null;
  return refusal(
    'NOT_FOUND',
    `track: not published by this participant: ${snippet(message.track)}`,
  );
}

/** Null: done, answer `ok`. */
export function subscribe(session: Session, message: SubscribeMessage): Refusal | null {
  const { media } = session;
  return media === null ? notForwarded('subscribe') : media.subscribe(message);
}

function notForwarded(what: string): Refusal {
  return refusal('BAD_MESSAGE', `${what}: this room is of mode p2p; send participants a signal`);
}
