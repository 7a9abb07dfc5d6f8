// The agent against a plain model of it, through any sequence of checks, moves, restarts and silences; and
// its bounds.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CHECKS_AT_ONCE_MAX,
  CHECKS_PER_SECOND_MAX,
  CONSENT_MS,
  GENERATIONS_PER_SESSION_MAX,
  TUPLES_PER_SESSION_MAX,
} from '../../../sfu/ice/limits.ts';
import { address, Owner, Peer, remoteCredentials, SOCKET, World } from './ice-world.ts';

interface Step {
  readonly what: 'check' | 'nominate' | 'restart' | 'pass' | 'close-socket';
  readonly place: number;
  readonly ms: number;
  /** Which of the credentials that the peer has ever had, counted from the newest. */
  readonly back: number;
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('check', 'check', 'check', 'nominate', 'restart', 'pass', 'close-socket'),
  place: fc.nat(11),
  ms: fc.constantFrom(1, 500, 5000, 29_999, CONSENT_MS),
  back: fc.constantFrom(0, 0, 0, 1, 2, 3),
});

interface Known {
  checkedAt: number;
  generation: number;
  lost: boolean;
}

/** What the agent should do, with every place in a Map and no table. */
class Model {
  readonly places = new Map<string, Known>();
  live = [0];
  newest = 0;
  path: string | undefined = undefined;
  connected = false;

  restart(): void {
    this.live.push(++this.newest);
    if (this.live.length > GENERATIONS_PER_SESSION_MAX) this.live.splice(1, 1);
  }

  check(place: string, generation: number, nominate: boolean, now: number): string {
    this.expire(now);
    if (!this.live.includes(generation)) return 'silence';
    const known = this.places.get(place);
    if (known?.lost === true && known.generation >= generation) return 'silence';
    this.live = this.live.filter((each) => each >= generation);
    if (known === undefined && this.places.size === TUPLES_PER_SESSION_MAX) {
      const others = [...this.places].filter(([name]) => name !== this.path);
      const [oldest] = others.toSorted(([, a], [, b]) => a.checkedAt - b.checkedAt);
      this.places.delete(oldest![0]);
    }
    this.places.set(place, { checkedAt: now, generation, lost: false });
    if (nominate || !this.connected) this.path = place;
    this.connected ||= nominate;
    return 'success';
  }

  expire(now: number): void {
    const known = this.places.get(this.path ?? '');
    if (known === undefined || now - known.checkedAt < CONSENT_MS) return;
    known.lost = true;
    this.path = undefined;
    this.connected = false;
  }

  closeSocket(socket: number): void {
    for (const place of [...this.places.keys()].filter((name) => name.startsWith(`${socket} `))) {
      this.places.delete(place);
      if (place !== this.path) continue;
      this.path = undefined;
      this.connected = false;
    }
  }
}

function places(peer: Peer): string[] {
  return peer.session.tuples.map(({ socket, remote }) => `${socket} ${remote.toString()}`);
}

/** The agent and the model side by side. */
class Run {
  readonly world = new World();
  readonly peer = this.world.peer();
  readonly model = new Model();
  readonly #credentials = [{ username: this.peer.username, password: this.peer.local.password }];

  /** One step of both; what each says became of it. */
  step({ what, place, ms, back }: Step): [agent: string, model: string] {
    const { world, peer, model } = this;
    const socket = SOCKET + (place % 3);
    if (what === 'pass') {
      world.now += ms;
      return ['', ''];
    }
    if (what === 'close-socket') {
      world.ice.closeSocket(socket, world.now);
      model.closeSocket(socket);
      return ['', ''];
    }
    if (what === 'restart') {
      peer.restart();
      this.#credentials.unshift({ username: peer.username, password: peer.local.password });
      model.restart();
      return ['', ''];
    }
    const nominate = what === 'nominate';
    const index = Math.min(back, this.#credentials.length - 1);
    peer.moveTo('198.51.100.7', 4000 + place, socket);
    // Two checks in one millisecond have no order in time, which the choice of what to forget goes by.
    world.now += 1;
    const agent = peer.check({ nominate, ...this.#credentials[index]! });
    const name = `${socket} ${peer.from.toString()}`;
    return [agent, model.check(name, model.newest - index, nominate, world.now)];
  }
}

function run(steps: readonly Step[]): void {
  const both = new Run();
  const { world, peer, model } = both;
  for (const step of steps) {
    const [agent, expected] = both.step(step);
    expect(agent).toBe(expected);
    if (world.now >= world.ice.nextDeadline) world.ice.expire(world.now);
    model.expire(world.now);
    expect(places(peer).toSorted()).toEqual([...model.places.keys()].toSorted());
    expect(peer.destination).toBe(model.connected ? model.path! : 'nowhere');
    expect(peer.session.path === undefined).toBe(model.path === undefined);
    expect(peer.session.generations.map(({ number }) => number)).toEqual(model.live);
    for (const tuple of peer.session.tuples) {
      const { lost } = model.places.get(`${tuple.socket} ${tuple.remote.toString()}`)!;
      expect(world.ice.find(tuple.socket, tuple.remote)).toBe(lost ? undefined : tuple);
    }
  }
}

it('behaves like the model through any sequence of checks, moves, restarts and silences', () => {
  fc.assert(fc.property(fc.array(anyStep, { maxLength: 120 }), run), { numRuns: 300 });
});

describe('bounds', () => {
  it('a peer that checks from thousands of addresses has a few, and its selected one among them', () => {
    const world = new World();
    const peer = world.peer('198.51.100.7', 4000);
    peer.nominate();
    const { destination } = peer;
    for (let i = 1; i <= 3000; i++) {
      world.now += 5;
      expect(peer.moveTo('203.0.113.9', 10_000 + i).check()).toBe('success');
      expect(peer.session.tuples.length).toBeLessThanOrEqual(TUPLES_PER_SESSION_MAX);
    }
    expect([peer.destination, peer.isValid]).toEqual([destination, true]);
    expect(peer.moveTo('203.0.113.9', 10_001).isValid).toBe(false);
  });

  it('a session has so many checks looked at, right or wrong, then as many as time brings; another has its own', () => {
    const world = new World();
    const [peer, other] = [world.peer(), world.peer('198.51.100.8')];
    for (let i = 0; i < CHECKS_AT_ONCE_MAX; i++) {
      const wrong = i % 2 === 0 ? {} : { password: 'x'.repeat(22) };
      expect(peer.check(wrong)).toBe(i % 2 === 0 ? 'success' : 'silence');
    }
    expect([peer.check(), peer.check(), other.check()]).toEqual(['silence', 'silence', 'success']);
    expect(world.drops()).toEqual({ 'bad-integrity': CHECKS_AT_ONCE_MAX / 2, 'too-fast': 2 });
    world.pass(2000 / CHECKS_PER_SECOND_MAX);
    expect([peer.check(), peer.check(), peer.check()]).toEqual(['success', 'success', 'silence']);
  });

  it('no more sessions are opened than there may be, and one that is closed makes room', () => {
    const world = new World(2);
    const peers = [world.peer(), world.peer('198.51.100.8')];
    const third = (): boolean => world.ice.open(new Owner(), remoteCredentials()) !== undefined;
    expect(third()).toBe(false);
    world.ice.close(peers[0]!.session);
    expect([third(), third()]).toEqual([true, false]);
    expect(world.ice.stats().sessions).toBe(2);
  });

  it('credentials chosen beforehand are used, but not twice', () => {
    const world = new World();
    const local = { ufrag: 'AAAAbbbb', password: 'p'.repeat(24) };
    const first = world.ice.open(new Owner(), remoteCredentials(), local)!;
    expect(first.local).toEqual(local);
    expect(world.ice.open(new Owner(), remoteCredentials(), local)).toBeUndefined();
    expect(world.ice.restart(first, remoteCredentials(), local)).toBeUndefined();
    expect(first.generations).toHaveLength(1);
    world.ice.close(first);
    expect(world.ice.open(new Owner(), remoteCredentials(), local)).toBeDefined();
    const odd = { ...local, ufrag: 'short' };
    expect(() => world.ice.open(new Owner(), remoteCredentials(), odd)).toThrow(RangeError);
  });
});

it('finds each of thousands of sessions by name and by address, until it is closed', () => {
  const world = new World();
  const peers = Array.from({ length: 3000 }, (_, i) => world.peer('198.51.100.7', 1000 + i));
  for (const peer of peers) expect(peer.nominate()).toBe('success');
  for (const [i, peer] of peers.entries()) if (i % 2 === 0) world.ice.close(peer.session);
  const found = peers.map(({ from }) => world.ice.find(SOCKET, from)?.session.owner);
  expect(found).toEqual(peers.map(({ owner }, i) => (i % 2 === 0 ? undefined : owner)));
  const outcomes = peers.map((peer) => peer.check());
  expect(outcomes).toEqual(peers.map((_, i) => (i % 2 === 0 ? 'silence' : 'success')));
});

it('tells names apart that begin alike, and forgets one without the others', () => {
  const world = new World();
  const password = 'p'.repeat(24);
  const peers = ['AAAAaaaa', 'AAAAbbbb', 'AAAAcccc'].map((ufrag, i) => {
    const remote = remoteCredentials();
    const session = world.ice.open(new Owner(), remote, { ufrag, password })!;
    return new Peer(world, session, remote, address('198.51.100.7', 4000 + i));
  });
  expect(peers.map((peer) => peer.check())).toEqual(Array(3).fill('success'));
  world.ice.close(peers[1]!.session);
  expect(peers.map((peer) => peer.check())).toEqual(['success', 'silence', 'success']);
  const stranger = `AAAAdddd:${peers[0]!.credentials.ufrag}`;
  expect(peers[0]!.check({ username: stranger })).toBe('silence');
});

it('always knows whose consent runs out first', () => {
  const act = fc.tuple(
    fc.constantFrom('check', 'check', 'nominate', 'close', 'lose'),
    fc.nat(9),
    fc.constantFrom(1, 700, 4000),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
      const world = new World();
      const peers = Array.from({ length: 10 }, (_, i) => world.peer('198.51.100.7', 4000 + i));
      const refreshed = new Map<Peer, number>();
      for (const [what, index, ms] of acts) {
        const peer = peers[index]!;
        peer.socket = index;
        world.now += ms;
        for (const [each, at] of refreshed) {
          if (world.now >= at + CONSENT_MS) refreshed.delete(each);
        }
        if (what === 'close') world.ice.close(peer.session);
        if (what === 'lose') world.ice.closeSocket(index, world.now);
        if (what === 'close' || what === 'lose') refreshed.delete(peer);
        else if (peer.check({ nominate: what === 'nominate' }) === 'success') {
          refreshed.set(peer, world.now);
        }
        world.pass(0);
        const deadline = Math.min(...[...refreshed.values()].map((at) => at + CONSENT_MS));
        expect(world.ice.nextDeadline).toBe(deadline);
      }
    }),
  );
});

it('an owner may close its session, and open another, from whatever it hears', () => {
  const world = new World();
  const heard: string[] = [];
  const reopen = (peer: Peer) => (): void => {
    heard.push(peer.session.state);
    world.ice.close(peer.session);
    world.ice.open(new Owner(), remoteCredentials());
  };
  const [checked, selected, lost, closed] = [0, 1, 2, 3].map((i) =>
    world.peer('198.51.100.7', 4000 + i),
  );
  checked!.owner.onChecked = reopen(checked!);
  selected!.owner.onSelected = reopen(selected!);
  lost!.owner.onConsentLost = reopen(lost!);
  closed!.owner.onConsentLost = reopen(closed!);
  closed!.socket = 70;
  expect(checked!.check()).toBe('success');
  expect(selected!.nominate()).toBe('success');
  closed!.nominate();
  world.ice.closeSocket(70, world.now);
  lost!.nominate();
  world.pass(CONSENT_MS);
  expect(heard).toEqual(['checking', 'connected', 'disconnected', 'disconnected']);
  expect(world.ice.stats().sessions).toBe(4);
  expect([checked!, selected!, lost!, closed!].map((peer) => peer.check())).toEqual(
    Array(4).fill('silence'),
  );
  expect(world.ice.nextDeadline).toBe(Infinity);
});

it('an owner may close every session of a connection that is gone', () => {
  const world = new World();
  const peers = [0, 1, 2].map((i) => world.peer('198.51.100.7', 4000 + i));
  const heard: Peer[] = [];
  for (const peer of peers) {
    peer.nominate();
    peer.owner.onConsentLost = () => {
      heard.push(peer);
      for (const { session } of peers) world.ice.close(session);
    };
  }
  world.ice.closeSocket(SOCKET, world.now);
  expect(heard).toHaveLength(1);
  const left = peers.map(({ session }) => `${session.state}, ${session.tuples.length} tuples`);
  expect(left).toEqual(Array(3).fill('closed, 0 tuples'));
});

it('keeps its own copy of the source address', () => {
  const world = new World();
  const peer = world.peer('198.51.100.7', 4000);
  const reused = address('198.51.100.7', 4000);
  peer.from = reused;
  peer.nominate();
  reused.setV4(0, 0);
  expect(peer.destination).toBe(`${SOCKET} 198.51.100.7:4000`);
});
