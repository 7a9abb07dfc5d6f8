// One m= section of an offer (RFC 8866 s5.14): what it is about, or why it is answered with port zero.
// Called by: parseOffer. Allocates: the section.

import type { MediaDescription, SessionDescription } from 'sdp-transform';
import type { MediaKind } from './codecs.ts';
import { readExtensions } from './header-extensions.ts';
import type { ExtensionName, OfferedExtension } from './header-extensions.ts';
import type { Direction, Scope } from './lines.ts';
import { MID_CHARS_MAX } from './limits.ts';
import { readCodecs } from './payload-types.ts';
import type { OfferedCodec } from './payload-types.ts';
import { Refusal } from './refusal.ts';
import { readSimulcast } from './simulcast.ts';
import type { OfferedRid } from './simulcast.ts';
import { readStreams } from './sources.ts';
import type { OfferedStream } from './sources.ts';
import { integerOf, isToken, textOf } from './values.ts';

/**
 * - `disabled`: the peer gave it port zero, and not for the sake of BUNDLE
 * - `not-bundled`: not in the BUNDLE group
 * - `data-channel`, `media`, `protocol`: SCTP; neither audio nor video; not an RTP profile
 * - `no-codec`: none that is forwarded here
 * - `decided`: this server does not want it
 */
export type RejectionReason =
  | 'disabled'
  | 'not-bundled'
  | 'data-channel'
  | 'media'
  | 'protocol'
  | 'no-codec'
  | 'decided';

interface SectionHead {
  /** Number of the m= line in the text, from 1. */
  readonly line: number;
  /** What the m= line begins with. */
  readonly media: string;
  readonly protocol: string;
  /** Undefined only in what is rejected. */
  readonly mid: string | undefined;
}

export interface RejectedSection extends SectionHead {
  readonly accepted: false;
  readonly reason: RejectionReason;
  /** One of its formats: the answer must list one (RFC 3264 s6). */
  readonly payload: string;
}

/** RFC 8830 s2; `-` for no stream. */
export interface Msid {
  readonly stream: string;
  readonly track: string;
}

export interface OfferedSection extends SectionHead {
  readonly accepted: true;
  readonly mid: string;
  readonly kind: MediaKind;
  /** Seen from the peer. */
  readonly direction: Direction;
  readonly msid: Msid | undefined;
  readonly rtcpRsize: boolean;
  readonly extmapAllowMixed: boolean;
  /** At least one; as offered, and only what is forwarded here. */
  readonly codecs: readonly OfferedCodec[];
  readonly extensions: readonly OfferedExtension[];
  /** What the peer wants to send in several encodings; empty for none. */
  readonly simulcast: readonly OfferedRid[];
  /** What the peer will send, by SSRC; empty when it does not say. */
  readonly streams: readonly OfferedStream[];
}

/** What the sections of one BUNDLE group share, filled by one after the other. */
export class BundleMeanings {
  readonly payloadTypes: Map<number, string> = new Map();
  readonly extensions: Map<number, ExtensionName> = new Map();
  readonly ssrcs: Set<number> = new Set();
}

/** RFC 8829 s5.1.2: whatever the name says, it is DTLS-SRTP with feedback. The answer says the same. */
const PROTOCOLS: ReadonlySet<string> = new Set([
  'UDP/TLS/RTP/SAVPF',
  'UDP/TLS/RTP/SAVP',
  'TCP/DTLS/RTP/SAVPF',
  'TCP/DTLS/RTP/SAVP',
  'RTP/SAVPF',
  'RTP/SAVP',
  'RTP/AVPF',
  'RTP/AVP',
]);

const WORD_CHARS_MAX = 32;
const PORT_MAX = 65_535;
/** RFC 8830 s2. */
const MSID_CHARS_MAX = 64;

/** @throws Refusal */
export function readSection(
  session: SessionDescription,
  media: MediaDescription,
  scopes: { readonly session: Scope; readonly section: Scope },
  bundle: ReadonlySet<string>,
  meanings: BundleMeanings,
): OfferedSection | RejectedSection {
  const scope = scopes.section;
  const { line } = scope;
  const port = integerOf(media.port, 0, PORT_MAX);
  const name = textOf(media.type);
  const protocol = textOf(media.protocol);
  const payloads = textOf(media.payloads);
  const readable = isToken(name, WORD_CHARS_MAX) && isWord(protocol) && payloads !== '';
  if (port === undefined || !readable) {
    throw new Refusal('syntax', `Line ${line} is not m=<media> <port> <protocol> <formats>.`);
  }
  const { mid } = scope;
  if (mid !== undefined && !isToken(mid, MID_CHARS_MAX)) {
    const what = `no a=mid of at most ${MID_CHARS_MAX} token characters`;
    throw new Refusal('mid', `The m= section of line ${line} has ${what}.`);
  }
  const head = { line, media: name, protocol };
  const rejected = (reason: RejectionReason): RejectedSection => {
    const [payload = ''] = payloads.split(' ', 1);
    return {
      accepted: false,
      ...head,
      mid,
      reason,
      payload: isToken(payload, WORD_CHARS_MAX) ? payload : '0',
    };
  };
  // RFC 9143 s6: port zero with bundle-only asks for the transport of another section.
  if (port === 0 && media.bundleOnly === undefined) return rejected('disabled');
  if (name === 'application') return rejected('data-channel');
  if (name !== 'audio' && name !== 'video') return rejected('media');
  if (!PROTOCOLS.has(protocol)) return rejected('protocol');
  if (mid === undefined || !bundle.has(mid)) return rejected('not-bundled');
  // RFC 9143 s9.3: RTP and RTCP share the port of a BUNDLE group.
  if (media.rtcpMux === undefined) {
    throw new Refusal('rtcp-mux', `The m= section of line ${line} (mid ${mid}) lacks a=rtcp-mux.`);
  }
  const codecs = readCodecs(media, name, line, meanings.payloadTypes);
  if (codecs.length === 0) return rejected('no-codec');
  const mixed = media.extmapAllowMixed !== undefined || session.extmapAllowMixed !== undefined;
  const direction = scope.direction ?? scopes.session.direction ?? 'sendrecv';
  const sends = direction === 'sendrecv' || direction === 'sendonly';
  return {
    accepted: true,
    ...head,
    mid,
    kind: name,
    direction,
    msid: readMsid(scope),
    rtcpRsize: media.rtcpRsize !== undefined,
    extmapAllowMixed: media.extmapAllowMixed !== undefined,
    codecs,
    // RFC 8285 s7: they stand at one level or the other.
    extensions: readExtensions(media.ext ?? session.ext, name, mixed, meanings.extensions),
    simulcast: sends ? readSimulcast(media, scope) : [],
    // What a peer lists that sends nothing is the source of its receiver reports.
    streams: sends ? readStreams(media, meanings.ssrcs) : [],
  };
}

/** A protocol: tokens with "/" between them. */
function isWord(protocol: string): boolean {
  return protocol.split('/').every((part) => isToken(part, WORD_CHARS_MAX));
}

/** RFC 8830 s2: of several streams with one track the first. */
function readMsid({ msids }: Scope): Msid | undefined {
  const [stream = '', track = ''] = (msids[0] ?? '').split(' ');
  const fits = isToken(stream, MSID_CHARS_MAX) && (track === '' || isToken(track, MSID_CHARS_MAX));
  return fits ? { stream, track } : undefined;
}
