// STUN and ChannelData messages on a byte stream: wherever it is cut, the same messages come out, whatever their
// length, and what is none ends it. Memory is held for a message that has begun, and for no other.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamFraming } from '../../../turn/stream-framing.ts';
import { upTo } from '../../support/turn/in-turn.ts';
import { channelData, concat, message, u32 } from '../../support/turn/message.ts';
import { framed } from '../../support/turn/stream-world.ts';

const TRANSACTION = new Uint8Array(12).fill(7);
const BINDING = message(0x0001, TRANSACTION);
const REQUEST = message(0x0003, TRANSACTION, [
  u32(0x0019, 0x1100_0000),
  [0x0006, Buffer.from('a')],
]);
const WHOLE = 65_552;

interface Outcome {
  readonly messages: string[];
  readonly follows: boolean;
}

class Stream {
  readonly messages: Buffer[] = [];
  readonly framing: StreamFraming;
  follows = true;

  constructor(messageBytesMax = WHOLE, channelNumberMax = 0x4fff) {
    const onMessage = (bytes: Uint8Array, offset: number, length: number): void => {
      this.messages.push(Buffer.from(bytes.slice(offset, offset + length)));
      if (length !== this.messages.at(-1)!.length) throw new Error('a message past its buffer');
    };
    this.framing = new StreamFraming({ messageBytesMax, onMessage }, channelNumberMax);
  }

  push(...pieces: readonly Uint8Array[]): this {
    for (const piece of pieces) {
      const copy = Uint8Array.from(piece);
      this.follows = this.framing.push(copy);
      copy.fill(0xee);
    }
    return this;
  }

  get outcome(): Outcome {
    return {
      messages: this.messages.map((each) => each.toString('latin1')),
      follows: this.follows,
    };
  }
}

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places.toSorted((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}

const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Whole messages at each place where a length that lost its high bits would begin the next one. */
function inside(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at + BINDING.length <= length; at += BINDING.length) bytes.set(BINDING, at);
  return bytes;
}

describe('a stream of messages', () => {
  const all = [
    BINDING,
    channelData(0x4000, bytesOf(5)),
    REQUEST,
    channelData(0x4fff, bytesOf(0)),
    channelData(0x4abc, bytesOf(3)),
    channelData(0x4001, bytesOf(8)),
    message(0x0016, TRANSACTION, [[0x0013, bytesOf(9)]]),
  ];
  const stream = concat(...all.map(framed));
  const whole: Outcome = { messages: all.map(latin1), follows: true };

  it('comes whole', () => {
    expect(new Stream().push(stream).outcome).toEqual(whole);
  });

  it('comes one byte at a time', () => {
    expect(new Stream().push(...cutAt(stream, upTo(stream.length))).outcome).toEqual(whole);
  });

  it('comes in two pieces, cut anywhere', () => {
    for (const place of upTo(stream.length + 1)) {
      const cut = new Stream().push(...cutAt(stream, [place]));
      expect(cut.outcome, `cut at ${place}`).toEqual(whole);
      expect(cut.framing.heldCapacity).toBe(0);
    }
  });

  it('comes in three pieces, cut anywhere', () => {
    const few = concat(...all.slice(0, 3).map(framed));
    const wanted = all.slice(0, 3).map(latin1).join('|');
    const edges = upTo(few.length + 1);
    const places = edges.flatMap((first) => edges.map((second) => [first, second]));
    const wrong = places.filter((place) => {
      const { messages, follows } = new Stream().push(...cutAt(few, place)).outcome;
      return !follows || messages.join('|') !== wanted;
    });
    expect(wrong).toEqual([]);
  });

  it('is handed over where it lies when it came whole', () => {
    const buffers = new Set<Uint8Array>();
    const onMessage = (bytes: Uint8Array): void => void buffers.add(bytes);
    const framing = new StreamFraming({ messageBytesMax: WHOLE, onMessage }, 0x4fff);
    const bytes = Uint8Array.from(stream);
    framing.push(bytes);
    expect([...buffers]).toEqual([bytes]);
    expect([...buffers][0]).toBe(bytes);
  });
});

describe('lengths at the end of 16 bits', () => {
  const behind = channelData(0x4002, bytesOf(4));

  it.each([0xffea, 0xfff0, 0xfffb, 0xfffc, 0xfffd, 0xfffe, 0xffff])(
    'ChannelData of %i bytes is one message, wherever it is cut',
    (length) => {
      const giant = channelData(0x4001, inside(length));
      const stream = concat(framed(giant), behind);
      const places = [[], [1], [3], [4], [5], [24], [length], [length + 4], [length + 8]];
      for (const at of places) {
        const { messages } = new Stream().push(...cutAt(stream, at));
        expect(messages.map((each) => each.length)).toEqual([giant.length, behind.length]);
        expect(messages[0]!.equals(giant)).toBe(true);
      }
    },
  );

  it.each([0xffec, 0xfff0, 0xfffc])('STUN of %i bytes is one message', (length) => {
    const giant = concat(BINDING, inside(length));
    giant.set([length >> 8, length & 0xff], 2);
    const stream = concat(giant, behind);
    for (const at of [[], [2], [7], [20], [length], [length + 19]]) {
      const { messages } = new Stream().push(...cutAt(stream, at));
      expect(messages.map((each) => each.length)).toEqual([giant.length, behind.length]);
    }
  });

  it.each([0xfffd, 0xfffe, 0xffff, 1, 2, 3])('STUN of %i bytes ends the stream', (length) => {
    const giant = concat(BINDING, inside(0xffff));
    giant.set([length >> 8, length & 0xff], 2);
    for (const at of [[], [1], [4], [20]]) {
      expect(new Stream().push(...cutAt(giant, at)).outcome).toEqual({
        messages: [],
        follows: false,
      });
    }
  });
});

describe('what is no message', () => {
  const bad: readonly (readonly [what: string, bytes: Uint8Array])[] = [
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'.repeat(8))],
    ['an HTTP POST', Buffer.from('POST / HTTP/1.1\r\n')],
    ['an HTTP answer', Buffer.from('HTTP/1.1 301 Moved\r\n\r\n'.repeat(8))],
    ['a TLS ClientHello', Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3)],
    ['a PROXY header', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n')],
    ['a wrong cookie', Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43)],
    ['a cookie of zeros', new Uint8Array(64)],
    ['zeros after a header', Uint8Array.of(0, 1, 0, 8, 0, 0, 0, 0)],
  ];

  it.each(bad)('%s ends it, wherever it is cut', (_, bytes) => {
    for (const place of upTo(Math.min(bytes.length, 40) + 1)) {
      const stream = new Stream(4096).push(...cutAt(concat(BINDING, bytes), [20 + place]));
      expect(stream.outcome).toEqual({ messages: [latin1(BINDING)], follows: false });
      expect(stream.push(BINDING).outcome).toEqual({ messages: [latin1(BINDING)], follows: false });
      expect(stream.framing.heldCapacity).toBe(0);
    }
  });

  it('a first byte that is none of 0 to 3 and 64 to 79 ends it, at once', () => {
    const good = upTo(256).filter((first) => new Stream().push(Uint8Array.of(first)).follows);
    expect(good).toEqual([...upTo(4), ...upTo(16).map((i) => 64 + i)]);
  });

  it('legacy channels go up to 127', () => {
    const good = upTo(256).filter(
      (first) => new Stream(WHOLE, 0x7fff).push(Uint8Array.of(first)).follows,
    );
    expect(good).toEqual([...upTo(4), ...upTo(64).map((i) => 64 + i)]);
  });

  it('nothing comes out behind it', () => {
    const stream = new Stream().push(concat(BINDING, Uint8Array.of(0x50), BINDING, BINDING));
    expect(stream.outcome).toEqual({ messages: [latin1(BINDING)], follows: false });
  });
});

describe('memory', () => {
  it('the bound is that of the message with its padding', () => {
    const lengths = [91, 92, 93].map((length) => {
      const stream = new Stream(96).push(framed(channelData(0x4000, bytesOf(length))));
      return stream.follows;
    });
    expect(lengths).toEqual([true, true, false]);
  });

  it('a length that is too long ends it before any of it is held', () => {
    const stream = new Stream(4096).push(Uint8Array.of(0x40, 0, 0x20, 0));
    expect([stream.follows, stream.framing.heldCapacity]).toEqual([false, 0]);
  });

  it('whoever only claims a long message has no memory for it', () => {
    const stream = new Stream().push(channelData(0x4000, bytesOf(100), 0xffff));
    expect(stream.framing.heldCapacity).toBeLessThanOrEqual(256);
  });

  it('what is held is at most twice what came, and never more than the message', () => {
    const stream = new Stream();
    const giant = framed(channelData(0x4000, bytesOf(40_000)));
    const tooMuch = upTo(giant.length).filter((i) => {
      stream.push(giant.subarray(i, i + 1));
      return stream.framing.heldCapacity > Math.max(256, Math.min(2 * (i + 1), giant.length));
    });
    expect(tooMuch).toEqual([]);
    expect([stream.messages.length, stream.framing.heldCapacity]).toEqual([1, 0]);
  });

  it('stop, from within a message, ends it there', () => {
    let messages = 0;
    const onMessage = (): void => {
      messages++;
      framing.stop();
    };
    const framing = new StreamFraming({ messageBytesMax: WHOLE, onMessage }, 0x4fff);
    expect(framing.push(concat(BINDING, BINDING, BINDING.subarray(0, 9)))).toBe(false);
    expect([messages, framing.heldCapacity]).toEqual([1, 0]);
  });
});

it('any bytes, cut anyhow, come to the same messages and the same verdict', () => {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(BINDING, REQUEST) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.integer({ min: 0x4000, max: 0x4fff }), fc.uint8Array({ maxLength: 40 }))
        .map(([number, data]) => framed(channelData(number, data))),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (pieces, cuts) => {
        const stream = concat(...pieces);
        const places = cuts.map((cut) => cut % (stream.length + 1));
        const whole = new Stream(100).push(stream);
        const cut = new Stream(100).push(...cutAt(stream, places));
        const bytewise = new Stream(100).push(...cutAt(stream, upTo(stream.length)));
        expect(cut.outcome).toEqual(whole.outcome);
        expect(bytewise.outcome).toEqual(whole.outcome);
      },
    ),
    { numRuns: 300 },
  );
});
