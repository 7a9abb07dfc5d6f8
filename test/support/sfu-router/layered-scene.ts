// Somebody who publishes one stream with layers and makes a key frame when he is asked for one, and somebody who is
// shown it behind a link. Time is the world's.

import { runFor, TestLink } from './adapted.ts';
import { LayeredEncoder, layeredTag, type Structure } from './layered.ts';
import { generator } from './random.ts';
import { readRtcp } from './rtcp.ts';
import { RouterWorld, type SentPacket, type TestTransport } from './router-world.ts';
import { publishes, sends, shows } from './sections.ts';

export const FRAME_MS = 40;
const PLENTY = 20_000_000;

export class LayeredScene {
  readonly world = new RouterWorld();
  readonly subscriber: TestTransport;
  readonly link: TestLink;
  /** Whether the publisher makes the key frames that it is asked for. */
  answers = true;
  /** When it was. */
  readonly askedAt: number[] = [];
  readonly #ssrc: number;
  readonly #publisher: TestTransport;
  readonly #encoder: LayeredEncoder;
  #nextAt: number;

  /** @param ssrc of what the subscriber is sent */
  constructor(structure: Structure, ssrc: number) {
    this.#ssrc = ssrc;
    this.#encoder = new LayeredEncoder(structure, 1, generator(1));
    this.#publisher = this.world.join(1, publishes([sends('0', 'video')], { 0: 7 }));
    const section = shows('0', 'video', { tells: true, ssrc });
    this.subscriber = this.world.join(2, publishes([section], {}), { 0: 7 });
    this.link = new TestLink(this.subscriber, PLENTY);
    this.#nextAt = this.world.now;
  }

  run(ms: number): void {
    const encoder = this.#encoder;
    runFor(this.world, ms, (now) => {
      this.link.step(now);
      for (const { type } of this.#publisher.takeRtcp().flatMap((bytes) => readRtcp(bytes))) {
        if (type !== 'pli') continue;
        encoder.wantsKey = true;
        this.askedAt.push(now);
      }
      if (now < this.#nextAt) return;
      this.#nextAt += FRAME_MS;
      if (!this.answers) encoder.wantsKey = false;
      for (const bytes of encoder.next()) this.#publisher.sendOne(bytes);
    });
  }

  /** The subscriber wants to be shown that size at most. */
  want(size: number): void {
    const slots = [{ mid: '0', publication: 7, wanted: size }];
    this.world.command({ type: 'sfu.bind', id: 2, slots });
  }

  /** The spatial layer of what was sent; undefined where it is no media. */
  spatialOf({ rtp, payload }: SentPacket): number | undefined {
    return rtp.ssrc === this.#ssrc ? layeredTag(payload)?.spatial : undefined;
  }

  /** Of the last media that was sent. */
  lastSpatial(): number | undefined {
    return this.link.sent
      .map((packet) => this.spatialOf(packet))
      .findLast((spatial) => spatial !== undefined);
  }

  close(): void {
    this.world.close();
  }
}
