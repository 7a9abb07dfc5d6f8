// Datagrams between threads in memory: none lost, none twice, in order, and nobody sleeps through one.

import { describe, expect, it } from 'vitest';
import { Mailroom } from '../../../shared/net/mailroom.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { runMailThreads } from '../../support/net/mail-threads.ts';

const FROM = new TransportAddress().setV4(0x7f000001, 1000);
const TO = new TransportAddress().setV4(0x7f000001, 2000);

function never(error: unknown): void {
  throw error;
}

class Inbox {
  readonly texts: string[] = [];

  onMail(
    _from: TransportAddress,
    _to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    this.texts.push(Buffer.from(bytes).toString('latin1', offset, offset + length));
  }
}

function say(room: Mailroom, worker: number, text: string): boolean {
  return room.send(worker, FROM, TO, Buffer.from(text), 0, text.length);
}

/** To worker 2. */
function pipe(from: Mailroom, text: string): boolean {
  const ring = from.pipeTo(2)!;
  const at = ring.claim(text.length);
  if (at >= 0) ring.bytes.set(Buffer.from(text), at);
  return at >= 0;
}

describe('between threads', () => {
  it.each([2, 3])(
    '%i of them: all arrive, in order and whole, with no time-out',
    async (workers) => {
      const reports = await runMailThreads(workers, 10_000);
      for (const { received, problems } of reports) {
        expect(problems).toEqual([]);
        expect(received).toBe((workers - 1) * 10_000);
      }
    },
  );
});

describe('in one thread', () => {
  it('wakes whoever sleeps, once, and nobody who is awake', () => {
    const memory = Mailroom.memory(3);
    const woken: number[] = [];
    const sender = new Mailroom(memory, 0, (worker) => woken.push(worker), never);
    const one = new Mailroom(memory, 1, never, never);
    say(sender, 1, 'awake');
    sender.flush();
    expect(woken).toEqual([]);
    const inbox = new Inbox();
    expect(one.rest()).toBe(false);
    one.deliver(inbox, 10);
    expect(one.rest()).toBe(true);
    say(sender, 1, 'first');
    say(sender, 1, 'second');
    sender.flush();
    say(sender, 1, 'third');
    sender.flush();
    expect(woken).toEqual([1]);
    one.deliver(inbox, 10);
    expect(inbox.texts).toEqual(['awake', 'first', 'second', 'third']);
  });

  it('takes from every sender in turn, and no more than it is asked for', () => {
    const memory = Mailroom.memory(3);
    const [one, two, taker] = [0, 1, 2].map((self) => new Mailroom(memory, self, () => {}, never));
    for (const text of ['a1', 'a2', 'a3', 'a4']) say(one!, 2, text);
    for (const text of ['b1', 'b2']) say(two!, 2, text);
    const inbox = new Inbox();
    expect(taker!.deliver(inbox, 3)).toBe(3);
    expect(inbox.texts).toEqual(['a1', 'b1', 'a2']);
    expect(taker!.rest()).toBe(false);
    expect(taker!.deliver(inbox, 10)).toBe(3);
    expect(inbox.texts.slice(3).toSorted((a, b) => a.localeCompare(b))).toEqual(['a3', 'a4', 'b2']);
    expect(taker!.rest()).toBe(true);
  });

  it('drops what waits for a dead worker, says no to a full ring and to itself', () => {
    const memory = Mailroom.memory(2);
    const sender = new Mailroom(memory, 0, () => {}, never);
    expect(say(sender, 0, 'to myself')).toBe(false);
    expect(say(sender, 7, 'to nobody')).toBe(false);
    let sent = 0;
    while (say(sender, 1, 'x'.repeat(1000))) sent++;
    expect(sent).toBeGreaterThan(200);
    const taker = new Mailroom(memory, 1, () => {}, never);
    const inbox = new Inbox();
    expect(taker.deliver(inbox, 10)).toBe(0);
    expect(say(sender, 1, 'for the new one')).toBe(true);
    taker.deliver(inbox, 10);
    expect(inbox.texts).toEqual(['for the new one']);
  });

  it('pipes records of a turn together, apart from datagrams', () => {
    const memory = Mailroom.memory(3, true);
    const woken: number[] = [];
    const [one, two, taker] = [0, 1, 2].map(
      (self) => new Mailroom(memory, self, (worker) => woken.push(worker), never),
    );
    const piped: string[] = [];
    const handler = {
      onPiped: (worker: number, bytes: Uint8Array, offset: number, length: number): void => {
        const text = Buffer.from(bytes).toString('latin1', offset, offset + length);
        piped.push(`${worker}: ${text}`);
      },
    };
    expect([one!.pipeTo(0), one!.pipeTo(3)]).toEqual([undefined, undefined]);
    expect(taker!.rest()).toBe(true);
    for (const text of ['a1', 'a2', 'a3']) pipe(one!, text);
    pipe(two!, 'b1');
    say(two!, 2, 'a datagram');
    // Nothing is there before the end of the turn.
    taker!.deliverPiped(handler, 10);
    expect(piped).toEqual([]);
    one!.flush();
    two!.flush();
    expect(woken).toEqual([2]);
    taker!.deliverPiped(handler, 2);
    expect(piped).toEqual(['0: a1', '0: a2']);
    expect(taker!.rest()).toBe(false);
    taker!.deliverPiped(handler, 10);
    expect(piped.slice(2)).toEqual(['1: b1', '0: a3']);
    expect(taker!.rest()).toBe(false);
    const inbox = new Inbox();
    taker!.deliver(inbox, 10);
    expect(inbox.texts).toEqual(['a datagram']);
    expect(taker!.rest()).toBe(true);
    expect(pipe(one!, 'x'.repeat(Mailroom.PIPED_BYTES_MAX + 1))).toBe(false);
    while (pipe(one!, 'x'.repeat(1000))) one!.flush();
    // Whoever comes in the place of a dead one begins with nothing, and a full pipe holds up no datagram.
    expect(say(one!, 2, 'another')).toBe(true);
    const next = new Mailroom(memory, 2, never, never);
    next.deliverPiped(handler, 10);
    expect(piped).toHaveLength(4);
    pipe(one!, 'new');
    one!.flush();
    next.deliverPiped(handler, 10);
    expect(piped.at(-1)).toBe('0: new');
    expect(Mailroom.memory(3).pipes).toEqual([]);
  });

  it.each([0, 33, 1.5, Number.NaN])('refuses %d workers', (workers) => {
    expect(() => Mailroom.memory(workers)).toThrow(RangeError);
  });
});
