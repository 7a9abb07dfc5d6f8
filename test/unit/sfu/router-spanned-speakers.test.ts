// Who speaks and who is heard in a room of two workers: one of them says it for both, and the other one when that dies.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { rtpPacket } from '../../support/sfu-router/packets.ts';
import { OPUS, publishes, sends, shows } from '../../support/sfu-router/sections.ts';
import { SpannedWorld } from '../../support/sfu-router/spanned-world.ts';

const SSRC = 0xaaaa_0001;
const SPEAKER = publishes([shows('0', 'audio', { ssrc: SSRC })], {});

let world: SpannedWorld;

beforeEach(() => {
  world = new SpannedWorld();
});

afterEach(() => {
  world.close();
});

it('hears everybody everywhere, and tells once who speaks, also when its first worker dies', () => {
  const [ann, bob] = [0, 1].map((i) =>
    world.worlds[i]!.join(1 + i, publishes([sends('0', 'audio')], { 0: 7 + i })),
  );
  const far = world.away.join(3, SPEAKER, { 0: 7 });
  world.settle();
  let n = 0;
  const tellers = new Set<number>();
  const talk = (ms: number, levels: readonly number[]): unknown[] => {
    world.told.length = 0;
    for (let passed = 0; passed < ms; passed += 20) {
      n++;
      for (const [i, transport] of [ann!, bob!].entries()) {
        if (transport.state === 'closed') continue;
        transport.send(
          rtpPacket({
            ssrc: 0x100 + i,
            sequenceNumber: n,
            timestamp: 960 * n,
            payloadType: OPUS.payloadType,
            mid: '0',
            audioLevel: levels[i]!,
            payload: Buffer.from(`<${n}>`),
          }),
        );
      }
      world.advance(20);
    }
    return world.told.flatMap(({ worker, event }) => {
      if (event.type !== 'sfu.speakers') return [];
      tellers.add(worker);
      return [event.speakers.flatMap(({ publication, active }) => (active ? publication : []))];
    });
  };
  expect(talk(2000, [20, 127]).at(-1)).toEqual([7]);
  expect(far.take()).toHaveLength(100);
  expect(talk(4000, [127, 20]).at(-1)).toEqual([8]);
  expect(tellers).toEqual(new Set([0]));
  // What the other worker has said meanwhile counts now.
  world.told.length = 0;
  world.kill(0);
  ann!.state = 'closed';
  const speakers = world.told.filter(({ event }) => event.type === 'sfu.speakers');
  expect(speakers).toMatchObject([{ worker: 1, event: { speakers: [{ publication: 8 }] } }]);
  expect(talk(3000, [127, 127]).at(-1)).toEqual([]);
  expect(talk(2000, [127, 20]).at(-1)).toEqual([8]);
  expect(tellers).toEqual(new Set([0, 1]));
});

it('forwards the same microphones everywhere, and goes on when the worker that chose them dies', () => {
  world.close();
  world = new SpannedWorld(2);
  const numbers = [1, 2, 3, 4, 5, 6];
  const speakers = numbers.map((number) => {
    const { sections } = publishes([sends('0', 'audio')], {});
    const publications = [{ publication: number, mid: '0', muted: false, microphone: true }];
    return world.worlds[number % 2]!.join(number, { sections, publications });
  });
  const slots = numbers.map((n) => shows(String(n), 'audio', { ssrc: SSRC + n }));
  const all = Object.fromEntries(numbers.map((n) => [String(n), n]));
  const listeners = world.worlds.map((one, i) => one.join(100 + i, publishes(slots, {}), all));
  world.settle();
  let n = 0;
  /** Whom the listeners are sent in the second half of that time. */
  const talk = (ms: number, ...loud: readonly number[]): string[] => {
    for (let passed = 0; passed < ms; passed += 20) {
      n++;
      if (passed === ms / 2) for (const one of listeners) one.take();
      for (const [i, transport] of speakers.entries()) {
        if (transport.state === 'closed') continue;
        transport.send(
          rtpPacket({
            ssrc: 0x100 + i,
            sequenceNumber: n,
            timestamp: 960 * n,
            payloadType: OPUS.payloadType,
            mid: '0',
            audioLevel: loud.includes(i + 1) ? 0x80 | 20 : 127,
            payload: Buffer.alloc(10),
          }),
        );
      }
      world.advance(20);
    }
    return listeners.map((one) =>
      [...new Set(one.take().map(({ rtp }) => rtp.ssrc - SSRC))].toSorted((a, b) => a - b).join(),
    );
  };
  // What one of them hears itself does not count where another one decides.
  expect(talk(3000, 5, 6)).toEqual(['5,6', '5,6']);
  expect(talk(4000, 3, 6)).toEqual(['3,6', '3,6']);
  expect(talk(4000, 1, 2)).toEqual(['1,2', '1,2']);
  const told = world.told.filter(({ event }) => event.type === 'sfu.heard');
  expect(new Set(told.map(({ worker }) => worker))).toEqual(new Set([1]));
  for (const one of numbers) if (one % 2 === 1) speakers[one - 1]!.state = 'closed';
  world.told.length = 0;
  world.kill(1);
  listeners.pop();
  const last = world.told.flatMap(({ worker, event }) =>
    event.type === 'sfu.heard' ? [[worker, event.publications.includes(2)]] : [],
  );
  expect(last).toEqual([[0, true]]);
  expect(talk(4000, 4, 6)).toEqual(['4,6']);
});
