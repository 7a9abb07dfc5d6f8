// Offers of a few lines for signaling tests: what is sent and what is received, section by section.

import { AUDIO, changed, offerOf, VIDEO } from '../../support/sdp.ts';

export interface SmallSection {
  mid: string;
  kind: 'audio' | 'video';
  direction: 'sendonly' | 'recvonly' | 'sendrecv' | 'inactive';
  /** Of the encodings that are sent. */
  rids?: readonly string[];
  /** It tells of what arrives. */
  tells?: boolean;
}

const TELLS = [
  'a=extmap:5 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=rtcp-fb:* transport-cc',
];

/** Sections that send, then those that receive audio, then video; their mids count from 0. */
export function sections(
  sent: readonly ('audio' | 'video')[],
  audio = 0,
  video = 0,
): SmallSection[] {
  const kinds = [
    ...sent,
    ...Array<'audio'>(audio).fill('audio'),
    ...Array<'video'>(video).fill('video'),
  ];
  return kinds.map((kind, i) => ({
    mid: String(i),
    kind,
    direction: i < sent.length ? 'sendonly' : 'recvonly',
  }));
}

export interface SmallTransport {
  ufrag?: string;
  fingerprint?: string;
  setup?: string;
}

export function smallOffer(
  list: readonly SmallSection[],
  { ufrag = 'abcd', fingerprint = 'AB', setup = 'actpass' }: SmallTransport = {},
): string {
  const lines = list.map(({ mid, kind, direction, rids = [], tells = false }) => [
    ...changed(kind === 'audio' ? AUDIO : VIDEO, {
      'a=mid:': `a=mid:${mid}`,
      'a=sendrecv': `a=${direction}`,
    }),
    ...(tells ? TELLS : []),
    ...rids.map((rid) => `a=rid:${rid} send`),
    ...(rids.length > 0 ? [`a=simulcast:send ${rids.join(';')}`] : []),
  ]);
  return offerOf(lines, [
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${ufrag.padEnd(22, 'x')}`,
    `a=fingerprint:sha-256 ${Array(32).fill(fingerprint).join(':')}`,
    `a=setup:${setup}`,
  ]);
}

const SOURCES = { audio: 'microphone', video: 'camera' } as const;

/** What `sections` sends, as `tracks`. */
export function tracksOf(list: readonly SmallSection[]): { mid: string; source: string }[] {
  return list
    .filter(({ direction }) => direction.startsWith('send'))
    .map(({ mid, kind }) => ({ mid, source: SOURCES[kind] }));
}

/** The fields of `join` for such an offer, of the number 1. */
export function joinWith(list: readonly SmallSection[], want?: object): Record<string, unknown> {
  return {
    offer: { id: 1, sdp: smallOffer(list) },
    tracks: tracksOf(list),
    ...(want === undefined ? {} : { want }),
  };
}
