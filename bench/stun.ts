// What the STUN codec costs, in nanoseconds an operation, beside published figures and beside the npm package
// `stun` on the same bytes in the same run. `npm run bench:stun`; `-- --small` is the short run of the test
// suite. Rounds alternate between all cases; a case goes round a ring of messages that differ in place and
// transaction id.

import { pathToFileURL } from 'node:url';
import { TransportAddress } from '../shared/net/transport-address.ts';
import { longTermKey } from '../shared/stun/credentials.ts';
import { STUN_OK, StunReader } from '../shared/stun/reader.ts';
import {
  ATTR_ICE_CONTROLLING,
  ATTR_LIFETIME,
  ATTR_NONCE,
  ATTR_PRIORITY,
  ATTR_REALM,
  ATTR_REQUESTED_TRANSPORT,
  ATTR_USE_CANDIDATE,
  ATTR_USERNAME,
  ATTR_XOR_MAPPED_ADDRESS,
  CLASS_REQUEST,
  CLASS_SUCCESS,
  knownAttributes,
  METHOD_ALLOCATE,
  METHOD_BINDING,
  PASSWORD_ALGORITHM_MD5,
  PASSWORD_ALGORITHM_SHA256,
} from '../shared/stun/registry.ts';
import { StunWriter } from '../shared/stun/writer.ts';
import { median } from './percentiles.ts';

/** Nanoseconds an operation; `published` and `rival` where there is something to stand beside. */
export interface StunFigure {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly published: number | undefined;
  readonly rival: number | undefined;
}

/** The part of the package `stun` that is measured. */
interface StunPackage {
  decode(message: Buffer): { readonly transactionId: Buffer };
  createMessage(type: number, transaction: Buffer): RivalMessage;
}

interface RivalMessage {
  addXorAddress(address: string, port: number): unknown;
  toBuffer(): Buffer;
}

interface Case {
  readonly name: string;
  readonly operation: (slot: number) => void;
  readonly rival?: ((slot: number) => void) | undefined;
  readonly published?: number | undefined;
  /** A case whose time is microseconds runs a tenth of the operations. */
  readonly slow?: boolean;
}

// Published figures of a codec in compiled code: parse of a Binding request, and the whole answer to it.
const PUBLISHED_PARSE = 68;
const PUBLISHED_ANSWER = 263;

const RING = 64;
const SLOT_BYTES = 512;
const BINDING_SUCCESS = 0x0101;
const HOST = '198.51.100.7';

/** RING messages of one shape, each in its own slot of one buffer. */
class Ring {
  readonly bytes = new Uint8Array(RING * SLOT_BYTES);
  readonly buffers: readonly Buffer[];
  readonly length: number;

  constructor(method: number, build: (writer: StunWriter) => StunWriter) {
    const writer = new StunWriter();
    const transaction = new Uint8Array(12);
    const buffers: Buffer[] = [];
    for (let slot = 0; slot < RING; slot++) {
      for (let i = 0; i < 12; i++) transaction[i] = slot * 31 + i * 7;
      const offset = slot * SLOT_BYTES;
      writer.start(this.bytes, offset, method, CLASS_REQUEST, transaction, 0);
      const length = build(writer).finish();
      buffers.push(Buffer.from(this.bytes.subarray(offset, offset + length)));
    }
    this.buffers = buffers;
    this.length = buffers[0]?.length ?? 0;
  }
}

const md5Key = longTermKey(PASSWORD_ALGORITHM_MD5, 'user', 'example.org', 'pass');
const sha256Key = longTermKey(PASSWORD_ALGORITHM_SHA256, 'user', 'example.org', 'pass');

// A Chromium asks a STUN server with a bare header, a Firefox adds FINGERPRINT; a connectivity check carries
// the rest.
const bare = new Ring(METHOD_BINDING, (w) => w);
const fingerprinted = new Ring(METHOD_BINDING, (w) => w.fingerprint());
const check = new Ring(METHOD_BINDING, (w) =>
  w
    .text(ATTR_USERNAME, 'hT3m:Wq9xLpQ2vK7r')
    .u32(0xc057, 0x00010003)
    .data(ATTR_ICE_CONTROLLING, md5Key, 0, 8)
    .flag(ATTR_USE_CANDIDATE)
    .u32(ATTR_PRIORITY, 0x6e7f1eff)
    .integrity(md5Key)
    .fingerprint(),
);
const allocate = (sign: (writer: StunWriter) => StunWriter): Ring =>
  new Ring(METHOD_ALLOCATE, (w) =>
    sign(
      w
        .u8(ATTR_REQUESTED_TRANSPORT, 17)
        .u32(ATTR_LIFETIME, 600)
        .text(ATTR_USERNAME, '1767225600:alice')
        .text(ATTR_REALM, 'example.org')
        .text(ATTR_NONCE, 'obMatJos2wAADf//499k954d6OL34oL9FSTvy64sA'),
    ).fingerprint(),
  );
const sha1 = allocate((w) => w.integrity(md5Key));
const sha256 = allocate((w) => w.integritySha256(sha256Key));

const reader = new StunReader();
const writer = new StunWriter();
const known = knownAttributes([ATTR_USERNAME, ATTR_PRIORITY]);
const unknown = new Uint16Array(16);
const from = TransportAddress.parse(HOST, 51820) ?? new TransportAddress();
const answer = new Uint8Array(128);

function read(ring: Ring, slot: number): void {
  if (reader.read(ring.bytes, slot * SLOT_BYTES, ring.length) !== STUN_OK) fail();
}

/** All that a server does for a Binding request, from the bytes that came to the bytes that go. */
function respond(ring: Ring, slot: number): void {
  read(ring, slot);
  if (reader.method !== METHOD_BINDING || reader.messageClass !== CLASS_REQUEST) fail();
  if (reader.hasFingerprint && !reader.checkFingerprint()) fail();
  if (reader.collectUnknown(known, unknown) > 0) fail();
  writer
    .start(answer, 0, METHOD_BINDING, CLASS_SUCCESS, ring.bytes, reader.transactionOffset)
    .xorAddress(ATTR_XOR_MAPPED_ADDRESS, from);
  if (reader.hasFingerprint) writer.fingerprint();
  writer.finish();
}

function fail(): never {
  throw new Error('a message of the bench was refused');
}

function cases(stun: StunPackage | undefined): readonly Case[] {
  const decode = (ring: Ring): ((slot: number) => void) | undefined =>
    stun && ((slot) => stun.decode(ring.buffers[slot] ?? fail()));
  const parse = (name: string, ring: Ring): Case => ({
    name: `parse ${name}, ${ring.length} bytes`,
    operation: (slot) => read(ring, slot),
    rival: decode(ring),
    published: PUBLISHED_PARSE,
  });
  const rivalAnswer =
    stun &&
    ((slot: number): void => {
      const request = stun.decode(bare.buffers[slot] ?? fail());
      const response = stun.createMessage(BINDING_SUCCESS, request.transactionId);
      response.addXorAddress(HOST, from.port);
      response.toBuffer();
    });
  return [
    parse('Binding request, bare (Chromium)', bare),
    parse('Binding request, FINGERPRINT (Firefox)', fingerprinted),
    parse('Binding request, connectivity check', check),
    {
      name: 'whole answer to the bare request',
      operation: (slot) => respond(bare, slot),
      rival: rivalAnswer,
      published: PUBLISHED_ANSWER,
    },
    {
      name: 'whole answer, FINGERPRINT checked and sent',
      operation: (slot) => respond(fingerprinted, slot),
      published: PUBLISHED_ANSWER,
    },
    { ...parse('Allocate with credentials', sha1), published: undefined },
    {
      name: `parse and check FINGERPRINT, ${sha1.length} bytes`,
      operation: (slot) => {
        read(sha1, slot);
        if (!reader.checkFingerprint()) fail();
      },
    },
    {
      name: 'parse and check MESSAGE-INTEGRITY',
      operation: (slot) => {
        read(sha1, slot);
        if (!reader.checkIntegrity(md5Key)) fail();
      },
      slow: true,
    },
    {
      name: 'parse and check MESSAGE-INTEGRITY-SHA256',
      operation: (slot) => {
        read(sha256, slot);
        if (!reader.checkIntegritySha256(sha256Key)) fail();
      },
      slow: true,
    },
  ];
}

/** Nanoseconds an operation over `count` operations. */
function time(operation: (slot: number) => void, count: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) operation(i & (RING - 1));
  return Number(process.hrtime.bigint() - start) / count;
}

/** Measures every case; `small` is a run of a few milliseconds whose figures are only there to be finite. */
export async function run(small: boolean): Promise<readonly StunFigure[]> {
  const rounds = small ? 3 : 25;
  const count = small ? 640 : 200_000;
  const measured = cases(await loadStunPackage()).map((one) => ({
    one,
    own: [] as number[],
    rival: [] as number[],
  }));
  // The first fifth of the rounds is for the compiler.
  for (let round = -Math.ceil(rounds / 5); round < rounds; round++) {
    for (const { one, own, rival } of measured) {
      const ownTime = time(one.operation, one.slow ? count / 10 : count);
      const rivalTime = one.rival && time(one.rival, count / 20);
      if (round < 0) continue;
      own.push(ownTime);
      if (rivalTime !== undefined) rival.push(rivalTime);
    }
  }
  return measured.map(({ one, own, rival }) => ({
    name: one.name,
    median: median(own),
    min: Math.min(...own),
    published: one.published,
    rival: rival.length > 0 ? median(rival) : undefined,
  }));
}

async function loadStunPackage(): Promise<StunPackage | undefined> {
  const name = 'stun';
  try {
    const module: unknown = await import(name);
    return hasDefault(module) && isStunPackage(module.default) ? module.default : undefined;
  } catch {
    return undefined;
  }
}

function hasDefault(module: unknown): module is { readonly default: unknown } {
  return typeof module === 'object' && module !== null && 'default' in module;
}

function isStunPackage(value: unknown): value is StunPackage {
  return (
    typeof value === 'object' && value !== null && 'decode' in value && 'createMessage' in value
  );
}

function ns(value: number | undefined): string {
  return (value === undefined ? '' : value.toFixed(value < 100 ? 1 : 0)).padStart(9);
}

function ratio(value: number, to: number | undefined): string {
  return (to === undefined ? '' : `${(value / to).toFixed(3)}x`).padStart(8);
}

function print(figures: readonly StunFigure[]): void {
  console.log(`STUN codec, ns an operation. Node ${process.version}, ${process.arch}.`);
  console.log(`${''.padEnd(54)}   median      min published   ratio   \`stun\`   ratio`);
  for (const { name, median: mid, min, published, rival } of figures) {
    const besides = `${ns(published)}${ratio(mid, published)}${ns(rival)}${ratio(mid, rival)}`;
    console.log(`${name.padEnd(54)}${ns(mid)}${ns(min)} ${besides}`);
  }
  if (figures.every(({ rival }) => rival === undefined)) {
    console.log('The npm package `stun` is not installed: nothing was measured beside it.');
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  print(await run(process.argv.includes('--small')));
}
