// Hostile packets for every reader of RTP, RTCP and payloads: random bytes, mutated packets, well-formed ones that
// lie about lengths. Each is read twice, between two different neighbourhoods in memory: nothing throws, no loop is
// longer than its packet allows, and a digest of all answers is the same, so no answer came from a byte outside.

import { describe, expect, it } from 'vitest';
import { DependencyDescriptor } from '../../sfu/rtp/dependency-descriptor.ts';
import { CODEC_AV1, CODEC_OTHER, isKeyFrameStart } from '../../sfu/rtp/key-frame.ts';
import { RED_BLOCKS_MAX, RedReader } from '../../sfu/rtp/red-reader.ts';
import {
  FullIntraRequests,
  isPictureLoss,
  LostPackets,
  Remb,
} from '../../sfu/rtp/rtcp-feedback.ts';
import { RtcpReader } from '../../sfu/rtp/rtcp-reader.ts';
import { ReportBlock, reportBlockCount, SenderInfo } from '../../sfu/rtp/rtcp-reports.ts';
import { Byes, Cnames } from '../../sfu/rtp/rtcp-sources.ts';
import { RTP_OK, RtpReader } from '../../sfu/rtp/rtp-reader.ts';
import { RtpWriter } from '../../sfu/rtp/rtp-writer.ts';
import { unwrapRtx } from '../../sfu/rtp/rtx.ts';
import { TransportCcReader } from '../../sfu/rtp/transport-cc-reader.ts';
import { Vp8Descriptor } from '../../sfu/rtp/vp8.ts';
import { Vp9Descriptor } from '../../sfu/rtp/vp9.ts';
import { AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80 } from '../../sfu/srtp/profile.ts';
import { SrtpReceiver } from '../../sfu/srtp/receiver.ts';
import { Arena } from '../../shared/native/arena.ts';
import { breathe, FUZZ_SEED, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { generator } from '../support/sfu-router/random.ts';
import { RTCP_SAMPLES, RTP_SAMPLES } from './rtp-samples.ts';

const INPUTS = fuzzRuns(50_000);
const MARGIN = 80;
const ROOM = 2048;

let below = generator(FUZZ_SEED);
const input = new Uint8Array(ROOM);

function put16(at: number, value: number): void {
  input[at] = value >> 8;
  input[at + 1] = value;
}

function noise(from: number, to: number): number {
  for (let i = from; i < to; i++) input[i] = below(3) === 0 ? 0 : below(256);
  return to;
}

function mutate(samples: readonly Uint8Array[]): number {
  const sample = samples[below(samples.length)]!;
  let { length } = sample;
  input.set(sample);
  for (let mutations = below(5); mutations > 0; mutations--) {
    const at = below(length || 1);
    const kind = below(7);
    if (kind === 0) input[at] = input[at]! ^ (1 << below(8));
    else if (kind === 1) input[at] = below(256);
    else if (kind === 2) input[at] = [0, 1, 0x7f, 0x80, 0xff][below(5)]!;
    else if (kind === 3) length = below(length + 1);
    else if (kind === 4) input.copyWithin(at, below(length || 1), length);
    else if (kind === 5) put16(at & ~3, below(40));
    else length = noise(length, Math.min(ROOM, length + 4 * below(30)));
  }
  return length;
}

/** A header that passes, with elements that lie here and there, and any payload. */
function rtpPacket(): number {
  const csrcs = below(4) === 0 ? below(16) : 0;
  input[0] = 0x80 | (below(3) === 0 ? 0x20 : 0) | (below(4) > 0 ? 0x10 : 0) | csrcs;
  let at = noise(1, 12 + 4 * csrcs);
  if ((input[0] & 0x10) !== 0) {
    const words = below(12);
    put16(at, [0xbede, 0xbede, 0x1000, 0x100f, below(0x10000)][below(5)]!);
    put16(at + 2, below(8) === 0 ? below(0x10000) : words);
    at = noise(at + 4, at + 4 + 4 * words);
  }
  at = noise(at, at + below(60));
  if ((input[0] & 0x20) !== 0 && below(3) > 0) input[at - 1] = below(12);
  return at;
}

const TYPES = [200, 201, 202, 203, 204, 205, 205, 205, 206, 206, 207, 210];

/** Some packets whose lengths add up, now and then not. */
function rtcpDatagram(): number {
  let at = 0;
  for (let packets = 1 + below(4); packets > 0; packets--) {
    const words = below(20);
    const type = TYPES[below(TYPES.length)]!;
    const start = at;
    at = noise(at + 4, at + 4 + 4 * words);
    const count = type >= 205 ? [1, 4, 15, below(32)][below(4)]! : below(8) === 0 ? 31 : below(4);
    input[start] = 0x80 | (below(6) === 0 ? 0x20 : 0) | count;
    input[start + 1] = type;
    put16(start + 2, below(20) === 0 ? below(0x10000) : words);
    if ((input[start] & 0x20) !== 0) input[at - 1] = 4 * below(4);
    if (type === 206 && count === 15 && words > 3) {
      input.set([0x52, 0x45, 0x4d, 0x42, below(4)], start + 12);
    }
    if (type === 205 && count === 15)
      put16(start + 14, below(3) === 0 ? below(0x10000) : below(40));
  }
  return at;
}

const mix = (digest: number, value: number): number =>
  Math.imul(digest ^ value, 0x01000193) ^ (digest >>> 15);

/** A step of a loop; throws where there are more than the bytes of a packet can mean. */
class Steps {
  #left: number;

  constructor(most: number) {
    this.#left = most;
  }

  take(goesOn: boolean): boolean {
    if (goesOn && this.#left-- <= 0) throw new Error('a loop does not end');
    return goesOn;
  }
}

const rtp = new RtpReader();
const writer = new RtpWriter();
const written = new Uint8Array(2048);
const vp8 = new Vp8Descriptor();
const vp9 = new Vp9Descriptor();
const red = new RedReader();
const descriptor = new DependencyDescriptor();
const rtcp = new RtcpReader();
const info = new SenderInfo();
const block = new ReportBlock();
const names = new Cnames();
const byes = new Byes();
const lost = new LostPackets();
const requests = new FullIntraRequests();
const remb = new Remb();
const arrivals = new TransportCcReader();

/** How often each thing was reached: the generators must keep reaching them. */
const reached = { rtp: 0, element: 0, rtcp: 0, report: 0, name: 0, feedback: 0, arrivals: 0 };
const THINGS = Object.keys(reached) as (keyof typeof reached)[];

/** All the numbers and booleans that an object shows. */
function fields(digest: number, of: object): number {
  let d = digest;
  for (const value of Object.values(of)) {
    if (typeof value === 'number') d = mix(d, value | 0);
    else if (typeof value === 'boolean') d = mix(d, value ? 1 : 2);
  }
  return d;
}

function askPayload(digest: number, bytes: Uint8Array, offset: number, length: number): number {
  let d = digest;
  for (let codec = CODEC_OTHER; codec <= CODEC_AV1; codec++) {
    d = mix(d, isKeyFrameStart(codec, bytes, offset, length) ? 1 : 0);
  }
  if (vp8.read(bytes, offset, length)) d = fields(mix(d, vp8.pictureIdMask), vp8);
  if (vp9.read(bytes, offset, length)) d = fields(mix(d, vp9.pictureIdMask), vp9);
  if (vp8.descriptorBytes > length || vp9.descriptorBytes > length) throw new Error('too long');
  if (red.read(bytes, offset, length)) {
    if (red.count > RED_BLOCKS_MAX) throw new Error('too many blocks');
    for (let i = 0; i < red.count; i++) {
      d = mix(mix(d, red.payloadTypes[i]!), red.timestampOffsets[i]!);
      const end = red.offsets[i]! + red.lengths[i]!;
      if (red.offsets[i]! < offset || end > offset + length) throw new Error('a block outside');
    }
  }
  if (descriptor.read(bytes, offset, length)) d = fields(d, descriptor);
  return d;
}

function askRtp(bytes: Uint8Array, offset: number, length: number): number {
  const result = rtp.read(bytes, offset, length);
  let d = askPayload(mix(1, result), bytes, offset, length);
  if (result !== RTP_OK) return d;
  reached.rtp++;
  const { payloadOffset, payloadBytes, paddingBytes } = rtp;
  if (payloadOffset - offset + payloadBytes + paddingBytes !== length) throw new Error('lengths');
  d = mix(mix(mix(d, rtp.ssrc | 0), rtp.timestamp | 0), rtp.sequenceNumber);
  d = mix(mix(d, payloadBytes), rtp.csrcCount);
  for (let i = -1; i <= 16; i++) d = mix(d, rtp.csrc(i) | 0);
  writer.clear().csrcsOf(rtp);
  for (let id = 0; id < 257; id++) {
    const at = rtp.extension(id);
    if (at < 0) continue;
    reached.element++;
    if (at < offset || at + rtp.extensionBytes(id) > payloadOffset) throw new Error('outside');
    d = mix(mix(d, rtp.extensionU8(id)), rtp.extensionU24(id));
    d = mix(mix(d, rtp.extensionU16(id)), rtp.text(id)?.length ?? -1);
    writer.elementOf(id, rtp, id);
  }
  const header = writer.write(written, 0);
  for (let i = 12; i < header; i++) d = mix(d, written[i]!);
  return askPayload(d, bytes, payloadOffset, payloadBytes);
}

function askRtcpPacket(digest: number, length: number): number {
  let d = mix(mix(mix(digest, rtcp.type), rtcp.senderSsrc | 0), rtcp.mediaSsrc | 0);
  if (info.read(rtcp)) d = fields(mix(d, info.middle | 0), info);
  d = mix(d, reportBlockCount(rtcp));
  for (let i = -1; i <= 32; i++) {
    if (!block.read(rtcp, i)) continue;
    reached.report++;
    d = fields(d, block);
  }
  const steps = new Steps(17 * length);
  if (names.read(rtcp)) {
    while (steps.take(names.next())) {
      reached.name++;
      d = mix(mix(d, names.ssrc | 0), names.text().length);
    }
  }
  if (byes.read(rtcp)) while (steps.take(byes.next())) d = mix(d, byes.ssrc | 0);
  if (lost.read(rtcp)) {
    for (let next = lost.next(); steps.take(next >= 0); next = lost.next()) d = mix(d, next);
    reached.feedback++;
  }
  if (requests.read(rtcp)) while (steps.take(requests.next())) d = fields(d, requests);
  if (remb.read(rtcp)) {
    reached.feedback++;
    d = mix(d, remb.bitrateBps | 0);
    while (steps.take(remb.next())) d = mix(d, remb.ssrc | 0);
  }
  if (arrivals.read(rtcp)) {
    reached.arrivals++;
    while (steps.take(arrivals.next())) d = fields(d, arrivals);
  }
  return mix(d, isPictureLoss(rtcp) ? 1 : 0);
}

function askRtcp(bytes: Uint8Array, offset: number, length: number): number {
  let d = mix(2, rtcp.read(bytes, offset, length) ? 1 : 0);
  const steps = new Steps(length);
  while (steps.take(rtcp.next())) {
    reached.rtcp++;
    const end = rtcp.bodyOffset + rtcp.bodyBytes;
    if (rtcp.offset < offset || rtcp.bodyBytes < 0 || end > offset + length) throw new Error('out');
    d = askRtcpPacket(d, length);
  }
  return d;
}

function nextInput(index: number): number {
  const kind = index % 6;
  if (kind === 0) return noise(0, below(120));
  if (kind === 1) return mutate(RTP_SAMPLES);
  if (kind === 2) return mutate(RTCP_SAMPLES);
  return kind === 3 ? rtpPacket() : rtcpDatagram();
}

/** What writes into a packet stays inside it: the canary behind it tells. */
function writeOver(bytes: Uint8Array, offset: number, length: number): void {
  for (const each of [vp8, vp9]) {
    if (each.read(bytes, offset, length)) each.writePictureId(0xffff);
  }
  vp8.writeKeyIdx(0xff);
  vp8.writeTl0PicIdx(0xff);
  if (rtp.read(bytes, offset, length) !== RTP_OK) return;
  const at = unwrapRtx(rtp, 0xffff_ffff, 0xff);
  if (at < 0) return;
  if (rtp.read(bytes, at, offset + length - at) !== RTP_OK) throw new Error('not unwrapped');
}

const hexOf = (length: number): string => Buffer.from(input.subarray(0, length)).toString('hex');

describe('RTP fuzz', () => {
  const options = { timeout: fuzzTimeoutMs(INPUTS) };
  it.each(fuzzSeeds('rtp'))(
    `${INPUTS} inputs: nothing throws, nothing outside is touched, STERNA_FUZZ_SEED=%i`,
    options,
    async (seed) => {
      below = generator(seed);
      for (const what of THINGS) reached[what] = 0;
      const zeros = new Uint8Array(ROOM + 2 * MARGIN + 16);
      const other = new Uint8Array(zeros.length);
      const outside = generator(seed ^ 0x5bd1e995);
      for (let i = 0; i < other.length; i++) other[i] = outside(256);
      const canary = other.slice();
      for (let index = 0; index < INPUTS; index++) {
        const length = nextInput(index);
        const offset = MARGIN + (index & 15);
        const packet = input.subarray(0, length);
        zeros.set(packet, offset);
        other.set(packet, offset);
        try {
          const first = mix(askRtp(zeros, offset, length), askRtcp(zeros, offset, length));
          const second = mix(askRtp(other, offset, length), askRtcp(other, offset, length));
          if (first !== second) throw new Error('the answers depend on bytes outside the packet');
          if (Buffer.compare(packet, other.subarray(offset, offset + length)) !== 0) {
            throw new Error('the packet was written to');
          }
          writeOver(other, offset, length);
        } catch (error) {
          throw new Error(`input ${index}: ${hexOf(length)}`, { cause: error });
        }
        zeros.fill(0, offset, offset + length);
        other.set(canary.subarray(offset, offset + length), offset);
        await breathe(index);
      }
      expect(Buffer.compare(other, canary)).toBe(0);
      expect(zeros.every((byte) => byte === 0)).toBe(true);
      for (const [what, times] of Object.entries(reached)) {
        expect(`${what}: ${times > INPUTS / 100 ? 'often' : times}`).toBe(`${what}: often`);
      }
    },
  );

  it.each([AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80])(
    '$name refuses them all, and leaves what lies around them alone',
    options,
    async (profile) => {
      const arena = new Arena(ROOM + 2 * MARGIN);
      arena.bytes.fill(0xc5);
      const master = { key: new Uint8Array(16), salt: new Uint8Array(profile.saltBytes) };
      const receiver = new SrtpReceiver(profile, master, 4);
      for (let index = 0; index < INPUTS / 10; index++) {
        const length = nextInput(index);
        for (const unprotect of ['unprotectRtp', 'unprotectRtcp'] as const) {
          arena.bytes.set(input.subarray(0, length), MARGIN);
          expect(receiver[unprotect](arena, MARGIN, length)).toBeLessThan(0);
        }
        arena.bytes.fill(0xc5, MARGIN, MARGIN + length);
        await breathe(index);
      }
      expect(arena.bytes.every((byte) => byte === 0xc5)).toBe(true);
      receiver.close();
      arena.free();
    },
  );
});
