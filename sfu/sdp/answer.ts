// The SDP answer of a negotiation (RFC 3264 s6, RFC 8829 s5.3, RFC 9143 s7.3): an ICE-lite agent with all
// its candidates. Called by: the thread that answers. Allocates: the text.

import assert from 'node:assert';
import { randomBytes } from 'node:crypto';
import { formatCandidate, type IceCandidate } from '../ice/candidates.ts';
import type { IceCredentials } from '../ice/credentials.ts';
import { extensionUri } from './header-extensions.ts';
import type { AgreedSection, Negotiation, OutgoingStream } from './negotiation.ts';
import type { OfferedCodec } from './payload-types.ts';
import type { RejectedSection } from './section.ts';
import type { OfferedRid } from './simulcast.ts';
import type { DtlsSetup } from './transport.ts';
import { isToken } from './values.ts';

/** This side of the transport. */
export interface LocalDescription {
  /**
   * RFC 8829 s5.2.2: the same for all answers to one peer, the version one more whenever the answer
   * changes.
   */
  readonly origin: { readonly sessionId: string; readonly version: number };
  readonly ice: IceCredentials;
  readonly candidates: readonly IceCandidate[];
  /** What stands after `a=fingerprint:`. */
  readonly fingerprint: string;
  /** As `answeredSetup` says; never another one while the DTLS association lives (RFC 8842 s5.3). */
  readonly setup: DtlsSetup;
}

/**
 * Of Google's: a key frame is made of the encoding alone that one is asked for of. Without it Chromium makes one of
 * each, and sends the largest first.
 */
const KEY_FRAME_OF_ONE = 'x-google-per-layer-pli=1';

/** RFC 8829 s5.2.1: 64 random bits, the highest of them zero. */
export function newSessionId(): string {
  return String(randomBytes(8).readBigUInt64BE() >> 1n);
}

export function makeAnswer(negotiation: Negotiation, local: LocalDescription): string {
  const { sessionId, version } = local.origin;
  const [tagged] = negotiation.bundle;
  // RFC 8839 s4.2.1.5: always ice2. RFC 8829 s5.3.1: trickle if offered.
  const options = negotiation.trickle ? 'ice2 trickle' : 'ice2';
  const lines = [
    'v=0',
    `o=- ${sessionId} ${version} IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    'a=ice-lite',
    `a=ice-options:${options}`,
    `a=group:BUNDLE ${negotiation.bundle.join(' ')}`,
  ];
  if (negotiation.extmapAllowMixed) lines.push('a=extmap-allow-mixed');
  for (const section of negotiation.sections) {
    if (section.accepted) writeSection(lines, section, local, section.mid === tagged);
    else writeRejection(lines, section);
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** RFC 3264 s6: port zero and one of the formats. */
function writeRejection(lines: string[], { media, protocol, payload, mid }: RejectedSection): void {
  lines.push(`m=${media} 0 ${protocol} ${payload}`, 'c=IN IP4 0.0.0.0', 'a=inactive');
  if (mid !== undefined) lines.push(`a=mid:${mid}`);
}

function writeSection(
  lines: string[],
  section: AgreedSection,
  local: LocalDescription,
  isTagged: boolean,
): void {
  const { host, family, port } = defaultCandidate(local.candidates);
  const formats = section.codecs.flatMap(({ payloadType, rtxPayloadType }) =>
    rtxPayloadType === undefined ? [payloadType] : [payloadType, rtxPayloadType],
  );
  // RFC 9143 s7.3: the address and the port of the group in each of its sections.
  lines.push(
    `m=${section.kind} ${port} ${section.protocol} ${formats.join(' ')}`,
    `c=IN IP${family} ${host}`,
    `a=mid:${section.mid}`,
    `a=${section.direction}`,
  );
  // Departs from RFC 9143 s7.1.3, which wants them in the tagged section alone: Chromium looks for rtcp-mux
  // in each (and writes all of them in each, as Firefox does), GStreamer and aiortc for credentials and
  // fingerprint.
  lines.push(
    `a=ice-ufrag:${local.ice.ufrag}`,
    `a=ice-pwd:${local.ice.password}`,
    `a=fingerprint:${local.fingerprint}`,
    `a=setup:${local.setup}`,
    'a=rtcp-mux',
  );
  if (section.rtcpRsize) lines.push('a=rtcp-rsize');
  if (section.extmapAllowMixed) lines.push('a=extmap-allow-mixed');
  for (const { id, name, direction } of section.extensions) {
    const qualifier = direction === undefined ? '' : `/${direction}`;
    lines.push(`a=extmap:${id}${qualifier} ${extensionUri(name)}`);
  }
  const isSimulcast = section.simulcast.length > 1;
  for (const codec of section.codecs) writeCodec(lines, codec, isSimulcast);
  writeSimulcast(lines, section.simulcast);
  if (section.outgoing !== undefined) writeOutgoing(lines, section.outgoing, section.codecs);
  if (isTagged) {
    for (const candidate of local.candidates) lines.push(`a=${formatCandidate(candidate)}`);
    // RFC 8840 s8.2.
    lines.push('a=end-of-candidates');
  }
}

function writeCodec(lines: string[], codec: OfferedCodec, isSimulcast: boolean): void {
  const { payloadType, rtxPayloadType, name, clockRate, channels, parameters, feedback } = codec;
  const encoding = channels > 1 ? `${clockRate}/${channels}` : String(clockRate);
  lines.push(`a=rtpmap:${payloadType} ${name}/${encoding}`);
  const all = [parameters, isSimulcast ? KEY_FRAME_OF_ONE : ''].filter((one) => one !== '');
  if (all.length > 0) lines.push(`a=fmtp:${payloadType} ${all.join(';')}`);
  for (const one of feedback) lines.push(`a=rtcp-fb:${payloadType} ${one}`);
  if (rtxPayloadType !== undefined) {
    lines.push(
      `a=rtpmap:${rtxPayloadType} rtx/${clockRate}`,
      `a=fmtp:${rtxPayloadType} apt=${payloadType}`,
    );
  }
}

/** RFC 8851 s6.3, RFC 8853 s5.3.2: what is offered to be sent is received. */
function writeSimulcast(lines: string[], rids: readonly OfferedRid[]): void {
  for (const { id, payloadTypes, restrictions } of rids) {
    const formats = payloadTypes === undefined ? [] : [`pt=${payloadTypes.join(',')}`];
    const limits = [...formats, ...restrictions].join(';');
    lines.push(limits === '' ? `a=rid:${id} recv` : `a=rid:${id} recv ${limits}`);
  }
  if (rids.length > 0) lines.push(`a=simulcast:recv ${rids.map(({ id }) => id).join(';')}`);
}

function writeOutgoing(
  lines: string[],
  { ssrc, rtxSsrc, cname, msid }: OutgoingStream,
  codecs: readonly OfferedCodec[],
): void {
  // What would not be one word could be lines of its own.
  for (const word of [cname, msid.stream, msid.track]) assert(isToken(word, 255), 'not a token');
  lines.push(`a=msid:${msid.stream} ${msid.track}`, `a=ssrc:${ssrc} cname:${cname}`);
  if (codecs.some(({ rtxPayloadType }) => rtxPayloadType !== undefined)) {
    lines.push(`a=ssrc:${rtxSsrc} cname:${cname}`, `a=ssrc-group:FID ${ssrc} ${rtxSsrc}`);
  }
}

interface DefaultCandidate {
  readonly host: string;
  readonly family: 4 | 6;
  readonly port: number;
}

/** RFC 8829 s5.3.1: before there is one, of UDP as the m= line says. */
const NO_CANDIDATE: DefaultCandidate = { host: '0.0.0.0', family: 4, port: 9 };

/** RFC 8839 s4.2.1.2: where a peer that knows no ICE would send. */
function defaultCandidate(candidates: readonly IceCandidate[]): DefaultCandidate {
  return candidates.find(({ transport }) => transport === 'udp')?.address ?? NO_CANDIDATE;
}
