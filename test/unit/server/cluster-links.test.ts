// Links between nodes: whatever the medium loses, doubles or keeps for later, what is handed up is what was sent in its
// order, or the link has broken.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode, encode } from '../../../server/cluster/envelope.ts';
import type { Envelope } from '../../../server/cluster/envelope.ts';
import { Links } from '../../../server/cluster/links.ts';

/** Two nodes, and what is on its way from the first one. */
class World {
  readonly wire: string[] = [];
  readonly heard: number[] = [];
  breaks: string[] = [];
  receivers = 1;
  readonly ann: Links;
  readonly bob: Links;
  #sent = 0;

  constructor() {
    this.ann = new Links({
      node: 'ann',
      publish: (_channel, message) => {
        this.wire.push(message);
        return Promise.resolve(this.receivers);
      },
      onBreak: (node) => this.breaks.push(`ann from ${node}`),
    });
    this.bob = new Links({
      node: 'bob',
      publish: () => Promise.resolve(1),
      onBreak: (node) => this.breaks.push(`bob from ${node}`),
    });
  }

  send(): void {
    this.ann.send('bob', { k: 'send', c: 1 }, String(this.#sent++), 0);
  }

  deliver(message: string, now = 0): void {
    const envelope = this.bob.receive(message, now);
    if (envelope !== null) this.heard.push(Number(envelope.text));
  }
}

test('what was lost shows with the next message, and breaks the link once', () => {
  const world = new World();
  for (let i = 0; i < 4; i++) world.send();
  const [first, , third, fourth] = world.wire;
  world.deliver(first!);
  world.deliver(third!);
  world.deliver(fourth!);
  expect([world.heard, world.breaks]).toEqual([[0, 2, 3], ['bob from ann']]);
  expect(world.bob.stats()).toMatchObject({ received: 3, gaps: 1 });
});

test('who cannot deliver breaks the link itself, and the other side learns of it, without an answer in kind', async () => {
  const world = new World();
  world.send();
  world.deliver(world.wire[0]!);
  world.receivers = 0;
  world.send();
  await new Promise((resolve) => setImmediate(resolve));
  expect(world.breaks).toEqual(['ann from bob']);
  world.receivers = 1;
  world.send();
  world.deliver(world.wire[2]!);
  expect(world.breaks).toEqual(['ann from bob', 'bob from ann']);
  expect(world.heard).toEqual([0, 2]);
  // What bob says now is no new stream to ann, or both would break for ever.
  const said: string[] = [];
  const bob = new Links({
    node: 'bob',
    publish: (_channel, message) => Promise.resolve(said.push(message)),
    onBreak: () => {},
  });
  for (const message of world.wire) {
    bob.send('ann', { k: 'beat' }, '', 0);
    bob.receive(message, 0);
  }
  const streams = said.map((message) => decode(message)?.stream);
  expect(new Set(streams).size).toBe(1);
});

test('however messages are lost, doubled and shuffled: nothing is heard twice, and no gap goes unseen', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(19), { maxLength: 40 }), (order) => {
      const world = new World();
      for (let i = 0; i < 20; i++) world.send();
      const firsts = world.wire.slice();
      for (const index of order) {
        const before = world.heard.at(-1);
        const breaks = world.breaks.length;
        world.deliver(firsts[index]!);
        const isNext = before === undefined || index === before + 1;
        const isOld = before !== undefined && index <= before;
        expect(world.breaks.length - breaks).toBe(isNext || isOld ? 0 : 1);
        expect(world.heard.at(-1)).toBe(isOld ? before : index);
      }
    }),
  );
});

test('silence is counted from the last message, and nodes that nobody has heard of for long are forgotten', () => {
  const world = new World();
  world.send();
  world.deliver(world.wire[0]!, 100);
  expect(world.bob.silentMs('ann', 350)).toBe(250);
  world.bob.expect('ann', 300);
  expect(world.bob.silentMs('ann', 350)).toBe(50);
  world.bob.prune(100, 350);
  expect(world.bob.silentMs('ann', 350)).toBe(50);
  world.bob.prune(49, 350);
  expect(world.bob.silentMs('ann', 350)).toBe(0);
});

test('nothing that comes makes reading fail, and what was written is read', () => {
  const one: Envelope = {
    from: 'ann',
    stream: 's',
    n: 7,
    content: { k: 'open', c: 3, at: 1.5, host: 'h', room: 'Raum "ä"\n', epoch: 2 },
    text: '{"type":"join"}\n second line',
  };
  expect(decode(encode(one))).toEqual(one);
  fc.assert(
    fc.property(fc.string(), fc.nat(200), fc.string({ maxLength: 3 }), (text, at, other) => {
      decode(text);
      decode(`${text}\n`);
      const message = encode(one);
      decode(message.slice(0, at) + other + message.slice(at + 1));
    }),
  );
  for (const header of [
    '{}',
    '[]',
    'null',
    '{"from":"ann","stream":"s","n":1}',
    '{"from":"ann","stream":"s","n":0,"k":"beat"}',
    '{"from":"a b","stream":"s","n":1,"k":"beat"}',
    '{"from":"ann","stream":"s","n":1,"k":"open","c":-1,"at":1,"host":"h"}',
    '{"from":"ann","stream":"s","n":1,"k":"close","c":1,"code":99999,"reason":""}',
    `{"from":"ann","stream":"s","n":1,"k":"beat","x":"${'x'.repeat(5000)}"}`,
  ]) {
    expect(decode(`${header}\ntext`), header).toBeNull();
  }
});
