// What an offer and this server's decisions about it come to: the answer says it to the peer, a media
// worker acts on it. Plain values, so that they can be sent to another thread. Called by: the thread that
// answers. Allocates: the agreement.

import { CODECS } from './codecs.ts';
import type { CodecName } from './codecs.ts';
import type { ExtensionName, OfferedExtension } from './header-extensions.ts';
import type { Direction } from './lines.ts';
import type { Offer } from './offer.ts';
import { redundantPayloadType } from './payload-types.ts';
import type { Feedback, OfferedCodec } from './payload-types.ts';
import type { Msid, OfferedSection, RejectedSection } from './section.ts';
import type { OfferedRid } from './simulcast.ts';
import type { OfferedStream } from './sources.ts';

/** What this server sends in a section: one stream, whatever it is pointed at. */
export interface OutgoingStream {
  readonly ssrc: number;
  /** Used where the peer offers retransmissions. */
  readonly rtxSsrc: number;
  /** RFC 8834 s4.9: the same for all streams that are to be played together. */
  readonly cname: string;
  readonly msid: Msid;
}

export interface Decision {
  /** Take what the peer sends. */
  readonly receive?: boolean;
  readonly send?: OutgoingStream;
  /** The codecs allowed, most wanted first; all of them in the order of `CODECS` unless given. */
  readonly codecs?: readonly CodecName[];
  /** What the peer's Opus encoder is to do, whatever the offer says. */
  readonly opus?: { readonly stereo?: boolean; readonly dtx?: boolean };
}

/**
 * By `mid`. `reject` is port zero and ends the section; a section without a decision is inactive and can be
 * used later.
 */
export type Decisions = ReadonlyMap<string, Decision | 'reject'>;

export interface AgreedExtension {
  readonly id: number;
  readonly name: ExtensionName;
  /** Seen from here; undefined for that of the section. */
  readonly direction: 'sendonly' | 'recvonly' | undefined;
}

export interface AgreedSection {
  readonly accepted: true;
  readonly mid: string;
  readonly kind: 'audio' | 'video';
  readonly protocol: string;
  /** Seen from here. */
  readonly direction: Direction;
  readonly rtcpRsize: boolean;
  readonly extmapAllowMixed: boolean;
  readonly codecs: readonly OfferedCodec[];
  readonly extensions: readonly AgreedExtension[];
  /** The encodings that the peer may send; empty where it sends one, or none. */
  readonly simulcast: readonly OfferedRid[];
  /** What the peer will send, by SSRC, where it says so. */
  readonly streams: readonly OfferedStream[];
  readonly outgoing: OutgoingStream | undefined;
}

export interface Negotiation {
  /** Options of ICE that the peer has too. */
  readonly trickle: boolean;
  readonly extmapAllowMixed: boolean;
  readonly sections: readonly (AgreedSection | RejectedSection)[];
  /** The `mid` of each accepted section, the tagged one first. */
  readonly bundle: readonly string[];
}

export function negotiate(offer: Offer, decisions: Decisions): Negotiation {
  const [tagged] = offer.bundle;
  const sections = offer.sections.map((section) => {
    if (!section.accepted) return section;
    const decision = decisions.get(section.mid) ?? {};
    if (decision !== 'reject') return agree(section, decision);
    // RFC 9143 s7.3.3: the section whose transport is in use cannot be rejected.
    return section.mid === tagged ? agree(section, {}) : rejected(section);
  });
  const accepted = new Set(sections.flatMap((one) => (one.accepted ? [one.mid] : [])));
  return {
    trickle: offer.iceOptions.includes('trickle'),
    extmapAllowMixed: offer.extmapAllowMixed,
    sections,
    bundle: offer.bundle.filter((mid) => accepted.has(mid)),
  };
}

function rejected({ line, media, protocol, mid, codecs }: OfferedSection): RejectedSection {
  const payload = String(codecs[0]!.payloadType);
  return { accepted: false, line, media, protocol, mid, reason: 'decided', payload };
}

function agree(section: OfferedSection, decision: Decision): AgreedSection {
  const { mid, kind, protocol, rtcpRsize, extmapAllowMixed } = section;
  const chosen = choose(section.codecs, decision);
  // Port zero would end the section because of a wish that may change.
  const wished = chosen.length > 0 ? decision : {};
  const receives = wished.receive === true && sends(section.direction);
  const outgoing = sends(reversed(section.direction)) ? wished.send : undefined;
  const direction = directionOf(receives, outgoing !== undefined);
  const extensions = section.extensions.flatMap((one) => agreeExtension(one, direction));
  const transportCc = extensions.some(({ name }) => name === 'transport-cc');
  const codecs = (chosen.length > 0 ? chosen : section.codecs).map((codec) =>
    agreeCodec(codec, decision, transportCc),
  );
  return {
    accepted: true,
    mid,
    kind,
    protocol,
    direction,
    rtcpRsize,
    extmapAllowMixed,
    codecs,
    extensions,
    simulcast: receives ? agreeSimulcast(section.simulcast, codecs) : [],
    streams: receives ? section.streams : [],
    outgoing,
  };
}

const ALL_CODECS: readonly CodecName[] = CODECS.map(({ name }) => name);

const FORMATS: readonly string[] = CODECS.flatMap(({ formats = [] }) => formats);

/** Those allowed, in the order wanted. */
function choose(
  codecs: readonly OfferedCodec[],
  { codecs: wanted = ALL_CODECS }: Decision,
): OfferedCodec[] {
  const chosen = wanted.flatMap((name) =>
    codecs
      .filter((codec) => codec.name === name)
      .toSorted((a, b) => FORMATS.indexOf(a.format) - FORMATS.indexOf(b.format)),
  );
  // What is inside redundancy must be answered as well.
  return chosen.filter(
    ({ name, parameters }) =>
      name !== 'red' ||
      chosen.some(({ payloadType }) => payloadType === redundantPayloadType(parameters)),
  );
}

function agreeCodec(codec: OfferedCodec, { opus }: Decision, transportCc: boolean): OfferedCodec {
  // Feedback for every packet names the transport-wide number that the extension carries; with it REMB is
  // idle.
  const congestion: Feedback =
    transportCc && codec.feedback.includes('transport-cc') ? 'transport-cc' : 'goog-remb';
  const feedback = codec.feedback.filter(
    (one) => (one !== 'transport-cc' && one !== 'goog-remb') || one === congestion,
  );
  const parameters =
    codec.name === 'opus' && opus !== undefined
      ? withOpusWishes(codec.parameters, opus)
      : codec.parameters;
  return { ...codec, parameters, feedback };
}

/** RFC 7587 s6.1: what a receiver prefers, by which a sender goes. */
function withOpusWishes(
  parameters: string,
  { stereo, dtx }: NonNullable<Decision['opus']>,
): string {
  const wishes = [
    ['stereo', stereo],
    ['usedtx', dtx],
  ] as const;
  const decided = wishes.filter(([, wish]) => wish !== undefined);
  const others = parameters
    .split(';')
    .filter((one) => one !== '' && !decided.some(([name]) => one.startsWith(`${name}=`)));
  return [...others, ...decided.map(([name, wish]) => `${name}=${wish === true ? 1 : 0}`)].join(
    ';',
  );
}

/**
 * RFC 8285 s7: the direction of the answer is the other side's of that of the offer, and fits that of the
 * stream.
 */
function agreeExtension(
  { id, name, direction: offered }: OfferedExtension,
  direction: Direction,
): AgreedExtension[] {
  if (offered === 'sendrecv') return [{ id, name, direction: undefined }];
  if (offered === 'sendonly') {
    return sends(reversed(direction)) ? [{ id, name, direction: 'recvonly' }] : [];
  }
  return offered === 'recvonly' && sends(direction) ? [{ id, name, direction: 'sendonly' }] : [];
}

/** RFC 8851 s6.3 step 4: payload types that are not answered go, and a stream with none left. */
function agreeSimulcast(
  offered: readonly OfferedRid[],
  codecs: readonly OfferedCodec[],
): OfferedRid[] {
  const answered = new Set(codecs.map(({ payloadType }) => payloadType));
  return offered.flatMap((rid) => {
    const payloadTypes = rid.payloadTypes?.filter((one) => answered.has(one));
    return payloadTypes?.length === 0 ? [] : [{ ...rid, payloadTypes }];
  });
}

function sends(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

/** RFC 3264 s6.1. */
function reversed(direction: Direction): Direction {
  if (direction === 'sendonly') return 'recvonly';
  return direction === 'recvonly' ? 'sendonly' : direction;
}

function directionOf(receives: boolean, isSending: boolean): Direction {
  if (receives) return isSending ? 'sendrecv' : 'recvonly';
  return isSending ? 'sendonly' : 'inactive';
}
