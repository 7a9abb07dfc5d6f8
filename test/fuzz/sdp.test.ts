// Offers of real clients, mutated: none throws; each is refused with a reason or answered, and what is
// answered keeps the rules whatever was offered.

import { describe, expect, it } from 'vitest';
import { makeAnswer } from '../../sfu/sdp/answer.ts';
import { parseFragment } from '../../sfu/sdp/fragment.ts';
import type { Direction } from '../../sfu/sdp/lines.ts';
import { RIDS_MAX, SSRCS_MAX } from '../../sfu/sdp/limits.ts';
import { negotiate } from '../../sfu/sdp/negotiation.ts';
import type { Decision, Negotiation } from '../../sfu/sdp/negotiation.ts';
import { parseOffer } from '../../sfu/sdp/offer.ts';
import type { Offer } from '../../sfu/sdp/offer.ts';
import { Refusal } from '../../sfu/sdp/refusal.ts';
import { checkReoffer } from '../../sfu/sdp/reoffer.ts';
import { breathe, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { Answer, fixture, LOCAL, OFFER_FIXTURES, outgoing } from '../support/sdp.ts';
import { mutateSdp } from '../support/sdp-mutations.ts';
import { Chance } from '../support/turn/fuzz.ts';

const OFFERS = fuzzRuns(20_000);

const CODECS = ['opus', 'red', 'VP8', 'VP9', 'H264', 'AV1', 'H265'] as const;

/** RFC 3264 s6.1. */
const ANSWERS: Readonly<Record<Direction, readonly Direction[]>> = {
  sendrecv: ['sendrecv', 'sendonly', 'recvonly', 'inactive'],
  sendonly: ['recvonly', 'inactive'],
  recvonly: ['sendonly', 'inactive'],
  inactive: ['inactive'],
};

function decide({ sections }: Offer, chance: Chance): Map<string, Decision | 'reject'> {
  const decisions = new Map<string, Decision | 'reject'>();
  for (const [i, { mid }] of sections.entries()) {
    if (mid === undefined) continue;
    const codecs = CODECS.filter(() => chance.below(3) > 0);
    decisions.set(
      mid,
      chance.pick<Decision | 'reject'>([
        'reject',
        {},
        { receive: true },
        { send: outgoing(i) },
        { receive: true, send: outgoing(i), codecs },
        { receive: true, codecs, opus: { stereo: true, dtx: false } },
      ]),
    );
  }
  return decisions;
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Rules of RFC 3264, RFC 9143, RFC 8285 and of this server, for any offer. */
function judge(offer: Offer, agreed: Negotiation, text: string): void {
  check(/^(?:[a-z]=[ -~]+\r\n)+$/.test(text), 'a line in another form');
  const answer = new Answer(text);
  check(answer.sections.length === offer.sections.length, 'another number of sections');
  const mids = answer.session
    .find((line) => line.startsWith('a=group:'))!
    .split(' ')
    .slice(1);
  check(mids.length > 0 && mids[0] === offer.bundle[0], 'another tagged section');
  check(new Set(mids).size === mids.length, 'a mid twice in the group');
  const ids = new Map<number, string>();
  const payloadTypes = new Map<number, string>();
  for (const [i, section] of agreed.sections.entries()) {
    const offered = offer.sections[i]!;
    const lines = answer.sections[i]!;
    const [media, port, protocol, ...formats] = lines[0]!.slice(2).split(' ');
    check(media === offered.media && protocol === offered.protocol, 'another m= line');
    check((port !== '0') === section.accepted && formats.length > 0, 'port or formats');
    check(mids.includes(section.mid ?? '') === section.accepted, 'the group and the ports differ');
    if (!section.accepted || !offered.accepted) continue;
    const { direction } = section;
    const fits = ANSWERS[offered.direction].includes(direction);
    check(fits, `${offered.direction} answered by ${direction}`);
    check(section.codecs.length > 0, 'no codec');
    check(section.simulcast.length <= RIDS_MAX && section.streams.length <= SSRCS_MAX, 'streams');
    for (const { payloadType, rtxPayloadType, format } of section.codecs) {
      const known = payloadTypes.get(payloadType) ?? format;
      check(known === format, `payload type ${payloadType} twice`);
      payloadTypes.set(payloadType, format);
      if (rtxPayloadType === undefined) continue;
      const repair = `rtx/${payloadType}`;
      check((payloadTypes.get(rtxPayloadType) ?? repair) === repair, `${rtxPayloadType} twice`);
      payloadTypes.set(rtxPayloadType, repair);
    }
    for (const { id, name } of section.extensions) {
      check((ids.get(id) ?? name) === name && id > 0 && id < 256, `extension ${id}`);
      ids.set(id, name);
    }
  }
}

describe('SDP fuzz', () => {
  it.each(fuzzSeeds('sdp'))(
    `${OFFERS} offers are answered by the rules, or refused with a reason, STERNA_FUZZ_SEED=%i`,
    { timeout: fuzzTimeoutMs(OFFERS) },
    async (seed) => {
      const chance = new Chance(seed);
      const texts = OFFER_FIXTURES.map((name) => fixture(name));
      const outcomes = new Map<string, number>();
      const count = (outcome: string): void => {
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      };
      let previous: Offer | undefined;
      for (let n = 0; n < OFFERS; n++) {
        await breathe(n);
        const text = mutateSdp(chance.pick(texts), chance, chance.pick(texts));
        const offer = parseOffer(text);
        parseFragment(text);
        if (offer instanceof Refusal) {
          check(/^[A-Z][ -~]{10,200}\.$/.test(offer.message), offer.message);
          count(offer.code);
          continue;
        }
        count('answered');
        const agreed = negotiate(offer, decide(offer, chance));
        judge(offer, agreed, makeAnswer(agreed, LOCAL));
        if (previous !== undefined) {
          const again = checkReoffer(previous, offer);
          count(again instanceof Refusal ? `again: ${again.code}` : 'again: taken');
        }
        if (chance.below(10) === 0) previous = offer;
        check(!(checkReoffer(offer, offer) instanceof Refusal), 'an offer is refused after itself');
      }
      expect(outcomes.get('answered')).toBeGreaterThan(OFFERS / 4);
      const codes = [
        'too-large',
        'syntax',
        'bundle',
        'mid',
        'ice',
        'dtls',
        'rtcp-mux',
        'payload-type',
        'no-media',
      ];
      for (const code of codes) expect([code, outcomes.get(code) ?? 0]).not.toEqual([code, 0]);
      for (const code of ['section-order', 'payload-type', 'header-extension']) {
        expect([code, outcomes.get(`again: ${code}`) ?? 0]).not.toEqual([code, 0]);
      }
    },
  );
});

describe('the judge', () => {
  it('sees what it is for', () => {
    const text = fixture('chromium-simulcast');
    const offer = parseOffer(text) as Offer;
    const agreed = negotiate(
      offer,
      new Map([
        ['0', { receive: true }],
        ['1', { receive: true }],
      ]),
    );
    const answer = makeAnswer(agreed, LOCAL);
    expect(() => judge(offer, agreed, answer)).not.toThrow();
    for (const wrong of [
      answer.replace('BUNDLE 0 1', 'BUNDLE 0'),
      answer.replace('BUNDLE 0 1', 'BUNDLE 1 0'),
      answer.replace('m=video 7882', 'm=video 0'),
      answer.replace('m=video', 'm=audio'),
      answer.replace('a=mid:1', 'a=mid:é'),
      answer.slice(0, answer.indexOf('m=video')),
    ]) {
      expect(() => judge(offer, agreed, wrong)).toThrow(/./);
    }
  });
});
