import { beforeEach, describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { copied, hex } from '../../../../sdk/e2ee/bytes.ts';
import { fingerprintOf, Identity, safetyCode } from '../../../../sdk/e2ee/identity.ts';
import {
  ADVANCE_EVERY_MS,
  COSTLY_BURST,
  KEY_RETIRES_MS,
  SWITCH_LATEST_MS,
} from '../../../../sdk/e2ee/limits.ts';
import { RecordReader, RecordWriter } from '../../../../sdk/e2ee/key-records.ts';
import { newChain, nextGeneration } from '../../../../sdk/e2ee/media-key.ts';
import { AgreementWorld } from '../../../support/e2ee/agreement-world.ts';
import type { Member } from '../../../support/e2ee/agreement-world.ts';

/** Keys are made once: to sign is what takes time here. */
const MALLORY = new Identity();

let world: AgreementWorld;
let ann: Member;
let bob: Member;
beforeEach(async () => {
  world = new AgreementWorld();
  ann = world.enter('ann');
  bob = world.enter('bob');
  await world.flow();
});

const sides = async (one: Member, other: Member): Promise<boolean[]> => [
  await one.opens(other),
  await other.opens(one),
];

describe('who joins', () => {
  test('and who is there see each other, whoever came first', async () => {
    expect(await sides(ann, bob)).toEqual([true, true]);
    await world.pass(ADVANCE_EVERY_MS);
    const before = await ann.seal();
    const cleo = world.enter('cleo');
    await world.flow();
    expect(await sides(ann, cleo)).toEqual([true, true]);
    expect(await sides(bob, cleo)).toEqual([true, true]);
    expect(await sides(ann, bob)).toEqual([true, true]);
    expect(await cleo.opens(ann, before), 'what was before').toBe(false);
    expect(await bob.opens(ann, before)).toBe(true);
  });

  test('without a message that has the bytes of a key', () => {
    const texts = world.passed.map(({ message }) => hex(message));
    expect(texts.length).toBeGreaterThan(4);
    for (const { used } of [ann, bob]) {
      for (const { chain } of used) {
        for (const text of texts) expect(text).not.toContain(hex(chain));
      }
    }
  });

  test('is told again when it has lost what was said', async () => {
    bob.vault.forget('ann');
    expect(await bob.opens(ann)).toBe(false);
    const again = world.enter('bob', { identity: 'somebody else' });
    await world.flow();
    // A hello under a sid that has said another one is not believed.
    expect(await ann.opens(again)).toBe(false);
    world.members.set('bob', bob);
    world.passed.length = 0;
    bob.agreement.recover();
    bob.agreement.ask('ann');
    bob.agreement.ask('nobody');
    await world.flow();
    expect(world.passed.filter(({ from, to }) => from === 'ann' && to === 'bob')).toHaveLength(4);
  });
});

describe('who leaves', () => {
  test('cannot go on reading, and all others can', async () => {
    const cleo = world.enter('cleo');
    await world.flow();
    await world.pass(ADVANCE_EVERY_MS);
    expect(await cleo.opens(ann)).toBe(true);
    world.leave('cleo');
    await world.flow();
    expect(await sides(ann, bob)).toEqual([true, true]);
    await world.pass(SWITCH_LATEST_MS);
    const frame = await ann.seal();
    expect(await cleo.opens(ann, frame)).toBe(false);
    expect(await bob.opens(ann, frame)).toBe(true);
    const [first] = ann.used;
    const last = ann.used.at(-1);
    expect(last?.epoch).toBe(2);
    let derived = first;
    for (let i = 0; i < 8 && derived; i++) {
      expect(hex(derived.chain)).not.toBe(hex(last?.chain ?? new Uint8Array()));
      derived = await nextGeneration(derived);
    }
  });

  test('leaves keys that are refused, also when they are told again', async () => {
    const told = [...world.passed];
    const cleo = world.enter('cleo');
    await world.flow();
    const old = await ann.seal();
    world.leave('cleo');
    await world.flow();
    await world.pass(SWITCH_LATEST_MS);
    expect(await cleo.opens(ann)).toBe(false);
    await world.pass(KEY_RETIRES_MS);
    const rekeyed = world.passed.filter(({ message }) => message[1] === 3);
    expect(rekeyed.length).toBeGreaterThan(0);
    for (const one of [...told, ...rekeyed]) world.give(one);
    await world.flow();
    expect(await bob.opens(ann, old)).toBe(false);
    expect(await sides(ann, bob)).toEqual([true, true]);
  });
});

describe('who is somebody else', () => {
  test('is refused under a name that was seen with another key', async () => {
    world.leave('bob');
    await world.flow();
    const mallory = world.enter('mallory', { identity: 'bob', keys: MALLORY });
    await world.flow();
    expect(ann.peers.get('mallory')?.isChanged).toBe(true);
    expect(await sides(ann, mallory)).toEqual([false, false]);
    expect(world.passed.some(({ from, to }) => from === 'ann' && to === 'mallory')).toBe(false);
  });

  test('is refused when another key is pinned, and verified with the one that is', async () => {
    const mallory = await fingerprintOf(MALLORY.publicKey);
    const cleo = world.enter('cleo', { trusted: { ann: mallory, dave: mallory.toUpperCase() } });
    const dave = world.enter('dave', { keys: MALLORY });
    await world.flow();
    expect(await sides(ann, cleo)).toEqual([false, false]);
    expect(cleo.peers.get('ann')?.isChanged).toBe(true);
    expect(cleo.peers.get('dave')?.believed?.verdict).toBe('verified');
    expect(cleo.peers.get('bob')?.believed?.verdict).toBe('seen');
    expect(await sides(dave, cleo)).toEqual([true, true]);
  });

  test('cannot speak for another one, nor change what it says', async () => {
    const cleo = world.enter('cleo');
    for (const member of world.members.values()) await member.settled();
    const hello = world.sent.find(({ from }) => from === 'cleo');
    if (!hello) throw new Error('No hello');
    world.sent.length = 0;
    for (const at of [3, 2000, 2100, 4000]) {
      const message = copied(hello.message);
      message[at] = (message[at] ?? 0) ^ 1;
      world.give({ ...hello, message });
    }
    world.give({ ...hello, from: 'bob' });
    await world.flow();
    expect(ann.peers.has('cleo')).toBe(false);
    expect(await ann.opens(bob)).toBe(true);
    world.give(hello);
    await world.flow();
    expect(ann.peers.get('cleo')?.believed).not.toBeNull();
    expect(await sides(ann, cleo)).toEqual([true, true]);
  });
});

test('whatever is sent, nothing throws, and only so much of it is worked on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(3), async (some, type) => {
      ann.agreement.receive('bob', new Uint8Array([1, type, ...some]));
      ann.agreement.receive('nobody', some);
    }),
  );
  const told = world.passed.splice(0);
  const asks = told.filter(({ from, to }) => from === 'bob' && to === null);
  expect(asks).toHaveLength(1);
  // It is answered by a hello and a seal, each time that it is worked on.
  for (let i = 0; i < 3 * COSTLY_BURST; i++) for (const one of asks) world.give(one);
  await world.flow();
  const answers = world.passed.filter(({ from, to }) => from === 'ann' && to === 'bob');
  expect(answers.length).toBeGreaterThan(0);
  expect(answers.length).toBeLessThan(2 * COSTLY_BURST);
  world.give(told.find(({ message }) => message[1] === 2)!);
  await world.flow();
  expect(await sides(ann, bob)).toEqual([true, true]);
});

test('a record is read once, and none after a later one', async () => {
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const uses = ['encrypt', 'decrypt'] as const;
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, uses);
  const writer = new RecordWriter(key);
  const reader = new RecordReader(key);
  const [first, second] = [await writer.write(newChain(1)), await writer.write(newChain(2))];
  const changed = second.with(9, (second[9] ?? 0) ^ 1);
  expect(await reader.read(copied(changed))).toBeNull();
  expect((await reader.read(second))?.epoch).toBe(2);
  expect(await reader.read(second)).toBeNull();
  expect(await reader.read(first)).toBeNull();
});

test('codes are the same for who knows the same, and others for who does not', async () => {
  const [one, other] = [new Identity(), MALLORY];
  const known = [
    { identity: 'ann', fingerprint: await fingerprintOf(one.publicKey) },
    { identity: 'bob', fingerprint: await fingerprintOf(other.publicKey) },
  ];
  const code = await safetyCode(known);
  expect(code).toMatch(/^(?:\d{5} ){11}\d{5}$/);
  expect(await safetyCode([...known.toReversed(), ...known])).toBe(code);
  expect(await safetyCode([...known.slice(1), { ...known[0]!, identity: 'al' }])).not.toBe(code);
  const seed = new Uint8Array(32).fill(5);
  expect(new Identity(seed).publicKey).toEqual(new Identity(seed).publicKey);
});
