// The ICE agent under many datagrams, checks and mutations of them, while its sessions restart, move, fall
// silent and end: nothing throws, whoever does not know a password gets nothing, every answer is well formed
// and signed, and all tables stay bounded.

import { describe, expect, it } from 'vitest';
import { GENERATIONS_PER_SESSION_MAX, TUPLES_PER_SESSION_MAX } from '../../sfu/ice/limits.ts';
import { Deframer, writeFrame } from '../../sfu/tcp-framing.ts';
import { breathe, FUZZ_SEED, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { Chance, mutate } from '../support/turn/fuzz.ts';
import type { AttributeSource } from '../support/turn/message.ts';
import { type Peer, World } from '../unit/sfu/ice-world.ts';

const DATAGRAMS = fuzzRuns(50_000);
const SESSIONS_MAX = 12;
const OUTCOMES = ['success', '400', '420', '487'];

/** Attributes that a check may bring, with the length that each should have. */
const KNOWN: readonly (readonly [type: number, length: number])[] = [
  [0x0006, 13],
  [0x0008, 20],
  [0x0009, 4],
  [0x000a, 2],
  [0x0014, 5],
  [0x001c, 32],
  [0x001e, 32],
  [0x0020, 8],
  [0x0024, 4],
  [0x0025, 0],
  [0x8022, 9],
  [0x8028, 4],
  [0x8029, 8],
  [0x802a, 8],
  [0xc057, 4],
  [0x7abc, 3],
];

class Fuzz {
  readonly chance: Chance;
  readonly world = new World(SESSIONS_MAX);
  peers: Peer[] = [];
  readonly outcomes = new Map<string, number>();
  readonly #pool: Uint8Array[] = [];
  readonly #authentic = new Set<string>();

  constructor(chance: Chance) {
    this.chance = chance;
    for (let i = 0; i < SESSIONS_MAX; i++) this.peers.push(this.#newPeer());
  }

  #newPeer(): Peer {
    const peer = this.world.peer();
    this.#move(peer);
    return peer;
  }

  #move(peer: Peer): void {
    const { chance } = this;
    const host = chance.pick(['198.51.100.7', '203.0.113.9', '2001:db8::1', '2001:db8:ffff::2']);
    peer.moveTo(host, 4000 + chance.below(12), 3 + chance.below(3));
  }

  #count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  /** A check as a browser sends it. */
  #check(peer: Peer): Uint8Array {
    const { chance } = this;
    const bytes = peer.build({
      nominate: chance.below(3) === 0,
      hash: chance.below(8) === 0 ? 'sha256' : 'sha1',
    });
    this.#authentic.add(Buffer.from(bytes).toString('latin1'));
    if (this.#pool.length < 300) this.#pool.push(bytes);
    else this.#pool[chance.below(300)] = bytes;
    return bytes;
  }

  /** An authentic check with attributes of any type and length. */
  #odd(peer: Peer): Uint8Array {
    const { chance } = this;
    const attributes = Array.from({ length: chance.below(7) }, (): AttributeSource => {
      const [type, length] = chance.pick(KNOWN);
      return [type, chance.bytes(chance.below(4) === 0 ? chance.length() : length)];
    });
    return peer.build({
      attributes: chance.below(3) === 0 ? attributes : [[0x0024, chance.bytes(4)], ...attributes],
    });
  }

  #answered(peer: Peer, bytes: Uint8Array): void {
    const before = this.world.sent.length;
    const answer = peer.exchange(bytes);
    const outcome = answer?.outcome ?? 'silence';
    this.#count(outcome);
    if (answer === undefined) return;
    if (!OUTCOMES.includes(outcome)) throw new Error(`answered ${outcome}`);
    if (answer.fingerprint !== 'right' || !answer.paddingIsZero) throw new Error('odd answer');
    if (!answer.transaction.equals(Buffer.from(bytes.subarray(8, 20)))) throw new Error('whose?');
    const { generations } = peer.session;
    const signed = generations.some(({ key }) => {
      try {
        return answer.integrity(key) !== 'none';
      } catch {
        return false;
      }
    });
    if (!signed) throw new Error(`the ${outcome} is not signed`);
    this.world.sent.length = before;
  }

  /** Bytes of somebody who knows no password: only a copy of an authentic check may be answered. */
  #stranger(peer: Peer, bytes: Uint8Array): void {
    const before = this.world.sent.length;
    const repeated = this.#authentic.has(Buffer.from(bytes).toString('latin1'));
    const answer = peer.exchange(bytes);
    if (answer !== undefined && !repeated) {
      throw new Error(`answered ${answer.outcome} to ${Buffer.from(bytes).toString('hex')}`);
    }
    this.#count(repeated ? 'repeated' : 'mutated');
    this.world.sent.length = before;
  }

  #disturb(): void {
    const { chance, world } = this;
    const index = chance.below(this.peers.length);
    const peer = this.peers[index]!;
    const what = chance.below(5);
    if (what === 0) peer.restart();
    else if (what === 1) world.pass(chance.pick([1, 100, 5000, 29_999, 30_000]));
    else if (what === 2) world.ice.closeSocket(3 + chance.below(3), world.now);
    else if (what === 3) {
      world.ice.close(peer.session);
      this.peers[index] = this.#newPeer();
    } else if (world.ice.nextDeadline !== Infinity) {
      world.now = Math.max(world.now, world.ice.nextDeadline);
    }
  }

  step(): void {
    const { chance } = this;
    // Twelve peers check no faster than they may.
    this.world.now += 1;
    const peer = chance.pick(this.peers);
    const what = chance.below(100);
    if (what < 30) this.#answered(peer, this.#check(peer));
    else if (what < 50) this.#answered(peer, this.#odd(peer));
    else if (what < 88) {
      const [one, other] = [this.#check(peer), chance.pick(this.#pool)];
      this.#stranger(peer, mutate(chance.below(2) === 0 ? one : other, chance, other));
    } else if (what < 92) this.#stranger(peer, chance.bytes(chance.length()));
    else if (what < 96) this.#move(peer);
    else this.#disturb();
  }

  /** What is wrong with the tables. */
  complaints(): string[] {
    const { world } = this;
    const complaints: string[] = [];
    const must = (condition: boolean, complaint: string): void => {
      if (!condition) complaints.push(complaint);
    };
    must(world.ice.stats().sessions === SESSIONS_MAX, 'sessions');
    for (const { session, owner } of this.peers) {
      const { tuples, generations, path, state } = session;
      must(tuples.length <= TUPLES_PER_SESSION_MAX, 'tuples');
      must(generations.length <= GENERATIONS_PER_SESSION_MAX, 'generations');
      must(path === undefined || tuples.includes(path), 'path');
      must((path === undefined) === (state === 'new' || state === 'disconnected'), `path ${state}`);
      for (const tuple of tuples) {
        const found = world.ice.find(tuple.socket, tuple.remote);
        must(found === (tuple.consentLost ? undefined : tuple), 'find');
      }
      owner.heard.length = 0;
    }
    this.#authentic.clear();
    for (const bytes of this.#pool) this.#authentic.add(Buffer.from(bytes).toString('latin1'));
    return complaints;
  }
}

describe('ICE fuzz', () => {
  it.each(fuzzSeeds('ice'))(
    `${DATAGRAMS} datagrams, STERNA_FUZZ_SEED=%i`,
    { timeout: fuzzTimeoutMs(DATAGRAMS) },
    async (seed) => {
      const fuzz = new Fuzz(new Chance(seed));
      for (let i = 0; i < DATAGRAMS; i += 500) {
        for (let j = 0; j < 500; j++) fuzz.step();
        expect(fuzz.complaints()).toEqual([]);
        await breathe(i);
      }
      const counts = (name: string): number => fuzz.outcomes.get(name) ?? 0;
      // The generators must keep reaching every kind of answer.
      expect(OUTCOMES.filter((name) => counts(name) < DATAGRAMS / 200)).toEqual([]);
      expect(counts('mutated')).toBeGreaterThan(DATAGRAMS / 4);
      const never = Object.entries(fuzz.world.ice.stats().drops).filter(([, count]) => count === 0);
      expect(
        never
          .map(([reason]) => reason)
          .filter((reason) => reason !== 'too-large' && reason !== 'too-fast'),
      ).toEqual([]);
    },
  );

  it('5000 streams of noise and frames: no packet over the limit, nothing kept beyond it, nothing thrown', () => {
    const chance = new Chance(FUZZ_SEED);
    let packets = 0;
    let ended = 0;
    for (let i = 0; i < 5000; i++) {
      const limit = chance.pick([20, 300, 1500]);
      const deframer = new Deframer(
        {
          onFrame: (bytes, offset, length) => {
            packets++;
            if (length < 1 || length > limit || offset + length > bytes.length) {
              throw new Error(`${length} bytes at ${offset} of ${bytes.length}`);
            }
            if (bytes.length > 2048) throw new Error(`a buffer of ${bytes.length} bytes`);
          },
        },
        limit,
      );
      for (let n = chance.below(12); n > 0; n--) {
        const packet = chance.bytes(chance.length());
        const frame = new Uint8Array(packet.length + 2);
        writeFrame(frame, 0, packet, 0, packet.length);
        const bytes = chance.below(4) === 0 ? mutate(frame, chance, packet) : frame;
        if (!deframer.push(bytes, 0, bytes.length)) {
          ended++;
          break;
        }
      }
    }
    expect(packets).toBeGreaterThan(5000);
    expect(ended).toBeGreaterThan(500);
  });
});
