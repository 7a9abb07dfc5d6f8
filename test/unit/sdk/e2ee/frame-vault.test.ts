import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import type { Bytes } from '../../../../sdk/e2ee/bytes.ts';
import { OVERHEAD_BYTES, readTrailer } from '../../../../sdk/e2ee/frame-codec.ts';
import { FrameVault } from '../../../../sdk/e2ee/frame-vault.ts';
import { KeyFrameWish } from '../../../../sdk/e2ee/key-frame-wish.ts';
import {
  KEY_ASK_MS,
  KEY_FRAME_ASK_MS,
  KEY_RETIRES_MS,
  RATCHET_PAUSE_MS,
  REPLAY_WINDOW_FRAMES,
} from '../../../../sdk/e2ee/limits.ts';
import { newChain, nextGeneration } from '../../../../sdk/e2ee/media-key.ts';
import type { ChainKey } from '../../../../sdk/e2ee/media-key.ts';

const CODECS = ['opus', 'vp8', 'vp9'] as const;
const RECEIVER = 7;

const bytes = (min: number, max: number): fc.Arbitrary<Bytes> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((some) => new Uint8Array(some));

/** What the packetizer and the server read; of Opus and VP8 no decoder takes it for a beginning. */
function clearOf(codec: (typeof CODECS)[number], frame: Bytes): number[] {
  const [first = 0] = frame;
  if (codec === 'opus') return [first | 3, 0];
  const count = first & 1 ? 3 : 10;
  if (codec === 'vp9' || frame.length < count) return [];
  const isStartCode = (at: number): boolean => count === 10 && at > 2 && at < 6;
  return [...frame.subarray(0, count)].map((byte, at) => (isStartCode(at) ? byte ^ 0xff : byte));
}

const silent = { onUsedUp: (): void => undefined, onLack: (): void => undefined };

/** Somebody who sends, and somebody who shows it. */
async function pair(chain: ChainKey = newChain(1)): Promise<{ ann: FrameVault; bob: FrameVault }> {
  const ann = new FrameVault(silent);
  const bob = new FrameVault(silent);
  await ann.useSendKey(chain);
  await bob.useReceiveKey('ann', chain, 0);
  bob.show(RECEIVER, 'ann');
  return { ann, bob };
}

async function sealed(vault: FrameVault, text = 'a frame of some length'): Promise<Bytes> {
  const frame = await vault.seal('vp9', new TextEncoder().encode(text));
  if (!frame) throw new Error('No key');
  return frame;
}

describe('a frame', () => {
  test('comes out as it went in, and what the packetizer reads stays as it is', async () => {
    const { ann, bob } = await pair();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...CODECS), bytes(0, 300), async (codec, frame) => {
        const closed = await ann.seal(codec, frame);
        const header = clearOf(codec, frame);
        const more = codec === 'opus' ? header.length : 0;
        expect(closed?.length).toBe(frame.length + more + OVERHEAD_BYTES);
        expect([...(closed ?? frame).subarray(0, header.length)]).toEqual(header);
        expect(await bob.open(RECEIVER, closed ?? new Uint8Array(), 0)).toEqual(frame);
      }),
      { numRuns: 200 },
    );
  });

  test('that was changed, cut or made up is not opened', async () => {
    const { ann, bob } = await pair();
    const frame = new Uint8Array(40).map((_, at) => at);
    const closed = (await ann.seal('vp8', frame)) ?? new Uint8Array();
    for (let at = 0; at < closed.length; at++) {
      const changed = closed.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(await bob.open(RECEIVER, changed, at * RATCHET_PAUSE_MS)).toBeNull();
      expect(await bob.open(RECEIVER, closed.slice(0, at), at * RATCHET_PAUSE_MS)).toBeNull();
      expect(await bob.open(RECEIVER, closed.slice(at + 1), at * RATCHET_PAUSE_MS)).toBeNull();
    }
    await fc.assert(
      fc.asyncProperty(bytes(0, 80), async (some) => {
        expect(await bob.open(RECEIVER, some, 0)).toBeNull();
      }),
    );
    expect(await bob.open(RECEIVER, frame, 0), 'clear').toBeNull();
    expect(await bob.open(RECEIVER, closed, 0)).toEqual(frame);
  });

  test('is never two under one nonce, however many streams there are', async () => {
    const { ann } = await pair();
    const streams = Array.from({ length: 8 }, async () => {
      const frames = Array.from({ length: 40 }, () => sealed(ann));
      return (await Promise.all(frames)).map((frame) => readTrailer(frame)?.counter);
    });
    const counters = (await Promise.all(streams)).flat();
    expect(new Set(counters).size).toBe(320);
    await ann.useSendKey(newChain(1));
    expect(readTrailer(await sealed(ann))?.counter, 'no key twice').toBe(320);
  });

  test('is not sent without a key, nor shown without one, nor in the place of somebody else', async () => {
    const { ann, bob } = await pair();
    expect(await new FrameVault(silent).seal('opus', new Uint8Array(9))).toBeNull();
    const other = new FrameVault(silent);
    other.show(RECEIVER, 'ann');
    expect(await other.open(RECEIVER, await sealed(ann), 0)).toBeNull();
    await bob.useReceiveKey('cleo', newChain(1), 0);
    bob.show(RECEIVER, 'cleo');
    expect(await bob.open(RECEIVER, await sealed(ann), 0)).toBeNull();
    bob.show(RECEIVER, 'ann');
    expect(await bob.open(RECEIVER, await sealed(ann), 0)).not.toBeNull();
    expect(await bob.open(RECEIVER + 1, await sealed(ann), 0)).toBeNull();
    bob.forget('ann');
    expect(await bob.open(RECEIVER, await sealed(ann), 0)).toBeNull();
  });

  test('is opened once, in whatever order, and not when it comes very late', async () => {
    const { ann, bob } = await pair();
    const frames = await Promise.all(Array.from({ length: 6 }, () => sealed(ann)));
    const [late] = frames;
    for (const frame of frames.slice(1).toReversed()) {
      expect(await bob.open(RECEIVER, frame, 0)).not.toBeNull();
      expect(await bob.open(RECEIVER, frame, 0)).toBeNull();
    }
    for (let i = 0; i < REPLAY_WINDOW_FRAMES; i++) await sealed(ann, '');
    expect(await bob.open(RECEIVER, await sealed(ann), 0)).not.toBeNull();
    expect(await bob.open(RECEIVER, late ?? new Uint8Array(), 0)).toBeNull();
  });
});

describe('keys', () => {
  test('of a later generation are found by its frames, those of an earlier one by nobody', async () => {
    const first = newChain(1);
    const { ann, bob } = await pair(first);
    const early = await sealed(ann);
    let chain = first;
    for (let i = 0; i < 5; i++) chain = await nextGeneration(chain);
    const cleo = new FrameVault(silent);
    cleo.show(RECEIVER, 'ann');
    await cleo.useReceiveKey('ann', chain, 0);
    await ann.useSendKey(chain);
    const frame = await sealed(ann);
    expect(await cleo.open(RECEIVER, frame, 0)).not.toBeNull();
    expect(await cleo.open(RECEIVER, early, 0)).toBeNull();
    expect(await bob.open(RECEIVER, frame, 0)).not.toBeNull();
    expect(await bob.open(RECEIVER, early, KEY_RETIRES_MS - 1)).not.toBeNull();
    expect(await bob.open(RECEIVER, await sealed(ann), 0)).not.toBeNull();
  });

  test('of an earlier epoch are refused, and retire', async () => {
    const first = newChain(1);
    const { ann, bob } = await pair(first);
    const frames = [await sealed(ann), await sealed(ann)];
    expect(await bob.useReceiveKey('ann', newChain(2), 0)).toBe(true);
    expect(await bob.open(RECEIVER, frames[0] ?? new Uint8Array(), 1)).not.toBeNull();
    expect(await bob.open(RECEIVER, frames[1] ?? new Uint8Array(), KEY_RETIRES_MS)).toBeNull();
    expect(await bob.useReceiveKey('ann', first, 0)).toBe(false);
    expect(await bob.useReceiveKey('ann', newChain(1), 0)).toBe(false);
  });
});

test('a key that was not told is asked for, now and then', async () => {
  const asked: string[] = [];
  const bob = new FrameVault({ ...silent, onLack: (sid) => asked.push(sid) });
  const { ann } = await pair();
  bob.show(RECEIVER, 'ann');
  await bob.open(RECEIVER, await sealed(ann), 0);
  expect(asked, 'nothing is known of ann').toEqual([]);
  await bob.useReceiveKey('ann', newChain(7), 0);
  for (const ms of [0, 1, KEY_ASK_MS - 1]) await bob.open(RECEIVER, await sealed(ann), ms);
  expect(asked).toEqual(['ann']);
  await bob.open(RECEIVER, await sealed(ann), KEY_ASK_MS);
  expect(asked).toEqual(['ann', 'ann']);
  await bob.open(RECEIVER, new Uint8Array(90), 2 * KEY_ASK_MS);
  expect(asked).toHaveLength(2);
});

test('a key frame is asked for when there is a key again, and nothing is shown before it', () => {
  const asked: number[] = [];
  const wish = new KeyFrameWish(() => asked.push(asked.length));
  expect(wish.admits(false, 0)).toBe(true);
  wish.askIfMissing(0);
  expect(asked).toHaveLength(0);
  wish.miss();
  wish.askIfMissing(1);
  expect(wish.admits(false, 2)).toBe(false);
  expect(asked).toHaveLength(1);
  expect(wish.admits(false, 1 + KEY_FRAME_ASK_MS)).toBe(false);
  expect(asked).toHaveLength(2);
  expect(wish.admits(true, 900)).toBe(true);
  expect(wish.admits(false, 5000)).toBe(true);
  expect(asked).toHaveLength(2);
});
