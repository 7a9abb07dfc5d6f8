import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { Participant } from '../../../signaling/participant.ts';
import { PeopleFeed } from '../../../signaling/people-feed.ts';
import type { Listener } from '../../../signaling/people-feed.ts';
import { testClock } from './test-clock.ts';
import type { TestClock } from './test-clock.ts';

const people = z.strictObject({
  type: z.literal('people'),
  upd: z.array(z.object({ sid: z.string(), v: z.int(), meta: z.string() })),
  gone: z.array(z.strictObject({ sid: z.string(), reason: z.string() })),
});
type People = z.output<typeof people>;

function participant(sid: string, hidden = false): Participant {
  const perm = {
    canPublish: true,
    canSubscribe: true,
    canPublishData: true,
    roomAdmin: false,
    hidden,
  };
  return new Participant({ sid, identity: sid, name: sid, joinedAt: 0, perm });
}

let clock: TestClock;
let heard: Buffer[];
let listeners: Map<string, Listener>;
let feed: PeopleFeed;

beforeEach(() => {
  vi.useFakeTimers();
  clock = testClock();
  heard = [];
  const ann = participant('ann');
  listeners = new Map([['ann', { participant: ann, push: (body) => void heard.push(body) }]]);
  feed = new PeopleFeed(listeners, { clock, everyMs: 50, bytesMax: 2000 });
});

afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  if (left > 0) throw new Error(`${left} timers left running`);
});

const messages = (): People[] =>
  heard.map((body) => people.parse(JSON.parse(`{${body.toString()}`)));
const pass = (ms: number): void => {
  clock.advance(ms);
  vi.advanceTimersByTime(ms);
};

describe('when', () => {
  test('at once in a quiet room, then collected until 50 ms after the last time', () => {
    feed.changed(participant('a'));
    feed.schedule();
    expect(messages()).toHaveLength(1);
    feed.changed(participant('b'));
    feed.schedule();
    pass(20);
    feed.changed(participant('c'));
    feed.schedule();
    pass(29);
    expect(messages()).toHaveLength(1);
    pass(1);
    expect(messages()).toHaveLength(2);
    expect(messages()[1]?.upd.map(({ sid }) => sid)).toEqual(['b', 'c']);
  });

  test('nothing noted, nothing sent', () => {
    feed.schedule();
    feed.flush();
    pass(100);
    expect(heard).toHaveLength(0);
  });

  test('several changes of one participant are one, the last', () => {
    const a = participant('a');
    feed.flush();
    for (const meta of ['1', '2', '3']) {
      a.patch({ meta });
      feed.changed(a);
      feed.schedule();
    }
    pass(50);
    expect(messages()).toMatchObject([{ upd: [{ sid: 'a', v: 4, meta: '3' }], gone: [] }]);
  });

  test('news of a sender that waits is sent before what it sends', () => {
    feed.flush();
    feed.changed(participant('a'));
    feed.schedule();
    feed.flushIfWaiting('b');
    expect(heard).toHaveLength(0);
    feed.flushIfWaiting('a');
    expect(messages()).toHaveLength(1);
    pass(100);
    expect(messages()).toHaveLength(1);
  });

  test('256 departures at once do not wait', () => {
    feed.flush();
    for (let i = 0; i < 256; i++) feed.gone(participant(`p${i}`), 'LEFT');
    feed.schedule();
    expect(messages()[0]?.gone).toHaveLength(256);
  });
});

describe('what', () => {
  test('who comes and goes meanwhile is only gone', () => {
    const a = participant('a');
    feed.changed(a);
    feed.gone(a, 'LEFT');
    feed.schedule();
    expect(messages()).toEqual([{ type: 'people', upd: [], gone: [{ sid: 'a', reason: 'LEFT' }] }]);
  });

  test('hidden ones are never named', () => {
    const ghost = participant('ghost', true);
    feed.changed(ghost);
    feed.gone(ghost, 'LEFT');
    feed.schedule();
    pass(100);
    expect(heard).toHaveLength(0);
  });

  test('everybody gets the same body, encoded once', () => {
    const bodies: Buffer[] = [];
    listeners.set('bob', {
      participant: participant('bob'),
      push: (body) => void bodies.push(body),
    });
    feed.changed(participant('c'));
    feed.schedule();
    expect(bodies[0]).toBe(heard[0]);
  });

  test('is split by bytes, departures first, and no entry is lost or doubled', () => {
    for (let i = 0; i < 12; i++) {
      const p = participant(`p${i}`);
      p.patch({ meta: 'é'.repeat(200) });
      feed.changed(p);
    }
    feed.gone(participant('old'), 'LEFT');
    feed.schedule();
    const all = messages();
    expect(all.length).toBeGreaterThan(1);
    for (const body of heard) expect(body.length).toBeLessThan(2200);
    expect(all[0]?.gone).toHaveLength(1);
    expect(all.slice(1).every(({ gone }) => gone.length === 0)).toBe(true);
    expect(all.flatMap(({ upd }) => upd.map(({ sid }) => sid))).toEqual(
      Array.from({ length: 12 }, (_, i) => `p${i}`),
    );
  });

  test('one entry above the bound goes alone', () => {
    const [big, small] = [participant('big'), participant('small')];
    big.patch({ meta: 'x'.repeat(5000) });
    feed.changed(big);
    feed.changed(small);
    feed.schedule();
    expect(messages().map(({ upd }) => upd.map(({ sid }) => sid))).toEqual([['big'], ['small']]);
  });

  test('after close nothing is sent', () => {
    feed.flush();
    feed.changed(participant('a'));
    feed.schedule();
    feed.close();
    pass(100);
    expect(heard).toHaveLength(0);
  });
});
