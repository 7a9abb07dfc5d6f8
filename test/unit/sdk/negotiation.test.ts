import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  directionOf,
  isPolite,
  judgeDescription,
  mediaGrants,
  restartDelayMs,
} from '../../../sdk/negotiation.ts';
import type { SignalingState } from '../../../sdk/negotiation.ts';

const STABLE = { polite: true, makingOffer: false, signalingState: 'stable' } as const;

describe('what happens to a remote description', () => {
  test('an offer is applied when nothing of ours is under way', () => {
    expect(judgeDescription('offer', STABLE)).toBe('apply');
    expect(judgeDescription('offer', { ...STABLE, polite: false })).toBe('apply');
  });

  test.each([
    [true, 'yield'],
    [false, 'ignore'],
  ] as const)('two offers meet: polite=%s -> %s', (polite, verdict) => {
    const pending = { polite, makingOffer: false, signalingState: 'have-local-offer' } as const;
    expect(judgeDescription('offer', pending)).toBe(verdict);
    expect(judgeDescription('offer', { ...STABLE, polite, makingOffer: true })).toBe(verdict);
  });

  test('an answer is applied only to an offer of ours', () => {
    expect(judgeDescription('answer', STABLE)).toBe('drop');
    const pending = { ...STABLE, signalingState: 'have-local-offer' } as const;
    expect(judgeDescription('answer', pending)).toBe('apply');
    expect(judgeDescription('pranswer', pending)).toBe('apply');
  });

  test('a closed connection and a remote rollback take nothing', () => {
    expect(judgeDescription('offer', { ...STABLE, signalingState: 'closed' })).toBe('drop');
    expect(judgeDescription('rollback', STABLE)).toBe('drop');
  });
});

/** One end as a browser behaves: offers wait for `stable`, a yielded offer is made again afterwards. */
class End {
  readonly polite: boolean;
  readonly out: { type: 'offer' | 'answer'; version: string }[] = [];
  state: SignalingState = 'stable';
  wants = 0;
  agreed = '';
  #made = 0;
  #pending = '';

  constructor(polite: boolean) {
    this.polite = polite;
  }

  negotiate(): void {
    this.wants += 1;
    this.#offer();
  }

  receive({ type, version }: { type: 'offer' | 'answer'; version: string }): void {
    const { polite, state: signalingState } = this;
    const verdict = judgeDescription(type, { polite, makingOffer: false, signalingState });
    if (verdict === 'drop' || verdict === 'ignore') return;
    if (type === 'answer') {
      this.agreed = this.#pending;
    } else {
      if (verdict === 'yield') this.wants += 1;
      this.agreed = version;
      this.out.push({ type: 'answer', version });
    }
    this.state = 'stable';
    this.#offer();
  }

  #offer(): void {
    if (this.wants === 0 || this.state !== 'stable') return;
    this.wants = 0;
    this.#made += 1;
    this.#pending = `${this.polite ? 'polite' : 'impolite'} ${this.#made}`;
    this.state = 'have-local-offer';
    this.out.push({ type: 'offer', version: this.#pending });
  }
}

test('whatever the order of events, both ends agree on the same offer in the end', () => {
  const step = fc.constantFrom('polite offers', 'impolite offers', 'to polite', 'to impolite');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const polite = new End(true);
      const impolite = new End(false);
      const deliver = (from: End, to: End): void => {
        const message = from.out.shift();
        if (message) to.receive(message);
      };
      for (const name of steps) {
        if (name === 'polite offers') polite.negotiate();
        else if (name === 'impolite offers') impolite.negotiate();
        else if (name === 'to polite') deliver(impolite, polite);
        else deliver(polite, impolite);
      }
      for (let round = 0; polite.out.length + impolite.out.length > 0; round += 1) {
        expect(round).toBeLessThan(200);
        deliver(impolite, polite);
        deliver(polite, impolite);
      }
      expect([polite.state, impolite.state]).toEqual(['stable', 'stable']);
      expect([polite.wants, impolite.wants]).toEqual([0, 0]);
      expect(polite.agreed).toBe(impolite.agreed);
    }),
    { numRuns: 2000 },
  );
});

test('of two sids exactly one is polite', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      fc.pre(a !== b);
      expect(isPolite(a, b)).toBe(!isPolite(b, a));
    }),
  );
});

describe('grants', () => {
  const all = { canPublish: true, canSubscribe: true, hidden: false };

  test('sending needs one to publish and the other to subscribe', () => {
    expect(mediaGrants(all, all)).toEqual({ send: true, receive: true });
    expect(mediaGrants({ ...all, canPublish: false }, all)).toEqual({ send: false, receive: true });
    expect(mediaGrants(all, { ...all, canSubscribe: false })).toEqual({
      send: false,
      receive: true,
    });
    expect(mediaGrants({ ...all, canSubscribe: false }, all)).toEqual({
      send: true,
      receive: false,
    });
  });

  test('a hidden participant takes no part', () => {
    expect(mediaGrants({ ...all, hidden: true }, all)).toEqual({ send: false, receive: false });
    expect(mediaGrants(all, { ...all, hidden: true })).toEqual({ send: false, receive: false });
  });

  test('directions', () => {
    expect([
      directionOf(true, true),
      directionOf(true, false),
      directionOf(false, true),
      directionOf(false, false),
    ]).toEqual(['sendrecv', 'sendonly', 'recvonly', 'inactive']);
  });
});

test('ICE restarts come more rarely each time, and the polite side waits for the other', () => {
  expect([0, 1, 2, 3, 4, 9].map((attempt) => restartDelayMs(attempt, false))).toEqual([
    0, 4000, 8000, 16_000, 30_000, 30_000,
  ]);
  expect(restartDelayMs(0, true)).toBe(1500);
});
