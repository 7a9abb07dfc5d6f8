// An encoder of streams with layers and its references, as libvpx and libaom have them, and a decoder that knows what
// each frame refers to: whatever a forwarder leaves out, it must be able to decode what it is sent. Every payload says
// which frame it is of.

import { rtpPacket } from './packets.ts';
import { AV1, VP8, VP9 } from './sections.ts';

export type Structure = 'vp8-L1T3' | 'vp9-L3T3' | 'vp9-L3T3_KEY' | 'av1-L3T3' | 'av1-L3T3_KEY';

export interface Frame {
  id: number;
  picture: number;
  spatial: number;
  temporal: number;
  key: boolean;
  /** Identifiers of the frames that it refers to. */
  refs: number[];
  packets: number;
}

/** What a packet says of itself. */
export interface LayeredTag extends Frame {
  packet: number;
  timestamp: number;
  /** Which encoder. */
  source: number;
}

const TAG = 'TAG:';
/** The temporal layers of four pictures. */
const PATTERN = [0, 2, 1, 2];

export function layeredTag(payload: Buffer): LayeredTag | undefined {
  const at = payload.indexOf(TAG);
  return at < 0
    ? undefined
    : (JSON.parse(payload.subarray(at + TAG.length).toString()) as LayeredTag);
}

export class LayeredEncoder {
  readonly #structure: Structure;
  readonly #source: number;
  readonly #below: (bound: number) => number;
  readonly ssrc: number;
  wantsKey = true;
  #sequence: number;
  #timestamp: number;
  #picture: number;
  #tl0: number;
  #frameNumber: number;
  #id = 0;
  #phase = 0;
  /** By spatial and temporal layer: the last frame. */
  readonly #last = new Map<string, Frame>();
  #templateOffset = 0;

  constructor(structure: Structure, source: number, below: (bound: number) => number) {
    this.#structure = structure;
    this.#source = source;
    this.#below = below;
    this.ssrc = 1 + below(0x7fff_ffff);
    this.#sequence = 0x1_0000 - below(300);
    this.#timestamp = 2 ** 32 - below(2_000_000);
    this.#picture = 0x8000 - below(100);
    this.#tl0 = 256 - below(60);
    this.#frameNumber = 0x1_0000 - below(200);
  }

  get spatialLayers(): number {
    return this.#structure === 'vp8-L1T3' ? 1 : 3;
  }

  get payloadType(): number {
    if (this.#structure === 'vp8-L1T3') return VP8.payloadType;
    return (this.#structure.startsWith('vp9') ? VP9 : AV1).payloadType;
  }

  /** The packets of the next picture. */
  next(): Buffer[] {
    const key = this.wantsKey;
    this.wantsKey = false;
    if (key) {
      this.#phase = 0;
      this.#last.clear();
      this.#templateOffset = (this.#templateOffset + 20) & 63;
    }
    const temporal = PATTERN[this.#phase % 4]!;
    const phase = this.#phase++ % 4;
    this.#timestamp += 3000;
    this.#picture++;
    if (temporal === 0) this.#tl0++;
    const frames = Array.from({ length: this.spatialLayers }, (_, s) =>
      this.#frame(s, temporal, phase, key),
    );
    return frames.flatMap((frame, i) => this.#packets(frame, phase, i === frames.length - 1));
  }

  #frame(spatial: number, temporal: number, phase: number, key: boolean): Frame {
    const refs: number[] = [];
    const refer = (t: number): void => {
      const last = this.#last.get(`${spatial}/${t}`);
      if (last !== undefined) refs.push(last.id);
    };
    // The last picture of the pattern refers to the one before it of temporal layer 1.
    if (!key) refer(phase === 3 ? 1 : 0);
    const isInterLayer = key || !this.#structure.endsWith('KEY');
    if (spatial > 0 && isInterLayer) refs.push(this.#id);
    const frame: Frame = {
      id: ++this.#id,
      picture: this.#picture,
      spatial,
      temporal,
      key,
      refs,
      packets: 1 + this.#below(3),
    };
    this.#last.set(`${spatial}/${temporal}`, frame);
    return frame;
  }

  #packets(frame: Frame, phase: number, isLast: boolean): Buffer[] {
    this.#frameNumber++;
    return Array.from({ length: frame.packets }, (_, i) => {
      const start = i === 0;
      const end = i === frame.packets - 1;
      const tag: LayeredTag = {
        ...frame,
        packet: i,
        timestamp: this.#timestamp >>> 0,
        source: this.#source,
      };
      const body = Buffer.from(TAG + JSON.stringify(tag));
      return rtpPacket({
        ssrc: this.ssrc,
        sequenceNumber: this.#sequence++,
        timestamp: this.#timestamp,
        payloadType: this.payloadType,
        mid: '0',
        marker: isLast && end,
        payload: Buffer.concat([this.#head(frame, phase, start, end), body]),
        ...(this.#structure.startsWith('av1')
          ? { dependencies: this.#descriptor(frame, start, end) }
          : {}),
      });
    });
  }

  #head(frame: Frame, phase: number, start: boolean, end: boolean): Buffer {
    const { spatial, temporal, key } = frame;
    const picture = [0x80 | ((this.#picture >> 8) & 0x7f), this.#picture & 0xff];
    if (this.#structure === 'vp8-L1T3') {
      const sync = temporal > 0 && phase !== 3;
      const layer = (temporal << 6) | (sync ? 0x20 : 0) | 5;
      const header = start ? [key ? 0x10 : 0x11, 0, 0, 0x9d, 0x01, 0x2a, 0, 2, 0, 2] : [0xff];
      return Buffer.from([
        start ? 0x90 : 0x80,
        0xf0,
        ...picture,
        this.#tl0 & 0xff,
        layer,
        ...header,
      ]);
    }
    if (this.#structure.startsWith('av1')) return Buffer.from([start ? 0x10 : 0x90, 0x32]);
    const isIntra = key;
    const isReferenced = spatial < 2 && (key || !this.#structure.endsWith('KEY'));
    const hasStructure = key && spatial === 0 && start;
    const first =
      0xa0 |
      (isIntra ? 0 : 0x40) |
      (start ? 8 : 0) |
      (end ? 4 : 0) |
      (hasStructure ? 2 : 0) |
      (isReferenced ? 0 : 1);
    // U: what is above refers to nothing before.
    const up = temporal === 0 ? 0x10 : 0;
    const refersBelow = spatial > 0 && (key || !this.#structure.endsWith('KEY'));
    const layers = (temporal << 5) | up | (spatial << 1) | (refersBelow ? 1 : 0);
    return Buffer.from([
      first,
      ...picture,
      layers,
      this.#tl0 & 0xff,
      ...(hasStructure ? [2 << 5] : []),
    ]);
  }

  /** A template for each layer of a key frame and of others. */
  #descriptor({ spatial, temporal, key }: Frame, start: boolean, end: boolean): Buffer {
    const template = spatial * 4 + (key ? 0 : temporal + 1);
    const id = (template + this.#templateOffset) & 63;
    const head = [
      (start ? 0x80 : 0) | (end ? 0x40 : 0) | id,
      (this.#frameNumber >> 8) & 0xff,
      this.#frameNumber & 0xff,
    ];
    if (!(key && spatial === 0 && start)) return Buffer.from(head);
    const bits: number[] = [];
    const write = (value: number, count: number): void => {
      for (let i = count - 1; i >= 0; i--) bits.push((value >> i) & 1);
    };
    write(0b10000, 5);
    write(this.#templateOffset, 6);
    write(9 - 1, 5);
    const templates = [0, 1, 2].flatMap((s) =>
      [0, 0, 1, 2].map((t, i) => ({ s, t, isKey: i === 0 })),
    );
    for (const [i, { s, t }] of templates.entries()) {
      const after = templates[i + 1];
      if (after === undefined) write(3, 2);
      else if (after.s !== s) write(2, 2);
      else write(after.t === t ? 0 : 1, 2);
    }
    const isFull = !this.#structure.endsWith('KEY');
    for (const { s, t, isKey } of templates) {
      for (let target = 0; target < 9; target++) {
        const [ts, tt] = [Math.floor(target / 3), target % 3];
        const isNeeded = t <= tt && (ts === s || (ts > s && (isKey || isFull)));
        const isSwitch = isNeeded && t === 0 && (ts === s || isKey);
        write(isSwitch ? 2 : isNeeded ? 3 : 0, 2);
      }
    }
    for (const { isKey } of templates) write(isKey ? 0 : 0b1_0000_0, isKey ? 1 : 6);
    write(0, 3);
    write(0, 1);
    write(0, 1);
    while (bits.length % 8 !== 0) bits.push(0);
    const tail = [];
    for (let i = 0; i < bits.length; i += 8)
      tail.push(Number.parseInt(bits.slice(i, i + 8).join(''), 2));
    return Buffer.from([...head, ...tail]);
  }
}
