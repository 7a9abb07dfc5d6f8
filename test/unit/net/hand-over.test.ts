// Where the workers of a process answer themselves: who does at which address, and the way there, on one worker and
// across two.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandOver, type HandOverReceiver } from '../../../shared/net/hand-over.ts';
import { Mailroom } from '../../../shared/net/mailroom.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { upTo } from '../../support/turn/in-turn.ts';
import { address as at } from '../../support/turn/world.ts';

function never(): never {
  throw new Error('not asked for');
}

/** Keeps what comes. */
class Answerer implements HandOverReceiver {
  readonly got: string[] = [];

  onHandedOver(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const text = Buffer.from(bytes).toString('latin1', offset, offset + length);
    this.got.push(`${from.toString()} ${to.toString()} ${text} ${now}`);
  }
}

const SOMEBODY = new Answerer();
const [RELAY, MEDIA, OTHER] = [at('192.0.2.1', 50_000), at('10.0.0.5', 7882), at('10.0.0.6', 7882)];

/** How each worker sees the same memory, and the main thread behind them. */
function views(workers: number): HandOver[] {
  const memory = HandOver.memory(workers);
  return upTo(workers + 1).map((self) => new HandOver(memory, self, never));
}

describe('who answers', () => {
  it('is the same for every worker, through any sequence of changes', () => {
    const hosts = ['10.0.0.5', '10.0.0.6', '::1', 'fd00::7', '255.255.255.255', '::10.0.0.5'];
    const places = hosts.flatMap((host) => [1, 7882, 65_535].map((port) => at(host, port)));
    const place = fc.nat({ max: places.length - 1 });
    const worker = fc.nat({ max: 2 });
    const change = fc.oneof(
      { weight: 5, arbitrary: fc.record({ worker, place }) },
      { weight: 1, arbitrary: fc.record({ dies: worker }) },
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
        const all = views(3);
        const owners = new Map<number, number>();
        for (const each of changes) {
          if ('dies' in each) {
            all[3]!.reclaim(each.dies);
            for (const [known, owner] of owners) if (owner === each.dies) owners.delete(known);
          } else {
            all[each.worker]!.register(places[each.place]!, SOMEBODY);
            owners.set(each.place, each.worker);
          }
        }
        for (const view of all) {
          for (const [i, one] of places.entries()) {
            expect(view.ownerOf(one)).toBe(owners.get(i) ?? -1);
            const others = [...owners.keys()].some((known) => places[known]!.sameHost(one));
            expect(view.hasHost(one)).toBe(others);
          }
        }
      }),
    );
  });

  it('is nobody at an address that nothing can be sent to', () => {
    const [worker] = views(1);
    for (const none of [at('10.0.0.5', 0), at('0.0.0.0', 7882), at('::', 7882)]) {
      expect(worker!.register(none, SOMEBODY)).toBe(false);
      expect([worker!.ownerOf(none), worker!.hasHost(none)]).toEqual([-1, false]);
    }
  });

  it('is bounded, and what was forgotten makes room and hides nobody', () => {
    const [one, two] = views(2);
    const places = upTo(200).map((i) => at('10.0.0.5', 1 + i));
    const answers = (view: HandOver, worker: number): number[] =>
      upTo(200).filter((i) => view.ownerOf(places[i]!) === worker);
    const taken = upTo(200).filter((i) => [one!, two!][i & 1]!.register(places[i]!, SOMEBODY));
    expect(taken).toEqual(upTo(128));
    expect(two!.register(MEDIA, SOMEBODY)).toBe(false);
    expect(one!.ownerOf(MEDIA)).toBe(-1);
    // What there is already can change hands all the same.
    expect(two!.register(places[0]!, SOMEBODY)).toBe(true);
    one!.reclaim(0);
    expect(answers(one!, 0)).toEqual([]);
    expect(answers(one!, 1)).toEqual(upTo(128).filter((i) => i === 0 || i % 2 === 1));
    expect(one!.register(MEDIA, SOMEBODY)).toBe(true);
    expect(two!.ownerOf(MEDIA)).toBe(0);
  });

  it('is not one that died while it wrote, whose place is taken back', () => {
    const memory = HandOver.memory(1);
    const words = new Int32Array(memory);
    const worker = new HandOver(memory, 0, never);
    worker.register(MEDIA, SOMEBODY);
    const owner = words.indexOf(1);
    words[owner]! += 0x1_0000;
    expect([worker.ownerOf(MEDIA), worker.hasHost(MEDIA)]).toEqual([-1, false]);
    worker.reclaim(0);
    expect(worker.register(MEDIA, SOMEBODY)).toBe(true);
    expect(words.indexOf(1)).toBe(owner);
  });
});

describe('a datagram', () => {
  const dirty = Buffer.from('..text..');

  it('for this worker goes to whoever registered the address last', () => {
    const [worker] = views(1);
    const [first, second, other] = [new Answerer(), new Answerer(), new Answerer()];
    worker!.register(MEDIA, first);
    worker!.register(MEDIA, second);
    worker!.register(OTHER, other);
    expect(worker!.deliver(RELAY, MEDIA, dirty, 2, 4, 5)).toBe(true);
    expect(worker!.take(RELAY, OTHER, dirty, 2, 4, 6)).toBe(true);
    expect(first.got).toEqual([]);
    expect(second.got).toEqual(['192.0.2.1:50000 10.0.0.5:7882 text 5']);
    expect(other.got).toEqual(['192.0.2.1:50000 10.0.0.6:7882 text 6']);
    expect(worker!.deliver(RELAY, at('10.0.0.5', 7883), dirty, 2, 4, 7)).toBe(false);
    worker!.reclaim(0);
    expect(worker!.deliver(RELAY, MEDIA, dirty, 2, 4, 8)).toBe(false);
    expect(worker!.take(RELAY, MEDIA, dirty, 2, 4, 9)).toBe(false);
    expect(second.got).toHaveLength(1);
  });

  it('for another worker goes by its mail, until that takes no more', () => {
    const [mail, memory] = [Mailroom.memory(2), HandOver.memory(2)];
    const rooms = upTo(2).map((self) => new Mailroom(mail, self, never, never));
    const [near, far] = rooms.map(
      (room, self) => new HandOver(memory, self, (...datagram) => room.send(...datagram)),
    );
    const [here, there] = [new Answerer(), new Answerer()];
    near!.register(MEDIA, here);
    far!.register(OTHER, there);
    for (const to of [MEDIA, OTHER]) {
      for (const from of [near!, far!]) expect(from.deliver(RELAY, to, dirty, 2, 4, 5)).toBe(true);
    }
    expect([here.got, there.got].map(({ length }) => length)).toEqual([1, 1]);
    const refused: string[] = [];
    for (const [self, room] of rooms.entries()) {
      room.deliver(
        {
          onMail: (from, to, bytes, offset, length) => {
            const taker = [near!, far!][self]!;
            if (!taker.take(from, to, bytes, offset, length, 9)) refused.push(to.toString());
          },
        },
        10,
      );
    }
    expect(here.got.at(-1)).toBe('192.0.2.1:50000 10.0.0.5:7882 text 9');
    expect(there.got.at(-1)).toBe('192.0.2.1:50000 10.0.0.6:7882 text 9');
    expect(refused).toEqual([]);
    const large = Buffer.alloc(60_000);
    const taken = upTo(20).filter(() => near!.deliver(RELAY, OTHER, large, 0, 60_000, 5)).length;
    expect(taken).toBe(4);
    // What comes for a worker that answers there no more is nobody's.
    expect(near!.take(RELAY, OTHER, dirty, 2, 4, 9)).toBe(false);
  });
});
