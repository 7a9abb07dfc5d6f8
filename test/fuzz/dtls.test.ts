// Hostile DTLS: records and flights of real handshakes, mutated, at every stage, in both roles. Nothing throws, OpenSSL
// does not crash, nobody gets keys that the other end has not, and memory stays as it was.

import { afterAll, expect, it } from 'vitest';
import { createDtlsContext } from '../../sfu/dtls/context.ts';
import { openssl } from '../../shared/native/openssl.ts';
import { FUZZ_SEED, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { nativeGrowth } from '../support/native-heap.ts';
import {
  CERTIFICATE_A,
  CERTIFICATE_B,
  contextOf,
  crossed,
  DtlsEnd,
  pairOf,
} from '../support/sfu/dtls-end.ts';
import { Chance } from '../support/turn/fuzz.ts';
import { CHROMIUM_CLIENT_HELLO } from '../unit/sfu/chromium-client-hello.ts';

const DATAGRAMS = fuzzRuns(20_000);
/** Mutated datagrams between two looks at the memory. */
const TURN = 100;
const WARM_UP_TURNS = 30;
/** Of V8, which takes from the same heap. */
const NOISE_BYTES = 4 * 1024 * 1024;

let chance = new Chance(FUZZ_SEED);
const contexts = [
  createDtlsContext(CERTIFICATE_A),
  createDtlsContext(CERTIFICATE_B),
  contextOf(CERTIFICATE_A, { datagramBytesMax: 300 }),
  contextOf(CERTIFICATE_B, { datagramBytesMax: 300 }),
] as const;

afterAll(() => {
  for (const context of contexts) context.free();
});

// Offsets in a record and in the handshake message that it carries (RFC 6347 s4.1, s4.2.2).
const EPOCH = 3;
const SEQUENCE = 5;
const RECORD_LENGTH = 11;
const MESSAGE = 13;
const MESSAGE_LENGTH = 14;
const MESSAGE_SEQUENCE = 17;
const FRAGMENT_OFFSET = 19;
const FRAGMENT_LENGTH = 22;

type Mutation = (bytes: Uint8Array) => Uint8Array;

function put(bytes: Uint8Array, at: number, width: number, value: number): Uint8Array {
  for (let i = 0; i < width; i++) {
    if (at + i < bytes.length) bytes[at + i] = (value / 2 ** (8 * (width - 1 - i))) & 0xff;
  }
  return bytes;
}

/** Where a random one of the records in a datagram begins. */
function someRecord(bytes: Uint8Array): number {
  const starts = [0];
  let at = 0;
  for (;;) {
    at += MESSAGE + ((bytes[at + RECORD_LENGTH]! << 8) | bytes[at + RECORD_LENGTH + 1]!);
    if (at + MESSAGE > bytes.length) return chance.pick(starts);
    starts.push(at);
  }
}

const MUTATIONS: readonly Mutation[] = [
  function flipBits(bytes) {
    for (let n = 1 + chance.below(4); n > 0; n--) {
      if (bytes.length > 0) bytes[chance.below(bytes.length)]! ^= 1 << chance.below(8);
    }
    return bytes;
  },
  function setBytes(bytes) {
    if (bytes.length > 0)
      bytes[chance.below(bytes.length)] = chance.pick([0, 1, 2, 0x7f, 0x80, 0xff]);
    return bytes;
  },
  function cut(bytes) {
    return bytes.slice(0, chance.below(bytes.length + 1));
  },
  function append(bytes) {
    return Uint8Array.from([...bytes, ...chance.bytes(chance.length())]);
  },
  function another(bytes) {
    return Uint8Array.from([...bytes, ...bytes]);
  },
  function recordLength(bytes) {
    return put(
      bytes,
      someRecord(bytes) + RECORD_LENGTH,
      2,
      chance.pick([0, 1, 11, 12, 13, 0x4000, 0xffff]),
    );
  },
  function contentType(bytes) {
    return put(
      bytes,
      someRecord(bytes),
      1,
      chance.pick([0, 20, 21, 22, 23, 24, 25, 26, 0x2f, 255]),
    );
  },
  function version(bytes) {
    return put(
      bytes,
      someRecord(bytes) + 1,
      2,
      chance.pick([0xfeff, 0xfefd, 0xfefc, 0x0303, 0, 0xffff]),
    );
  },
  function epoch(bytes) {
    return put(bytes, someRecord(bytes) + EPOCH, 2, chance.pick([0, 1, 1, 1, 2, 3, 0xffff]));
  },
  function sequence(bytes) {
    return put(
      bytes,
      someRecord(bytes) + SEQUENCE,
      6,
      chance.pick([0, 1, 63, 64, 65, 1000, 2 ** 48 - 1]),
    );
  },
  function messageType(bytes) {
    return put(
      bytes,
      someRecord(bytes) + MESSAGE,
      1,
      chance.pick([0, 1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 20, 22, 255]),
    );
  },
  function messageLength(bytes) {
    return put(bytes, someRecord(bytes) + MESSAGE_LENGTH, 3, edge24());
  },
  function messageSequence(bytes) {
    return put(
      bytes,
      someRecord(bytes) + MESSAGE_SEQUENCE,
      2,
      chance.pick([0, 1, 2, 3, 9, 10, 11, 12, 0xffff]),
    );
  },
  function fragmentOffset(bytes) {
    return put(bytes, someRecord(bytes) + FRAGMENT_OFFSET, 3, edge24());
  },
  function fragmentLength(bytes) {
    return put(bytes, someRecord(bytes) + FRAGMENT_LENGTH, 3, edge24());
  },
];

function edge24(): number {
  return chance.pick([0, 1, 2, chance.below(600), 16_384, 16_640, 100_000, 0x7f_ffff, 0xff_ffff]);
}

function mutate(datagram: Uint8Array): Uint8Array {
  let bytes = Uint8Array.from(datagram);
  for (let n = 1 + chance.below(3); n > 0; n--)
    bytes = Uint8Array.from(chance.pick(MUTATIONS)(bytes));
  return bytes;
}

let made = 0;
let hurt = 0;
let connected = 0;

/** One association in whose way mutated datagrams come, instead of or beside the real ones. */
function association(): void {
  const small = chance.below(2) * 2;
  const { active, passive } = pairOf(contexts[small]!, contexts[small + 1]!);
  // A history of this association, to be repeated out of its time.
  const history: Uint8Array[] = chance.below(8) === 0 ? [...CHROMIUM_CLIENT_HELLO] : [];
  const spareFrom = chance.below(12);
  const deliver = (from: DtlsEnd, to: DtlsEnd): void => {
    for (const datagram of from.sent.splice(0)) {
      history.push(datagram);
      const victim = chance.below(10) === 0 ? from : to;
      for (let n = chance.below(10); n > 0 && history.length > spareFrom; n--) {
        made++;
        victim.receive(mutate(chance.pick(history)), 0);
      }
      if (chance.below(10) > 0) to.receive(datagram, 0);
    }
  };
  for (let turns = 0; turns < 20 && active.sent.length + passive.sent.length > 0; turns++) {
    deliver(active, passive);
    deliver(passive, active);
  }
  hurt += active.closed.length + passive.closed.length;
  if (active.keys.length + passive.keys.length === 2) {
    connected++;
    expect(active.keys).toEqual([crossed(passive.keys[0])]);
  }
  active.transport.close();
  passive.transport.close();
  expect(openssl().ERR_peek_error()).toBe(0);
}

function turn(): void {
  const enough = made + TURN;
  while (made < enough) association();
}

it.each(fuzzSeeds('dtls'))(
  `${DATAGRAMS} mutated datagrams, STERNA_FUZZ_SEED=%i`,
  { timeout: fuzzTimeoutMs(DATAGRAMS) },
  async (seed) => {
    chance = new Chance(seed);
    for (let n = 0; n < WARM_UP_TURNS; n++) turn();
    made = 0;
    hurt = 0;
    connected = 0;
    const grown = await nativeGrowth(DATAGRAMS / TURN, turn);
    process.stdout.write(`DTLS fuzz: ${JSON.stringify({ made, hurt, connected, grown })}\n`);
    expect(contexts.map(({ sessions }) => sessions)).toEqual([0, 0, 0, 0]);
    expect(grown).toBeLessThan(NOISE_BYTES);
    // The mutations must go on to do harm, and some handshakes to survive them.
    expect(hurt).toBeGreaterThan(DATAGRAMS / 100);
    expect(connected).toBeGreaterThan(DATAGRAMS / 200);
  },
);
