// A further offer of the same peer beside the one before (RFC 3264 s8, RFC 8829 s5.2.2): what may not
// change, and what changed. Called by: the thread that answers. Allocates: the comparison.

import type { Offer } from './offer.ts';
import { orRefusal, Refusal } from './refusal.ts';

export interface Reoffer {
  /** RFC 8839 s4.4.1.1.1: the peer has new credentials, and wants new ones of ours. */
  readonly iceRestart: boolean;
  /** RFC 8842 s3.1: the certificate is another one, so that there is to be a new DTLS association. */
  readonly dtlsRestart: boolean;
  /** The `mid` of sections that are accepted now and were not before. */
  readonly added: readonly string[];
  /** And the other way round. */
  readonly removed: readonly string[];
}

export function checkReoffer(previous: Offer, next: Offer): Reoffer | Refusal {
  return orRefusal(() => {
    checkSections(previous, next);
    checkMeanings(previous, next);
    const iceRestart = changesCredentials(previous, next);
    const dtlsRestart = changesFingerprints(previous, next);
    if (dtlsRestart && !iceRestart) {
      const what = 'a=fingerprint changes, a=ice-ufrag and a=ice-pwd do not';
      throw new Refusal('dtls', `In the new offer ${what}: the transport would change hands.`);
    }
    return {
      iceRestart,
      dtlsRestart,
      added: without(next.bundle, previous.bundle),
      removed: without(previous.bundle, next.bundle),
    };
  });
}

/**
 * RFC 3264 s8: sections stay where they are, and new ones are added at the end or in the place of a
 * rejected one (s8.1).
 */
function checkSections(previous: Offer, next: Offer): void {
  const { length } = previous.sections;
  if (next.sections.length < length) {
    const counts = `${next.sections.length} m= sections, the one before had ${length}`;
    throw new Refusal('section-order', `The new offer has ${counts}.`);
  }
  for (const [i, before] of previous.sections.entries()) {
    if (!before.accepted) continue;
    const now = next.sections[i]!;
    // RFC 3264 s8.2: a section that is removed may lose all its attributes.
    const same =
      now.media === before.media &&
      (now.mid === before.mid || (!now.accepted && now.mid === undefined));
    if (!same) {
      const was = `${before.media} with mid ${before.mid}`;
      const where = `The m= section of line ${now.line}`;
      throw new Refusal('section-order', `${where} was ${was} in the offer before.`);
    }
  }
}

/**
 * RFC 3264 s8.3.2, RFC 8285 s7: packets of before are still under way, and a payload type has one meaning
 * for all.
 */
function checkMeanings(previous: Offer, next: Offer): void {
  const before = meaningsOf(previous);
  const now = meaningsOf(next);
  for (const [payloadType, meaning] of now.payloadTypes) {
    if ((before.payloadTypes.get(payloadType) ?? meaning) !== meaning) {
      const what = `payload type ${payloadType} another meaning`;
      throw new Refusal('payload-type', `The new offer gives ${what} than the one before.`);
    }
  }
  for (const [id, name] of now.extensions) {
    if ((before.extensions.get(id) ?? name) !== name) {
      const what = `a=extmap:${id} another meaning`;
      throw new Refusal('header-extension', `The new offer gives ${what} than the one before.`);
    }
  }
}

interface Meanings {
  readonly payloadTypes: ReadonlyMap<number, string>;
  readonly extensions: ReadonlyMap<number, string>;
}

function meaningsOf({ sections }: Offer): Meanings {
  const payloadTypes = new Map<number, string>();
  const extensions = new Map<number, string>();
  for (const section of sections) {
    if (!section.accepted) continue;
    for (const { payloadType, rtxPayloadType, format } of section.codecs) {
      payloadTypes.set(payloadType, format);
      if (rtxPayloadType !== undefined) payloadTypes.set(rtxPayloadType, `rtx/${payloadType}`);
    }
    for (const { id, name } of section.extensions) extensions.set(id, name);
  }
  return { payloadTypes, extensions };
}

/** RFC 8839 s4.4.1.1.1: a restart changes both; a peer that changes one means it too. */
function changesCredentials({ transport: { ice: before } }: Offer, { transport }: Offer): boolean {
  return before.ufrag !== transport.ice.ufrag || before.password !== transport.ice.password;
}

/** RFC 8122 s5.1: in whatever order. */
function changesFingerprints({ transport: before }: Offer, { transport: now }: Offer): boolean {
  const known = new Set(before.fingerprints);
  const same = new Set(now.fingerprints);
  return known.size !== same.size || now.fingerprints.some((one) => !known.has(one));
}

function without(mids: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return mids.filter((mid) => !known.has(mid));
}
