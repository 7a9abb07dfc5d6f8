// RFC 8445 s7: what the lite agent answers, and how. Short-term credentials as RFC 8489 s9.1 has them.

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { append, fingerprinted, message, sign, text, u32 } from '../support/turn/message.ts';
import {
  address,
  BINDING,
  ICE_CONTROLLED,
  ICE_CONTROLLING,
  PRIORITY,
  SOCKET,
  USE_CANDIDATE,
  USERNAME,
  World,
  XOR_MAPPED_ADDRESS,
} from '../unit/sfu/ice-world.ts';

const MESSAGE_INTEGRITY = 0x0008;
const UNKNOWN_ATTRIBUTES = 0x000a;
const FINGERPRINT = 0x8028;

it('RFC 8445 s7.3: a check with our username fragment and password is answered, signed with the same', () => {
  const world = new World();
  const peer = world.peer();
  const check = peer.build();
  const answer = peer.exchange(check)!;
  expect(answer.outcome).toBe('success');
  expect(answer.transaction).toEqual(Buffer.from(check.subarray(8, 20)));
  expect(answer.integrity(Buffer.from(peer.local.password))).toBe('sha1');
  expect(answer.fingerprint).toBe('right');
  expect(answer.paddingIsZero).toBe(true);
});

it('RFC 8445 s7.2.2: the answer has no USERNAME, nor anything but the mapped address', () => {
  const peer = new World().peer();
  const answer = peer.exchange(peer.build())!;
  expect(answer.types).toEqual([XOR_MAPPED_ADDRESS, MESSAGE_INTEGRITY, FINGERPRINT]);
});

it.each([
  ['IPv4', '203.0.113.250', 61_234],
  ['IPv6', '2001:db8::ffff:1', 1],
])('RFC 8445 s7.3: the mapped address is where the check came from, over %s', (_, host, port) => {
  const peer = new World().peer(host, port);
  const answer = peer.exchange(peer.build())!;
  expect(answer.address(XOR_MAPPED_ADDRESS).toString()).toBe(address(host, port).toString());
});

it('RFC 8445 s7.3: each session has its own password', () => {
  const world = new World();
  const [one, other] = [world.peer(), world.peer('198.51.100.8')];
  expect(one.check({ password: other.local.password })).toBe('silence');
  expect(one.check({ password: one.credentials.password })).toBe('silence');
  expect([one.check(), other.check()]).toEqual(['success', 'success']);
  expect(world.drops()).toEqual({ 'bad-integrity': 2 });
});

it('RFC 8445 s7.3: the username is our fragment, a colon, and a fragment of the peer', () => {
  const world = new World();
  const [peer, other] = [world.peer(), world.peer()];
  const ours = peer.local.ufrag;
  const theirs = peer.credentials.ufrag;
  const wrong = [
    '',
    ':',
    ours,
    `${ours}:`,
    `${ours}:abc`,
    `${ours}:${'x'.repeat(257)}`,
    `:${theirs}`,
    `${ours}${theirs}`,
    `${ours} ${theirs}`,
    `${theirs}:${ours}`,
    `${ours}x:${theirs}`,
    `${ours.slice(1)}:${theirs}`,
    'x'.repeat(600),
  ];
  expect(wrong.map((username) => peer.check({ username }))).toEqual(wrong.map(() => 'silence'));
  expect(world.drops()).toEqual({ 'unknown-username': wrong.length });
  expect(peer.check({ username: `${other.local.ufrag}:${theirs}` })).toBe('silence');
  expect(world.drops()).toMatchObject({ 'bad-integrity': 1 });
  expect([peer.check(), peer.check({ username: `${ours}:${'x'.repeat(256)}` })]).toEqual([
    'success',
    'success',
  ]);
});

it('RFC 8445 s7.3: a check that comes before the fragment it names as the peer is answered too', () => {
  const peer = new World().peer();
  expect(peer.check({ username: `${peer.local.ufrag}:new1` })).toBe('success');
  expect(peer.isValid).toBe(true);
});

it('RFC 8445 s7.3: a check without credentials, or with a wrong one, gets no answer at all', () => {
  const world = new World();
  const peer = world.peer();
  const bare = message(BINDING, randomBytes(12), [u32(PRIORITY, 1)]);
  const signed = sign(bare, 'sha1', Buffer.from(peer.local.password));
  const damaged = peer.build({ fingerprint: false });
  damaged[10]! ^= 1;
  expect(peer.exchange(fingerprinted(bare))).toBeUndefined();
  expect(peer.exchange(fingerprinted(signed))).toBeUndefined();
  expect(peer.exchange(fingerprinted(damaged))).toBeUndefined();
  expect(peer.check({ password: '' })).toBe('silence');
  expect(peer.check({ hash: 'none' })).toBe('silence');
  expect(world.drops()).toEqual({
    'unknown-username': 2,
    'bad-integrity': 3,
  });
  expect(peer.session.state).toBe('new');
});

it('RFC 8445 s7.3: attributes after MESSAGE-INTEGRITY do not count, so nothing can be added to a check', () => {
  const peer = new World().peer();
  const signed = peer.build({ fingerprint: false });
  expect(peer.exchange(fingerprinted(append(signed, [USE_CANDIDATE, []])))?.outcome).toBe(
    'success',
  );
  expect(peer.session.state).toBe('checking');
  const moved = message(BINDING, randomBytes(12), [u32(PRIORITY, 1)]);
  const late = append(sign(moved, 'sha1', Buffer.from(peer.local.password)), [
    USERNAME,
    Buffer.from(peer.username),
  ]);
  expect(peer.exchange(fingerprinted(late))).toBeUndefined();
});

it('RFC 8489 s9.1.3: a check with MESSAGE-INTEGRITY-SHA256 is answered with it', () => {
  const peer = new World().peer();
  const answer = peer.exchange(peer.build({ hash: 'sha256' }))!;
  expect(answer.integrity(Buffer.from(peer.local.password))).toBe('sha256');
  expect(answer.fingerprint).toBe('right');
});

it('RFC 8489 s9.1.3: where both integrity attributes are there, the SHA-256 one decides', () => {
  const world = new World();
  const peer = world.peer();
  const key = Buffer.from(peer.local.password);
  const signed = peer.build({ fingerprint: false });
  const right = fingerprinted(sign(signed, 'sha256', key));
  const wrong = fingerprinted(sign(signed, 'sha256', randomBytes(24)));
  expect(peer.exchange(right)?.integrity(key)).toBe('sha256');
  expect(peer.exchange(wrong)).toBeUndefined();
  expect(world.drops()).toEqual({ 'bad-integrity': 1 });
});

it.each([16, 20, 28])(
  'RFC 8489 s14.6: MESSAGE-INTEGRITY-SHA256 truncated to %i bytes is not enough',
  (length) => {
    const peer = new World().peer();
    const plain = peer.build({ hash: 'none', fingerprint: false });
    const key = Buffer.from(peer.local.password);
    expect(peer.exchange(fingerprinted(sign(plain, 'sha256', key, length)))).toBeUndefined();
    expect(peer.exchange(fingerprinted(sign(plain, 'sha256', key, 32)))?.outcome).toBe('success');
  },
);

it('RFC 8445 s7.3: FINGERPRINT must be there, and right', () => {
  const world = new World();
  const peer = world.peer();
  const wrong = peer.build();
  wrong[wrong.length - 1]! ^= 1;
  expect(peer.check({ fingerprint: false })).toBe('silence');
  expect(peer.exchange(wrong)).toBeUndefined();
  expect(world.drops()).toEqual({ 'bad-fingerprint': 2 });
});

it('RFC 8445 s7.3: there is no fallback to RFC 3489: without the magic cookie there is silence', () => {
  const world = new World();
  const peer = world.peer();
  const classic = peer.build();
  classic.set([1, 2, 3, 4], 4);
  expect(peer.exchange(classic)).toBeUndefined();
  expect(world.drops()).toEqual({ 'not-stun': 1 });
});

it('RFC 8489 s6.3.1: unknown attributes are named in a signed 420, but only in an authentic check', () => {
  const world = new World();
  const peer = world.peer();
  const attributes = [u32(PRIORITY, 1), [0x7abc, []] as const, [0x0003, [0, 0, 0, 0]] as const];
  expect(peer.check({ attributes, password: 'x'.repeat(22) })).toBe('silence');
  const answer = peer.exchange(peer.build({ attributes }))!;
  expect(answer.outcome).toBe('420');
  expect(answer.integrity(Buffer.from(peer.local.password))).toBe('sha1');
  expect(answer.value(UNKNOWN_ATTRIBUTES)).toEqual(Buffer.from([0x7a, 0xbc, 0x00, 0x03]));
  expect(peer.isValid).toBe(false);
  expect(peer.session.state).toBe('new');
});

it('RFC 8489 s6.3.1: hundreds of unknown attributes make a 420 smaller than the check', () => {
  const peer = new World().peer();
  const attributes = Array.from({ length: 300 }, (_, i) => [0x7000 + i, []] as const);
  const check = peer.build({ attributes });
  const answer = peer.exchange(check)!;
  expect(answer.value(UNKNOWN_ATTRIBUTES)).toHaveLength(16);
  expect(answer.bytes.length).toBeLessThan(check.length);
});

it('RFC 8489 s6.3.1: unknown comprehension-optional attributes are ignored', () => {
  const peer = new World().peer();
  const attributes = [u32(PRIORITY, 1), text(0x8022, 'an agent'), u32(0xc057, 0x000a0001)];
  expect(peer.check({ attributes })).toBe('success');
});

it('RFC 8445 s7.1.1: a check without PRIORITY is refused 400', () => {
  const peer = new World().peer();
  expect(peer.check({ attributes: [[ICE_CONTROLLING, randomBytes(8)]] })).toBe('400');
  expect(peer.check({ attributes: [[PRIORITY, [1, 2]]] })).toBe('400');
  expect(peer.isValid).toBe(false);
  expect(peer.check({ attributes: [u32(PRIORITY, 1)] })).toBe('success');
});

it.each(['0000000000000000', 'ffffffffffffffff'])(
  'RFC 8445 s7.3.1.1: a peer in the controlled role is told 487, whatever its tiebreaker (%s)',
  (tiebreaker) => {
    const world = new World();
    const peer = world.peer();
    const attributes = [
      u32(PRIORITY, 1),
      [USE_CANDIDATE, []] as const,
      [ICE_CONTROLLED, Buffer.from(tiebreaker, 'hex')] as const,
    ];
    const answer = peer.exchange(peer.build({ attributes }))!;
    expect(answer.outcome).toBe('487');
    expect(answer.integrity(Buffer.from(peer.local.password))).toBe('sha1');
    expect([peer.isValid, peer.session.state, peer.destination]).toEqual([false, 'new', 'nowhere']);
    expect(world.ice.stats()).toMatchObject({ answered: 0, refused: 1 });
  },
);

it('RFC 8445 s6.1.1: a peer in the controlling role is never in conflict with a lite agent', () => {
  const peer = new World().peer();
  const attributes = [u32(PRIORITY, 1), [ICE_CONTROLLING, new Uint8Array(8)] as const];
  expect(peer.check({ attributes })).toBe('success');
});

it('RFC 8445 s11: a Binding indication keeps a NAT binding alive and has no other effect', () => {
  const world = new World();
  const peer = world.peer();
  peer.nominate();
  world.pass(20_000);
  const deadline = world.ice.nextDeadline;
  expect(peer.exchange(fingerprinted(message(0x0011, randomBytes(12))))).toBeUndefined();
  expect(peer.check({ type: 0x0011 })).toBe('silence');
  expect(world.drops()).toEqual({ keepalive: 2 });
  expect(world.ice.nextDeadline).toBe(deadline);
});

it('RFC 8445 s2.5: a lite agent sends no checks, so responses and other methods are dropped', () => {
  const world = new World();
  const peer = world.peer();
  const types = [0x0101, 0x0111, 0x0003, 0x0016];
  expect(types.map((type) => peer.check({ type }))).toEqual(types.map(() => 'silence'));
  expect(world.drops()).toEqual({ unexpected: types.length });
});

it('no answer is larger than the check it answers, and none goes elsewhere', () => {
  const peer = new World().peer('2001:db8::1');
  const checks = [
    peer.build({ attributes: [u32(PRIORITY, 1)] }),
    peer.build({ attributes: [u32(PRIORITY, 1)], hash: 'sha256' }),
    peer.build({ attributes: [] }),
    peer.build({ attributes: [[0x7abc, []]] }),
    peer.build({ attributes: [u32(PRIORITY, 1), [ICE_CONTROLLED, randomBytes(8)]] }),
  ];
  const growth = checks.map((check) => peer.exchange(check)!.bytes.length - check.length);
  expect(Math.max(...growth)).toBeLessThanOrEqual(0);
});

it('a check longer than any path carries is not even authenticated', () => {
  const world = new World();
  const peer = world.peer();
  const attributes = [u32(PRIORITY, 1), [0x8022, new Uint8Array(1416)] as const];
  const long = peer.build({ attributes });
  expect(long.length).toBe(1500);
  expect(peer.exchange(long)?.outcome).toBe('success');
  expect(peer.check({ attributes: [...attributes, [0x8022, []]] })).toBe('silence');
  expect(world.drops()).toEqual({ 'too-large': 1 });
});

it('a check is found at any offset of a larger buffer', () => {
  const world = new World();
  const peer = world.peer();
  const check = peer.build();
  const ring = new Uint8Array(randomBytes(check.length + 100));
  ring.set(check, 77);
  expect(world.ice.handleCheck(SOCKET, peer.from, ring, 77, check.length, world.now)).toBe(-1);
  expect(world.sent).toHaveLength(1);
});
