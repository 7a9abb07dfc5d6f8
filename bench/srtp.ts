// What SRTP costs, in nanoseconds a packet, beside node:crypto and beside plain FFI calls on Buffers, on packets of
// the same sizes in the same run. `npm run bench:srtp`; `-- --small` is the short run of the test suite.
// Rounds alternate between all cases; a case goes round a ring of packets.

import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import koffi from 'koffi';
import {
  AEAD_AES_128_GCM,
  AES_CM_128_HMAC_SHA1_80,
  type SrtpProfile,
} from '../sfu/srtp/profile.ts';
import { SrtpReceiver } from '../sfu/srtp/receiver.ts';
import { SrtpSender } from '../sfu/srtp/sender.ts';
import { Arena } from '../shared/native/arena.ts';

/** Nanoseconds a packet: the medians of all rounds. `plain` where there is such a case. */
export interface SrtpFigure {
  readonly name: string;
  readonly own: number;
  readonly nodeCrypto: number;
  readonly plain: number | undefined;
}

/** The operations of one line of the table, one packet each. */
interface Case {
  readonly name: string;
  readonly own: (slot: number) => void;
  readonly nodeCrypto: (slot: number) => void;
  readonly plain: ((slot: number) => void) | undefined;
}

/** Packets of a ring, a power of two. */
const RING = 256;
const SLOT_BYTES = 1536;
const HEADER_BYTES = 12;
const PAYLOADS = [100, 1000];

const key = Buffer.alloc(16, 0x5a);
const header = Buffer.from('806000010000000012345678', 'hex');

const received = new Arena(RING * SLOT_BYTES);
const sent = new Arena(RING * SLOT_BYTES);

/** Protects a ring of packets, which then can be unprotected, and so on: sequence numbers go up all the time. */
class OwnRing {
  readonly #sender: SrtpSender;
  readonly #receiver: SrtpReceiver;
  readonly #payloadBytes: number;
  #sequenceNumber = 0;

  constructor(profile: SrtpProfile, payloadBytes: number) {
    const master = { key, salt: Buffer.alloc(profile.saltBytes, 0xa5) };
    this.#sender = new SrtpSender(profile, master, 1);
    this.#receiver = new SrtpReceiver(profile, master, 1);
    this.#payloadBytes = payloadBytes;
  }

  /** From a packet that was received to one that is sent. */
  protect(slot: number): void {
    const at = slot * SLOT_BYTES;
    const { bytes } = sent;
    for (let i = 0; i < HEADER_BYTES; i++) bytes[at + i] = header[i]!;
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    bytes[at + 2] = this.#sequenceNumber >> 8;
    bytes[at + 3] = this.#sequenceNumber;
    const from = at + HEADER_BYTES;
    const payloadBytes = this.#payloadBytes;
    if (this.#sender.protectRtp(sent, at, HEADER_BYTES, received, from, payloadBytes) < 0) fail();
  }

  unprotect(slot: number): void {
    const length = HEADER_BYTES + this.#payloadBytes + this.#sender.profile.tagBytes;
    if (this.#receiver.unprotectRtp(sent, slot * SLOT_BYTES, length) < 0) fail();
  }
}

function fail(): never {
  throw new Error('a packet of the bench was refused');
}

function gcmByNode(payload: Buffer): [() => void, () => void] {
  const iv = Buffer.alloc(12, 2);
  const seal = (): [Buffer, Buffer] => {
    const cipher = createCipheriv('aes-128-gcm', key, iv).setAAD(header);
    const encrypted = cipher.update(payload);
    cipher.final();
    return [encrypted, cipher.getAuthTag()];
  };
  const [encrypted, tag] = seal();
  return [
    seal,
    () => {
      const decipher = createDecipheriv('aes-128-gcm', key, iv).setAAD(header);
      decipher.setAuthTag(tag);
      decipher.update(encrypted);
      decipher.final();
    },
  ];
}

function cmByNode(payload: Buffer): [() => void, () => void] {
  const iv = Buffer.alloc(16, 2);
  const counter = Buffer.alloc(4);
  const tagOf = (encrypted: Buffer): Buffer =>
    createHmac('sha1', key).update(header).update(encrypted).update(counter).digest();
  const encrypt = (): Buffer => createCipheriv('aes-128-ctr', key, iv).update(payload);
  const tag = tagOf(encrypt());
  return [
    () => tagOf(encrypt()),
    () => {
      if (!timingSafeEqual(tagOf(payload).subarray(0, 10), tag.subarray(0, 10))) encrypt();
      else fail();
    },
  ];
}

/** The same cipher by FFI in the plainest way: pointers to Buffers, the tag by a control call. */
function gcmByPlainCalls(payload: Buffer): () => void {
  const library = koffi.load(null);
  const newContext = library.func('void *EVP_CIPHER_CTX_new()');
  const cipher = library.func('void *EVP_aes_128_gcm()');
  const init = library.func('int EVP_EncryptInit_ex(void *, void *, void *, void *, void *)');
  const update = library.func('int EVP_EncryptUpdate(void *, void *, void *, void *, int)');
  const final = library.func('int EVP_EncryptFinal_ex(void *, void *, void *)');
  const control = library.func('int EVP_CIPHER_CTX_ctrl(void *, int, int, void *)');
  const getTag = 16;
  const context: unknown = newContext();
  const iv = Buffer.alloc(12, 2);
  const out = Buffer.alloc(payload.length);
  const tag = Buffer.alloc(16);
  const length = Buffer.alloc(4);
  init(context, cipher(), null, key, iv);
  return () => {
    init(context, null, null, null, iv);
    update(context, null, length, header, header.length);
    update(context, out, length, payload, payload.length);
    final(context, tag, length);
    control(context, getTag, tag.length, tag);
  };
}

function casesOf(profile: SrtpProfile, payloadBytes: number): readonly Case[] {
  const ring = new OwnRing(profile, payloadBytes);
  const payload = Buffer.alloc(payloadBytes, 3);
  const isGcm = profile === AEAD_AES_128_GCM;
  const [seal, open] = isGcm ? gcmByNode(payload) : cmByNode(payload);
  return [
    {
      name: `${profile.name} protect ${payloadBytes} bytes`,
      own: (slot) => ring.protect(slot),
      nodeCrypto: seal,
      plain: isGcm ? gcmByPlainCalls(payload) : undefined,
    },
    {
      name: `${profile.name} unprotect ${payloadBytes} bytes`,
      own: (slot) => ring.unprotect(slot),
      nodeCrypto: open,
      plain: undefined,
    },
  ];
}

/** Nanoseconds a packet, once round the ring. */
function time(operation: (slot: number) => void): number {
  const start = process.hrtime.bigint();
  for (let slot = 0; slot < RING; slot++) operation(slot);
  return Number(process.hrtime.bigint() - start) / RING;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Measures every case; `small` is a run of some milliseconds whose figures are only there to be finite. */
export function run(small: boolean): readonly SrtpFigure[] {
  const rounds = small ? 3 : 400;
  const cases = [AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80].flatMap((profile) =>
    PAYLOADS.flatMap((bytes) => casesOf(profile, bytes)),
  );
  const times = cases.map(() => ({
    own: [] as number[],
    nodeCrypto: [] as number[],
    plain: [] as number[],
  }));
  // The first fifth of the rounds is for the compiler. What a ring protects must be unprotected in that round.
  for (let round = -Math.ceil(rounds / 5); round < rounds; round++) {
    for (const [i, { own, nodeCrypto, plain }] of cases.entries()) {
      const ownTime = time(own);
      const nodeTime = time(nodeCrypto);
      const plainTime = plain && time(plain);
      if (round < 0) continue;
      times[i]!.own.push(ownTime);
      times[i]!.nodeCrypto.push(nodeTime);
      if (plainTime !== undefined) times[i]!.plain.push(plainTime);
    }
  }
  return cases.map(({ name }, i) => {
    const { own, nodeCrypto, plain } = times[i]!;
    return {
      name,
      own: median(own),
      nodeCrypto: median(nodeCrypto),
      plain: plain.length > 0 ? median(plain) : undefined,
    };
  });
}

function beside(own: number, other: number | undefined): string {
  if (other === undefined) return '';
  return `${other.toFixed(0).padStart(11)}${`${(own / other).toFixed(3)}x`.padStart(9)}`;
}

function print(figures: readonly SrtpFigure[]): void {
  const { version, arch, versions } = process;
  console.log(`SRTP, ns a packet. Node ${version}, OpenSSL ${versions.openssl}, ${arch}.`);
  console.log(`${''.padEnd(48)}    own node:crypto    ratio  plain FFI    ratio`);
  for (const { name, own, nodeCrypto, plain } of figures) {
    const others = `${beside(own, nodeCrypto)}${beside(own, plain)}`;
    console.log(`${name.padEnd(48)}${own.toFixed(0).padStart(7)}${others}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  print(run(process.argv.includes('--small')));
}
