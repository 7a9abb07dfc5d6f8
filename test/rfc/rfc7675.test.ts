// RFC 7675: consent. A lite agent takes the peer's own checks for it.

import { expect, it } from 'vitest';
import { SOCKET, World } from '../unit/sfu/ice-world.ts';

const CONSENT_MS = 30_000;

it('RFC 7675 s5.1: sending stops 30 seconds after the last valid check', () => {
  const world = new World();
  const peer = world.peer('198.51.100.7', 4000);
  peer.nominate();
  world.pass(CONSENT_MS - 1);
  expect([peer.session.state, peer.destination]).toEqual([
    'connected',
    `${SOCKET} 198.51.100.7:4000`,
  ]);
  world.pass(1);
  expect([peer.session.state, peer.destination]).toEqual(['disconnected', 'nowhere']);
  expect(peer.owner.heard.at(-1)).toBe('consent lost');
  expect(peer.isValid).toBe(false);
});

it('the next deadline is never early, not even by the rounding of its sum', () => {
  const world = new World();
  const late = Array.from({ length: 500 }, (_, i) => {
    const peer = world.peer('198.51.100.7', 4000 + i);
    world.now += 0.1 + i / 7;
    peer.nominate();
    world.now = world.ice.nextDeadline;
    world.ice.expire(world.now);
    return [peer.session.state, peer.destination];
  });
  expect(late.filter(([state, to]) => state !== 'disconnected' || to !== 'nowhere')).toEqual([]);
});

it('RFC 7675 s5.1: it stops at that moment, however late the clock of the owner ticks', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  world.now += CONSENT_MS;
  expect(peer.session.state).toBe('connected');
  expect(peer.destination).toBe('nowhere');
  expect(peer.nominate()).toBe('silence');
  expect(peer.session.state).toBe('disconnected');
});

it('RFC 7675 s5.1: every valid check on the pair is consent for 30 seconds more', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  for (let i = 0; i < 20; i++) {
    world.pass(CONSENT_MS - 1);
    expect(peer.check()).toBe('success');
  }
  expect(peer.owner.heard).toHaveLength(1);
  expect(world.ice.nextDeadline).toBe(world.now + CONSENT_MS);
});

it('RFC 7675 s5.1: checks that are not valid are no consent', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  world.pass(CONSENT_MS - 1);
  peer.check({ password: 'x'.repeat(22) });
  peer.check({ fingerprint: false });
  peer.check({ attributes: [] });
  peer.check({ type: 0x0011 });
  world.pass(1);
  expect(peer.session.state).toBe('disconnected');
});

it('RFC 7675 s5.1: consent is for one pair: checks on another one do not prolong it', () => {
  const world = new World();
  const peer = world.peer('198.51.100.7', 4000);
  peer.nominate();
  world.pass(CONSENT_MS - 1);
  peer.moveTo('198.51.100.7', 4001).check();
  world.pass(1);
  expect([peer.session.state, peer.destination]).toEqual(['disconnected', 'nowhere']);
});

it('RFC 7675 s5.1: after consent is lost the same credentials are of no use on that pair', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  world.pass(CONSENT_MS);
  expect([peer.check(), peer.nominate()]).toEqual(['silence', 'silence']);
  expect(world.drops()).toEqual({ 'consent-lost': 2 });
  expect([peer.isValid, peer.session.state]).toEqual([false, 'disconnected']);
});

it('RFC 7675 s5.1: an ICE restart brings consent back', () => {
  const world = new World();
  const peer = world.peer('198.51.100.7', 4000);
  peer.nominate();
  world.pass(CONSENT_MS);
  const old = { username: peer.username, password: peer.local.password };
  peer.restart();
  expect(peer.nominate(old)).toBe('silence');
  expect(peer.nominate()).toBe('success');
  expect([peer.isValid, peer.destination]).toEqual([true, `${SOCKET} 198.51.100.7:4000`]);
  expect(peer.owner.heard).toEqual([
    `selected ${SOCKET} 198.51.100.7:4000`,
    'consent lost',
    `selected ${SOCKET} 198.51.100.7:4000`,
  ]);
});

it('RFC 7675 s5.1: a check from another address is consent to send there', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  world.pass(CONSENT_MS);
  peer.moveTo('203.0.113.9', 5000);
  expect(peer.check()).toBe('success');
  expect([peer.session.state, peer.destination]).toEqual(['checking', 'nowhere']);
  peer.nominate();
  expect(peer.destination).toBe(`${SOCKET} 203.0.113.9:5000`);
});

it('RFC 7675 s5.1: a pair that was checked and never nominated loses its consent too', () => {
  const world = new World();
  const peer = world.peer();
  peer.check();
  world.pass(CONSENT_MS);
  expect([peer.session.state, peer.session.path]).toEqual(['disconnected', undefined]);
  expect(world.ice.nextDeadline).toBe(Infinity);
});

it('RFC 7675 s5.1: each session has its own clock, and the next one to run out is known', () => {
  const world = new World();
  const peers = [0, 1, 2].map((i) => world.peer('198.51.100.7', 4000 + i));
  const begin = world.now;
  for (const peer of peers) {
    peer.nominate();
    world.pass(1000);
  }
  expect(world.ice.nextDeadline).toBe(begin + CONSENT_MS);
  peers[0]!.check();
  expect(world.ice.nextDeadline).toBe(begin + 1000 + CONSENT_MS);
  world.ice.close(peers[1]!.session);
  expect(world.ice.nextDeadline).toBe(begin + 2000 + CONSENT_MS);
  world.pass(CONSENT_MS - 1000);
  expect(peers.map(({ session }) => session.state)).toEqual([
    'connected',
    'closed',
    'disconnected',
  ]);
});

it('a faked source address takes no pair away from the session that uses it', () => {
  const world = new World();
  const [victim, attacker] = [world.peer(), world.peer()];
  victim.nominate();
  world.pass(CONSENT_MS - 1);
  expect(attacker.nominate()).toBe('silence');
  expect(world.drops()).toEqual({ 'tuple-taken': 1 });
  expect([victim.isValid, attacker.isValid]).toEqual([true, false]);
  world.pass(1);
  expect(attacker.nominate()).toBe('success');
  expect([victim.isValid, attacker.isValid]).toEqual([false, true]);
  expect(victim.session.tuples).toEqual([]);
});
