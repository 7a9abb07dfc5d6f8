// Whose packets are whose: by SSRC, MID, RID and payload type (RFC 9143 s9.2, RFC 8852), retransmissions included, and
// what a publisher that begins anew, or a hostile one, comes to.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FMT_PLI, RTCP_PSFB } from '../../../sfu/rtp/rtcp-reader.ts';
import { type PacketFields, rtpPacket, vp8Payload } from '../../support/sfu-router/packets.ts';
import { RouterWorld, type TestTransport } from '../../support/sfu-router/router-world.ts';
import {
  H264,
  publishes,
  sends,
  shows,
  type SectionOptions,
  VP8,
} from '../../support/sfu-router/sections.ts';

let world: RouterWorld;
let publisher: TestTransport;
let subscriber: TestTransport;

beforeEach(() => {
  world = new RouterWorld();
});

afterEach(() => {
  world.close();
});

/** A publisher with sections a and b, publications 1 and 2, and somebody who is shown both in c and d. */
function join(a: SectionOptions = {}, b: SectionOptions = {}): void {
  const sections = [sends('a', 'video', a), sends('b', 'video', b)];
  publisher = world.join(1, publishes(sections, { a: 1, b: 2 }));
  subscriber = world.join(2, publishes([shows('c', 'video'), shows('d', 'video')], {}), {
    c: 1,
    d: 2,
  });
}

function packet(text: string, fields: Partial<PacketFields> & { key?: boolean } = {}): Buffer {
  const { key = true, ...others } = fields;
  return rtpPacket({
    ssrc: 100,
    sequenceNumber: 1,
    timestamp: 0,
    payloadType: VP8.payloadType,
    marker: true,
    payload: vp8Payload({ key, start: true, body: Buffer.from(`|${text}`) }),
    ...others,
  });
}

/** As a retransmission: the original sequence number in front of the payload (RFC 4588 s4). */
function rtx(text: string, original: number, fields: Partial<PacketFields> = {}): Buffer {
  const osn = Buffer.from([original >> 8, original & 0xff]);
  const payload = vp8Payload({ key: false, start: true, body: Buffer.from(`|${text}`) });
  return packet('', {
    ssrc: 101,
    payloadType: VP8.rtxPayloadType!,
    payload: Buffer.concat([osn, payload]),
    ...fields,
  });
}

/** What was forwarded, with the section that it was forwarded in. */
function forwarded(): string[] {
  world.turn();
  return subscriber.take().map(({ rtp, payload }) => {
    const slot = rtp.ssrc === 0x9000_0000 + 12 ? 'c' : 'd';
    return `${slot}:${payload.toString('latin1').split('|')[1]}`;
  });
}

const drops = () =>
  Object.fromEntries(
    Object.entries(world.sfu.stats().drops).filter(([, count]) => (count ?? 0) > 0),
  );

/** The SSRCs that the publisher was asked for a key frame of. */
function asked(): number[] {
  return publisher
    .takeRtcp()
    .filter((one) => one[1] === RTCP_PSFB && (one[0]! & 31) === FMT_PLI)
    .map((one) => one.readUInt32BE(8));
}

describe('a packet is recognised', () => {
  it('by an SSRC that the description announces', () => {
    join({}, { streams: [{ ssrc: 100, rtxSsrc: undefined }] });
    publisher.send(packet('one'));
    expect(forwarded()).toEqual(['d:one']);
  });

  it('by its MID, which it need not bear for ever', () => {
    join();
    publisher.send(packet('one', { mid: 'b' }), packet('two', { sequenceNumber: 2 }));
    expect(forwarded()).toEqual(['d:one', 'd:two']);
  });

  it('by a payload type that one section alone has', () => {
    join({ codecs: [VP8] }, { codecs: [H264] });
    publisher.send(packet('one'));
    expect(forwarded()).toEqual(['c:one']);
  });

  it('not at all by one that two sections have, by an unknown MID, or another payload type', () => {
    join({ codecs: [VP8] }, { codecs: [VP8] });
    publisher.send(packet('one'));
    publisher.send(packet('two', { mid: 'x' }));
    publisher.send(packet('three', { mid: 'a', payloadType: H264.payloadType }));
    expect(forwarded()).toEqual([]);
    expect(drops()).toEqual({ 'unknown-ssrc': 1, 'unknown-mid': 1, 'payload-type': 1 });
  });

  it('by another MID after a while, but not from one packet to the next', () => {
    join();
    publisher.send(packet('one', { mid: 'a' }), packet('two', { mid: 'b', sequenceNumber: 2 }));
    expect(forwarded()).toEqual(['c:one']);
    world.advance(1100);
    publisher.send(packet('three', { mid: 'b', sequenceNumber: 3 }));
    publisher.send(packet('four', { sequenceNumber: 4 }));
    expect(forwarded()).toEqual(['d:three', 'd:four']);
  });

  it('still when its section was without a publication meanwhile', () => {
    join();
    publisher.send(packet('one', { mid: 'a' }));
    expect(forwarded()).toEqual(['c:one']);
    const sections = [sends('a', 'video'), sends('b', 'video')];
    world.command({ type: 'sfu.change', id: 1, media: publishes(sections, {}) });
    publisher.send(packet('two', { sequenceNumber: 2 }));
    world.command({ type: 'sfu.change', id: 1, media: publishes(sections, { a: 5 }) });
    world.bind(2, { d: 5 });
    publisher.send(packet('three', { sequenceNumber: 3 }));
    expect(forwarded()).toEqual(['d:three']);
  });
});

describe('a retransmission', () => {
  it('takes the place of what was lost, by the SSRC that was announced for it', () => {
    join({ streams: [{ ssrc: 100, rtxSsrc: 101 }] });
    publisher.send(packet('one'));
    world.turn();
    publisher.send(packet('three', { sequenceNumber: 3 }), rtx('two', 2));
    world.turn();
    const sent = subscriber.take().map(({ rtp, payload }) => {
      return [rtp.sequenceNumber & 3, rtp.payloadType, payload.toString('latin1').split('|')[1]];
    });
    expect(sent).toEqual([
      [1, VP8.payloadType, 'one'],
      [3, VP8.payloadType, 'three'],
      [2, VP8.payloadType, 'two'],
    ]);
  });

  it('is recognised by its MID and payload type', () => {
    join();
    publisher.send(packet('one', { mid: 'b' }));
    world.turn();
    publisher.send(packet('three', { sequenceNumber: 3 }), rtx('two', 2, { mid: 'b' }));
    expect(forwarded()).toEqual(['d:one', 'd:three', 'd:two']);
  });

  it('is recognised by the RID that it repairs', () => {
    join({ rids: ['q', 'h'] });
    publisher.send(packet('one', { mid: 'a', rid: 'h' }));
    world.turn();
    publisher.send(packet('three', { sequenceNumber: 3 }));
    publisher.send(rtx('two', 2, { mid: 'a', repairedRid: 'h' }));
    expect(forwarded()).toEqual(['c:one', 'c:three', 'c:two']);
  });

  it('of what has come already, or of nothing, is no packet', () => {
    join();
    publisher.send(packet('one', { mid: 'a' }), rtx('again', 1, { mid: 'a' }));
    publisher.send(rtx('', 0, { payload: Buffer.alloc(0), padding: 200 }));
    expect(forwarded()).toEqual(['c:one']);
    expect(drops()).toEqual({ duplicate: 1 });
  });
});

describe('a publisher that begins anew', () => {
  beforeEach(() => {
    join();
    publisher.send(packet('one', { mid: 'a' }));
    world.advance(600);
    asked();
    forwarded();
  });

  const anew = (text: string, sequenceNumber: number, key: boolean): Buffer =>
    packet(text, { mid: 'a', ssrc: 200, sequenceNumber, key });

  it('is asked for a key frame of its new SSRC, with which it is shown again', () => {
    publisher.send(anew('x', 9, false));
    world.advance(20);
    expect(asked()).toEqual([200]);
    publisher.send(anew('two', 10, true));
    expect(forwarded()).toEqual(['c:two']);
    expect(world.take('sfu.live')).toHaveLength(1);
  });

  it('does not go back to the old one for a late packet', () => {
    publisher.send(anew('two', 10, true), packet('late', { sequenceNumber: 2 }));
    publisher.send(anew('three', 11, false));
    expect(forwarded()).toEqual(['c:two', 'c:three']);
    expect(drops()).toEqual({ 'replaced-ssrc': 1 });
  });

  it('may go back to it after a silence', () => {
    publisher.send(anew('two', 10, true));
    world.advance(1100);
    publisher.send(packet('three', { sequenceNumber: 2 }));
    expect(forwarded()).toEqual(['c:two', 'c:three']);
  });
});

describe('a hostile publisher', () => {
  it('does not get memory for every SSRC that it makes up', () => {
    join();
    for (let i = 0; i < 5000; i++) {
      publisher.send(packet('x', { ssrc: 1000 + i, mid: i % 2 === 0 ? 'a' : 'b' }));
      if (i % 10 === 0) world.advance(4);
    }
    expect(world.sfu.stats().payloadBytes).toBe(2 ** 20);
    expect(drops()['replaced-ssrc']).toBeGreaterThan(4800);
  });

  it('keeps its streams however many SSRCs of retransmissions it makes up', () => {
    join();
    publisher.send(packet('one', { mid: 'a' }), packet('uno', { mid: 'b', ssrc: 300 }));
    for (let i = 0; i < 1000; i++) publisher.send(rtx('x', 1, { ssrc: 1000 + i, mid: 'a' }));
    publisher.send(
      packet('two', { sequenceNumber: 2 }),
      packet('dos', { ssrc: 300, sequenceNumber: 2 }),
    );
    expect(forwarded()).toEqual(['c:one', 'c:two', 'd:uno', 'd:dos']);
  });
});

describe('of several encodings', () => {
  const layer = (rid: string, sequenceNumber: number, key: boolean): Buffer =>
    packet(`${rid}${sequenceNumber}`, {
      mid: 'a',
      rid,
      ssrc: 100 + rid.charCodeAt(0),
      sequenceNumber,
      key,
    });

  beforeEach(() => {
    join({ rids: ['q', 'h', 'f'] });
  });

  it('the last one that is live is forwarded, from a key frame on', () => {
    publisher.send(layer('q', 1, true), layer('h', 1, false), layer('q', 2, false));
    expect(forwarded()).toEqual([]);
    world.advance(20);
    expect(asked()).toContain(100 + 'h'.charCodeAt(0));
    publisher.send(layer('h', 2, true), layer('q', 3, false), layer('h', 3, false));
    expect(forwarded()).toEqual(['c:h2', 'c:h3']);
  });

  it('a better one takes over at its key frame, and what is shown goes on until then', () => {
    publisher.send(layer('h', 1, true));
    expect(forwarded()).toEqual(['c:h1']);
    publisher.send(layer('f', 1, false), layer('h', 2, false));
    expect(forwarded()).toEqual(['c:h2']);
    publisher.send(layer('f', 2, true), layer('h', 3, false), layer('f', 3, false));
    expect(forwarded()).toEqual(['c:f2', 'c:f3']);
    publisher.send(layer('h', 4, true));
    expect(forwarded()).toEqual([]);
  });

  it('another one takes over from one that has fallen silent', () => {
    publisher.send(layer('f', 1, true), layer('q', 1, true));
    expect(forwarded()).toEqual(['c:f1']);
    world.advance(1100);
    publisher.send(layer('q', 2, false));
    world.advance(20);
    expect(asked()).toEqual([100 + 'q'.charCodeAt(0)]);
    publisher.send(layer('q', 3, true));
    expect(forwarded()).toEqual(['c:q3']);
  });

  it('one without a known RID is not taken', () => {
    publisher.send(layer('z', 1, true), packet('none', { mid: 'a' }));
    expect(forwarded()).toEqual([]);
    expect(drops()).toEqual({ 'unknown-rid': 2 });
  });
});
