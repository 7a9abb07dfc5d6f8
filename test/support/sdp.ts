// Offers and answers for tests: recorded texts, small offers put together from parts, and answers read back.

import { readdirSync, readFileSync } from 'node:fs';
import type { LocalDescription } from '../../sfu/sdp/answer.ts';
import { makeAnswer } from '../../sfu/sdp/answer.ts';
import { negotiate } from '../../sfu/sdp/negotiation.ts';
import type {
  AgreedSection,
  Decision,
  Decisions,
  Negotiation,
  OutgoingStream,
} from '../../sfu/sdp/negotiation.ts';
import { parseOffer } from '../../sfu/sdp/offer.ts';
import type { Offer } from '../../sfu/sdp/offer.ts';
import { Refusal } from '../../sfu/sdp/refusal.ts';
import type { OfferedSection } from '../../sfu/sdp/section.ts';
import { hostCandidates } from '../../sfu/ice/candidates.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';

const FIXTURES = new URL('../fixtures/sdp/', import.meta.url);

export const OFFER_FIXTURES: readonly string[] = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.sdp'))
  .map((name) => name.slice(0, -'.sdp'.length))
  .toSorted();

export function fixture(name: string): string {
  return readFileSync(new URL(name.includes('.') ? name : `${name}.sdp`, FIXTURES), 'utf8');
}

export const FINGERPRINT = `sha-256 ${Array(32).fill('AB').join(':')}`;

export const LOCAL: LocalDescription = {
  origin: { sessionId: '4611686018427387904', version: 1 },
  ice: { ufrag: 'sternaU1', password: 'sternaPasswordOf24Chars+' },
  candidates: hostCandidates([
    { transport: 'udp', address: TransportAddress.parse('192.0.2.1', 7882)! },
    { transport: 'udp', address: TransportAddress.parse('2001:db8::1', 7882)! },
    { transport: 'tcp', address: TransportAddress.parse('192.0.2.1', 7881)! },
  ]),
  fingerprint: FINGERPRINT,
  setup: 'passive',
};

/** What a slot sends: the SSRCs and names come from its number. */
export function outgoing(slot: number): OutgoingStream {
  return {
    ssrc: 1000 + slot,
    rtxSsrc: 2000 + slot,
    cname: 'sterna',
    msid: { stream: `stream${slot}`, track: `track${slot}` },
  };
}

/** Takes whatever the peer sends, and has a stream for whatever it wants to receive. */
export function decideAll({ sections }: Offer): Decisions {
  const decisions = new Map<string, Decision>();
  for (const [i, section] of sections.entries()) {
    if (section.accepted) decisions.set(section.mid, { receive: true, send: outgoing(i) });
  }
  return decisions;
}

/** The offer, or the test fails with what is wrong. */
export function accepted(text: string): Offer {
  const offer = parseOffer(text);
  if (offer instanceof Refusal) throw new Error(`refused, ${offer.code}: ${offer.message}`);
  return offer;
}

/** The code of the refusal and its sentence; 'accepted' when there is none. */
export function refusalOf(result: object): string {
  return result instanceof Refusal ? `${result.code}: ${result.message}` : 'accepted';
}

export function sectionOf(offer: Offer, mid: string): OfferedSection {
  const section = offer.sections.find((one) => one.mid === mid);
  if (section?.accepted !== true) throw new Error(`${mid} is not accepted`);
  return section;
}

export function agreedOf(negotiation: Negotiation, mid: string): AgreedSection {
  const section = negotiation.sections.find((one) => one.mid === mid);
  if (section?.accepted !== true) throw new Error(`${mid} is not accepted`);
  return section;
}

/** The answer to an offer that `decide` decides about, all of it unless given. */
export function answerTo(
  text: string,
  decide: (offer: Offer) => Decisions = decideAll,
  local: LocalDescription = LOCAL,
): Answer {
  const offer = accepted(text);
  return new Answer(makeAnswer(negotiate(offer, decide(offer)), local));
}

/** An SDP text by its sections, as lines. */
export class Answer {
  readonly text: string;
  readonly session: readonly string[];
  readonly sections: readonly (readonly string[])[];

  constructor(text: string) {
    this.text = text;
    const parts = text.split(/^(?=m=)/m).map((part) => part.split('\r\n').slice(0, -1));
    this.session = parts[0] ?? [];
    this.sections = parts.slice(1);
  }

  section(mid: string): readonly string[] {
    const section = this.sections.find((lines) => lines.includes(`a=mid:${mid}`));
    if (section === undefined) throw new Error(`no mid ${mid} in ${this.text}`);
    return section;
  }

  /** What stands after `a=name:` in a section, line by line. */
  values(mid: string, name: string): string[] {
    const start = `a=${name}:`;
    const lines = this.section(mid).filter((line) => line.startsWith(start));
    return lines.map((line) => line.slice(start.length));
  }

  mLines(): string[] {
    return this.sections.map(([line = '']) => line);
  }

  direction(mid: string): string {
    const lines = this.section(mid);
    const directions = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
    return directions.filter((direction) => lines.includes(`a=${direction}`)).join();
  }
}

export const AUDIO: readonly string[] = [
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
];

export const VIDEO: readonly string[] = [
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
  'c=IN IP4 0.0.0.0',
  'a=mid:1',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtpmap:96 VP8/90000',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
];

const TRANSPORT = [
  'a=ice-ufrag:abcd',
  'a=ice-pwd:abcdefghijklmnopqrstuv',
  `a=fingerprint:${FINGERPRINT}`,
  'a=setup:actpass',
];

/** A small offer with these m= sections, all of them in the BUNDLE group, and these lines of the session. */
export function offerOf(
  sections: readonly (readonly string[])[],
  session: readonly string[] = TRANSPORT,
): string {
  const mids = sections.flatMap((lines) =>
    lines.filter((line) => line.startsWith('a=mid:')).map((line) => line.slice('a=mid:'.length)),
  );
  const head = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0'];
  const group = `a=group:BUNDLE ${mids.join(' ')}`;
  return [...head, group, ...session, ...sections.flat(), ''].join('\r\n');
}

/** The lines with some replaced: the first one that begins so, or all of them by none. */
export function changed(
  lines: readonly string[],
  changes: Readonly<Record<string, string | undefined>>,
): string[] {
  return lines.flatMap((line) => {
    const start = Object.keys(changes).find((one) => line.startsWith(one));
    if (start === undefined) return [line];
    const replacement = changes[start];
    return replacement === undefined ? [] : [replacement];
  });
}
