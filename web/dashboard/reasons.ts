// Why a subscriber is sent what it is sent, in words. Called by: participant-card.ts. Pure: the fast tests read it.

import type { ParticipantStats, Subscription } from './answers.ts';
import { count, percent } from './format.ts';
import type { Badge } from './keyed-list.ts';

/** Below, nobody minds. */
const LOSS_MIN = 0.05;
const CONSENT_OLD_MS = 10_000;

const WAITS: Readonly<Record<string, string>> = {
  unbound: 'pointed at nothing',
  unpublished: 'its track is not here yet',
  bandwidth: 'paused: the network does not carry even the smallest',
  'no-path': 'no connection',
  muted: 'muted by its publisher',
  quiet: 'others are louder',
  codec: 'cannot decode it',
  'no-media': 'nothing has come of its publisher',
  'key-frame': 'waits for a key frame',
};

const REASONS: Readonly<Record<string, string>> = {
  best: 'the best there is',
  bandwidth: 'the network carries no better',
  limit: 'nobody wants it larger',
  publisher: 'its publisher sends nothing better',
};

/** Why it is no better, or why it is nothing. */
export function whyOf({ waits, reason, kind }: Subscription & { kind?: string }): string {
  if (waits !== null) return WAITS[waits] ?? waits;
  if (reason !== null) return REASONS[reason] ?? reason;
  return kind === 'audio' ? 'heard' : 'there is one layer';
}

export function layerOf({ layer, temporalLayer, waits }: Subscription): string {
  if (waits === 'bandwidth' || layer === -1) return 'none';
  if (layer === null) return '–';
  const temporal = temporalLayer === null || temporalLayer < 0 ? '' : `, T${temporalLayer}`;
  return `S${layer}${temporal}`;
}

/** What is pointed at nothing is nobody's trouble. */
export function isUsed({ waits, track }: Subscription): boolean {
  return track !== null && waits !== 'unbound';
}

/** Of a participant, the worst first. */
export function troubleOf({ participant, transport, subscriptions }: ParticipantStats): Badge[] {
  const badges: Badge[] = [];
  const used = subscriptions.filter(isUsed);
  const paused = used.filter(({ waits }) => waits === 'bandwidth').length;
  const reduced = used.filter(
    ({ waits, reason }) => waits === null && reason === 'bandwidth',
  ).length;
  const lost = Math.max(0, ...used.map(({ fractionLost }) => fractionLost));
  if (transport?.state === 'disconnected') badges.push({ tone: 'bad', text: 'disconnected' });
  if (participant.state === 'away') badges.push({ tone: 'warn', text: 'away' });
  if (paused > 0) badges.push({ tone: 'bad', text: `${count(paused)} paused by its network` });
  if (lost >= LOSS_MIN) badges.push({ tone: 'warn', text: `loses ${percent(lost)}` });
  if ((transport?.consentAgeMs ?? 0) > CONSENT_OLD_MS) {
    badges.push({ tone: 'warn', text: 'no sign of life' });
  }
  if (reduced > 0) badges.push({ tone: 'plain', text: `${count(reduced)} smaller` });
  if (transport !== null && transport.state !== 'connected' && badges.length === 0) {
    badges.push({ tone: 'plain', text: transport.state });
  }
  return badges;
}
