// ChannelData of a client in any shape, over channels that are bound: what reaches the peer is what an independent
// reader finds in it (RFC 8656 s12.5, s12.6), and nothing else is ever sent; the same the other way.

import { expect, it } from 'vitest';
import { breathe, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { TurnClient } from '../support/turn/client.ts';
import { CoreWorld } from '../support/turn/core-world.ts';
import { Chance, mutate } from '../support/turn/fuzz.ts';
import { channelData } from '../support/turn/message.ts';
import { turnOptions } from '../support/turn/world.ts';

const INPUTS = fuzzRuns(20_000);
const CHANNELS = [0x4000, 0x4001, 0x4fff] as const;
const NOT_BOUND = [0x3fff, 0x4002, 0x4ffe, 0x5000, 0x7fff, 0xffff];
/** With its 28 bytes of headers that is the longest datagram over IPv4. */
const LONGEST = 65_507;

/** Which peer gets what; undefined where nobody gets anything. */
function judge(bytes: Buffer): { peer: number; data: string } | undefined {
  if (bytes.length < 4) return undefined;
  const peer = CHANNELS.findIndex((channel) => channel === bytes.readUInt16BE(0));
  const end = 4 + bytes.readUInt16BE(2);
  return peer < 0 || end > bytes.length ? undefined : { peer, data: bytes.toString('hex', 4, end) };
}

function anyOf(chance: Chance): Buffer {
  const channel = chance.below(6) === 0 ? chance.pick(NOT_BOUND) : chance.pick(CHANNELS);
  const size = chance.below(400) === 0 ? chance.pick([1400, 9000, LONGEST - 4]) : chance.length();
  const payload = new Uint8Array(size).fill(chance.below(256));
  const lies = [size, size, size - 1, size + 1, size - 4, 0, 0xffff, chance.below(0x10000)];
  const frame = channelData(channel, payload, chance.pick(lies) & 0xffff);
  if (chance.below(3) > 0) return Buffer.from(frame);
  const other = channelData(chance.pick(CHANNELS), chance.bytes(8));
  // No datagram is longer.
  return Buffer.from(mutate(frame, chance, other).subarray(0, LONGEST));
}

it.each(fuzzSeeds('channel-data'))(
  `${INPUTS} inputs: what the frame says reaches the peer, STERNA_FUZZ_SEED=%i`,
  { timeout: fuzzTimeoutMs(INPUTS) },
  async (seed) => {
    const chance = new Chance(seed);
    const { lifetimes } = turnOptions({});
    const world = new CoreWorld({ lifetimes: { ...lifetimes, channel: 1e12, permission: 1e12 } });
    const client = await TurnClient.of(world);
    const { relayed } = await client.allocate();
    const peers = CHANNELS.map((_, i) => world.endpointAt('127.0.0.1', 7000 + i));
    for (const [i, { address }] of peers.entries()) {
      // oxlint-disable-next-line eslint/no-await-in-loop -- one after the other
      expect((await client.bind(CHANNELS[i]!, address)).outcome).toBe('success');
    }
    const { engine } = world;
    const inboxes = peers.map(({ address }) => engine.inbox(address));
    let passed = 0;
    for (let index = 0; index < INPUTS;) {
      const frame = anyOf(chance);
      // What begins otherwise is no ChannelData (RFC 7983 s7).
      if (frame.length === 0 || frame[0]! < 0x40 || frame[0]! > 0x4f) continue;
      const expected = judge(frame);
      client.endpoint.send(frame, client.server);
      engine.run();
      const got = inboxes.flatMap((inbox, peer) =>
        inbox
          .splice(0)
          .map(({ from, bytes }) => `${from.toString()} ${peer} ${bytes.toString('hex')}`),
      );
      const others = engine.takeAll().length;
      const wanted = expected && `${relayed.toString()} ${expected.peer} ${expected.data}`;
      if (got.join(', ') !== (wanted ?? '') || others > 0) {
        throw new Error(`input ${index}: ${frame.toString('hex')}`);
      }
      if (expected !== undefined) passed++;
      if (expected !== undefined && index % 8 === 0) {
        peers[expected.peer]!.send(frame, relayed);
        engine.run();
        const back = Buffer.concat(engine.takeAll().map(({ bytes }) => bytes));
        const head = Buffer.from(channelData(CHANNELS[expected.peer]!, frame, frame.length));
        const fits = frame.length + 4 <= LONGEST;
        if (back.toString('hex') !== (fits ? head.toString('hex') : '')) {
          throw new Error(`input ${index}, back: ${frame.toString('hex')}`);
        }
      }
      // oxlint-disable-next-line eslint/no-await-in-loop -- a pause, now and then
      await breathe(index++);
    }
    expect(passed).toBeGreaterThan(INPUTS / 4);
    expect(passed).toBeLessThan(INPUTS);
    await world.close();
  },
);
