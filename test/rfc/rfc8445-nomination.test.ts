// RFC 8445 s7.3.2, s8.2, s9, s12: which pair a lite agent uses, when the peer changes its mind, and ICE
// restarts.

import { expect, it } from 'vitest';
import { remoteCredentials, SOCKET, World } from '../unit/sfu/ice-world.ts';

const HOME = '198.51.100.7';
const MOBILE = '203.0.113.9';

it('RFC 8445 s7.3.2: USE-CANDIDATE makes the pair of the check the selected one', () => {
  const peer = new World().peer(HOME, 4000);
  expect(peer.check()).toBe('success');
  expect([peer.session.state, peer.session.selected]).toEqual(['checking', undefined]);
  expect(peer.nominate()).toBe('success');
  expect(peer.session.state).toBe('connected');
  expect(peer.destination).toBe(`${SOCKET} ${HOME}:4000`);
  expect(peer.owner.heard).toEqual([
    `checked ${SOCKET} ${HOME}:4000`,
    `selected ${SOCKET} ${HOME}:4000`,
  ]);
});

it('RFC 8445 s12.1.1: no media is sent before a nomination', () => {
  const peer = new World().peer();
  expect(peer.destination).toBe('nowhere');
  peer.check();
  expect(peer.destination).toBe('nowhere');
});

it('RFC 8445 s8.2: the answer to the nomination is on its way before the owner hears of it', () => {
  const world = new World();
  const peer = world.peer();
  const answered: number[] = [];
  peer.owner.onSelected = () => answered.push(world.sent.length);
  peer.nominate();
  expect(answered).toEqual([1]);
});

it('RFC 8445 s8.2: a nomination that is refused selects nothing', () => {
  const peer = new World().peer();
  expect(peer.check({ attributes: [[0x0025, []]] })).toBe('400');
  expect([peer.session.state, peer.owner.heard]).toEqual(['new', []]);
});

it('RFC 8445 s8.2: the selected pair is told once, however often it is nominated', () => {
  const peer = new World().peer(HOME, 4000);
  for (let i = 0; i < 5; i++) peer.nominate();
  peer.check();
  expect(peer.owner.heard).toEqual([`selected ${SOCKET} ${HOME}:4000`]);
});

it('RFC 8445 s12.1: media follows the peer to another address at its next nomination', () => {
  const world = new World();
  const peer = world.peer(HOME, 4000);
  peer.nominate();
  peer.moveTo(MOBILE, 5000);
  peer.check();
  expect(peer.destination).toBe(`${SOCKET} ${HOME}:4000`);
  peer.nominate();
  expect(peer.destination).toBe(`${SOCKET} ${MOBILE}:5000`);
  peer.moveTo(HOME, 4000).check();
  expect(peer.destination).toBe(`${SOCKET} ${MOBILE}:5000`);
  peer.nominate();
  expect(peer.owner.heard).toEqual([
    `selected ${SOCKET} ${HOME}:4000`,
    `selected ${SOCKET} ${MOBILE}:5000`,
    `selected ${SOCKET} ${HOME}:4000`,
  ]);
});

it('RFC 8445 s8.1.1: of several nominated pairs, the one that alone is still checked is the selected one', () => {
  const world = new World();
  const peer = world.peer(HOME, 4000);
  peer.nominate();
  peer.moveTo(MOBILE, 5000).nominate();
  peer.moveTo(HOME, 4000);
  for (let i = 0; i < 8; i++) {
    world.pass(5000);
    peer.check();
    // The pair nominated last may only be late for a while.
    expect(peer.destination).toBe(i === 0 ? `${SOCKET} ${MOBILE}:5000` : `${SOCKET} ${HOME}:4000`);
  }
  expect(peer.owner.heard.at(-1)).toBe(`selected ${SOCKET} ${HOME}:4000`);
});

it('RFC 8445 s8.1.1: a pair that was never nominated takes nothing over', () => {
  const world = new World();
  const peer = world.peer(HOME, 4000);
  peer.nominate();
  peer.moveTo(MOBILE, 5000);
  for (let i = 0; i < 5; i++) {
    world.pass(5000);
    peer.check();
    expect(peer.destination).toBe(`${SOCKET} ${HOME}:4000`);
  }
});

it('RFC 8445 s7.3.2: the local side of the pair is the socket that the check reached', () => {
  const peer = new World().peer(HOME, 4000);
  peer.nominate();
  peer.moveTo(HOME, 4000, 9);
  expect(peer.isValid).toBe(false);
  peer.nominate();
  expect(peer.destination).toBe(`9 ${HOME}:4000`);
});

it('RFC 8445 s12.2: data is taken from every pair that the peer has checked, and from no other', () => {
  const world = new World();
  const peer = world.peer(HOME, 4000);
  const other = world.peer(MOBILE, 4000);
  expect(peer.isValid).toBe(false);
  peer.check();
  other.nominate();
  expect([peer.isValid, other.isValid]).toEqual([true, true]);
  expect(world.ice.find(SOCKET, peer.from)?.session.owner).toBe(peer.owner);
  expect(world.ice.isValid(other.session, SOCKET, peer.from)).toBe(false);
  expect(peer.moveTo(HOME, 4001).isValid).toBe(false);
  expect(peer.moveTo(HOME, 4000, SOCKET + 1).isValid).toBe(false);
});

it('RFC 8445 s9: a restart changes both our username fragment and our password', () => {
  const world = new World();
  const peer = world.peer();
  const before = peer.local;
  peer.restart();
  expect(peer.local.ufrag).not.toBe(before.ufrag);
  expect(peer.local.password).not.toBe(before.password);
  expect(peer.session.local).toEqual(peer.local);
  expect(peer.session.remote).toEqual(peer.credentials);
});

it('RFC 8445 s9: during a restart media goes on, and the old credentials stay good', () => {
  const world = new World();
  const peer = world.peer(HOME, 4000);
  peer.nominate();
  const old = { username: peer.username, password: peer.local.password };
  peer.restart();
  expect(peer.destination).toBe(`${SOCKET} ${HOME}:4000`);
  expect(peer.session.state).toBe('connected');
  expect(peer.nominate(old)).toBe('success');
  expect(peer.isValid).toBe(true);
  peer.moveTo(MOBILE, 5000);
  expect(peer.check()).toBe('success');
  expect(peer.destination).toBe(`${SOCKET} ${HOME}:4000`);
  expect(peer.nominate()).toBe('success');
  expect(peer.destination).toBe(`${SOCKET} ${MOBILE}:5000`);
});

it('RFC 8445 s9: the first valid check with the new credentials voids the old ones', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  const old = { username: peer.username, password: peer.local.password };
  peer.restart();
  expect(peer.check({ password: old.password })).toBe('silence');
  expect(peer.check(old)).toBe('success');
  expect(peer.check()).toBe('success');
  expect(peer.check(old)).toBe('silence');
  expect(peer.session.generations).toHaveLength(1);
});

it('RFC 8445 s9: a peer may restart under its new name before we have heard of it, and go on so', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  // As Chromium does: from new sockets, with the credentials that it had of us before.
  const { local } = peer;
  peer.moveTo(MOBILE, 5000);
  const mixed = { username: `${local.ufrag}:new1`, password: local.password };
  expect(peer.nominate(mixed)).toBe('success');
  peer.restart();
  expect(peer.check(mixed)).toBe('success');
  expect(peer.destination).toBe(`${SOCKET} ${MOBILE}:5000`);
  // At its next restart it checks with what the last one brought.
  const mixedAgain = { username: `${peer.local.ufrag}:new2`, password: peer.local.password };
  peer.restart();
  expect(peer.moveTo(HOME, 6000).nominate(mixedAgain)).toBe('success');
  expect(peer.destination).toBe(`${SOCKET} ${HOME}:6000`);
  expect(peer.check(mixed)).toBe('silence');
});

it('RFC 8445 s9: restarts in a row leave the credentials in use and the newest ones, within a bound', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  const used = { username: peer.username, password: peer.local.password };
  const made = Array.from({ length: 20 }, () => {
    peer.restart();
    return { username: peer.username, password: peer.local.password };
  });
  expect(peer.session.generations.length).toBeLessThanOrEqual(3);
  expect(peer.check(used)).toBe('success');
  expect(
    made.map((each) => peer.check(each)).filter((outcome) => outcome === 'success').length,
  ).toBe(2);
  expect(peer.check()).toBe('success');
  expect(peer.session.generations).toHaveLength(1);
});

it('a session that is closed answers nothing, takes nothing and cannot be restarted', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  world.ice.close(peer.session);
  world.ice.close(peer.session);
  expect([peer.check(), peer.isValid, peer.destination]).toEqual(['silence', false, 'nowhere']);
  expect(world.ice.restart(peer.session, remoteCredentials())).toBeUndefined();
  expect(world.ice.stats().sessions).toBe(0);
  expect(world.ice.nextDeadline).toBe(Infinity);
  expect(peer.owner.heard).toHaveLength(1);
});
