// Whatever happens on the way, what comes out of a slot is one stream that a decoder can follow: random loss,
// reordering, duplicates, padding, other sources, publishers that begin anew, pauses, mutes; all numbers wrap.

import { expect, it } from 'vitest';
import { FUZZ_SEED, fuzzRuns } from '../../support/fuzz.ts';
import { Camera, type CameraPacket, type PacketTag } from '../../support/sfu-router/camera.ts';
import { generator } from '../../support/sfu-router/random.ts';
import { RouterWorld, type SentPacket } from '../../support/sfu-router/router-world.ts';
import { publishes, sends, shows } from '../../support/sfu-router/sections.ts';
import { SlotReceiver } from '../../support/sfu-router/slot-receiver.ts';

const RUNS = fuzzRuns(40);
const STEPS = 400;
/** Longer than packets of a frame wait for its last one. */
const HELD_MS = 20;
const CAMERAS = [11, 12, 13];
const SLOT_SSRC = 0x9000_0000;

/** Cameras and a slot, and a network between that loses, doubles and reorders. */
class Network {
  readonly world: RouterWorld;
  readonly receiver = new SlotReceiver();
  readonly cameras: Camera[] = [];
  readonly below: (bound: number) => number;
  epoch = 0;
  /** On their way, with the number of steps that are left. */
  #late: { camera: Camera; packet: CameraPacket; steps: number }[] = [];
  /** By camera and incarnation: how far each has come, and padding that is left out of its numbers. */
  readonly #arrived = new Map<string, { highest: number; removed: number[] }>();

  constructor(seed: number) {
    this.below = generator(seed);
    const random = generator(seed + 1);
    this.world = new RouterWorld({ random: () => random(2 ** 31) / 2 ** 31 });
  }

  receive(packet: SentPacket, epochOf: (tag: PacketTag) => string): void {
    this.receiver.receive(packet, epochOf, (tag) => this.#numberOf(tag));
  }

  send(camera: Camera, packets: readonly CameraPacket[]): void {
    const { below } = this;
    for (const packet of packets) {
      const fate = below(100);
      if (fate < 5) continue;
      if (fate < 15) this.#late.push({ camera, packet, steps: 1 + below(8) });
      else this.deliver(camera, packet);
      if (fate > 95) this.deliver(camera, packet);
    }
  }

  deliverLate(): void {
    const due = this.#late.filter((one) => --one.steps <= 0);
    this.#late = this.#late.filter(({ steps }) => steps > 0);
    for (const { camera, packet } of due) this.deliver(camera, packet);
  }

  forgetLate(): void {
    this.#late = [];
  }

  deliver(camera: Camera, packet: CameraPacket): void {
    const { tag, bytes } = packet;
    const key = `${tag.camera}/${tag.incarnation}`;
    const arrived = this.#arrived.get(key) ?? { highest: -1, removed: [] };
    this.#arrived.set(key, arrived);
    if (tag.index > arrived.highest) {
      arrived.highest = tag.index;
      if (tag.isPadding) arrived.removed.push(tag.index);
    }
    camera.transport.sendOne(bytes);
  }

  #numberOf({ camera, incarnation, index }: PacketTag): number {
    const { removed } = this.#arrived.get(`${camera}/${incarnation}`)!;
    return index - removed.filter((one) => one < index).length;
  }
}

/** A slot that is pointed at one camera, another one or none, which begin anew, pause and are muted. */
class Trial extends Network {
  readonly #subscriber;
  readonly #muted = new Set<number>();
  #bound = 0;
  /** How often each camera was muted or not. */
  readonly #mutes = new Map<number, number>();

  constructor(seed: number) {
    super(seed);
    for (const [i, number] of CAMERAS.entries()) {
      const media = publishes([sends('0', 'video')], { 0: number });
      this.cameras.push(new Camera(number, this.world.join(i + 1, media), this.below));
    }
    this.#subscriber = this.world.join(9, publishes([shows('0', 'video')], {}));
  }

  step(): void {
    const { below } = this;
    const camera = this.cameras[below(this.cameras.length)]!;
    const what = below(200);
    if (what < 4) this.#bind(below(4) === 0 ? 0 : camera.number);
    else if (what < 6) this.#mute(camera.number);
    else if (what < 8) camera.restart();
    else if (what < 10) this.#jump(camera);
    else if (what < 12) this.#pause();
    else if (what < 30) this.send(camera, [camera.padding()]);
    else for (const one of this.cameras) this.send(one, one.frame(33));
    this.deliverLate();
    this.world.advance(below(12));
    for (const one of this.cameras) one.listen();
    this.#check();
  }

  /** Without any trouble what the slot is pointed at is shown. */
  settle(): void {
    this.forgetLate();
    for (const number of this.#muted) this.#mute(number);
    if (this.#bound === 0) this.#bind(CAMERAS[0]!);
    for (let i = 0; i < 120; i++) {
      for (const camera of this.cameras) {
        for (const packet of camera.frame(33)) this.deliver(camera, packet);
        camera.listen();
      }
      this.world.advance(33);
      this.#check();
    }
    const camera = this.cameras.find(({ number }) => number === this.#bound)!;
    const shown = this.receiver.lastTag;
    if (shown?.camera !== camera.number || shown.incarnation !== camera.incarnation) {
      throw new Error('what the slot is pointed at is not shown');
    }
  }

  #bind(number: number): void {
    // What is held of a frame leaves when the slot is pointed elsewhere, and belongs to what was before.
    this.world.advance(HELD_MS);
    this.#check();
    if (number !== this.#bound) this.epoch++;
    this.#bound = number;
    this.world.bind(9, { 0: number });
  }

  #mute(number: number): void {
    const muted = !this.#muted.delete(number);
    if (muted) this.#muted.add(number);
    this.#mutes.set(number, (this.#mutes.get(number) ?? 0) + 1);
    this.world.command({ type: 'sfu.mute', publication: number, muted });
  }

  /** Two packets in a row from far behind would be a beginning, too. */
  #jump(camera: Camera): void {
    this.forgetLate();
    camera.jump();
  }

  /** Nobody sends, and nothing is as late as that. */
  #pause(): void {
    this.forgetLate();
    this.world.advance(this.below(20_000));
  }

  #check(): void {
    for (const packet of this.#subscriber.take()) {
      const epochOf = ({ camera }: PacketTag): string => `${this.epoch}/${this.#mutes.get(camera)}`;
      this.receive(packet, epochOf);
      const tag = packet.payload.length === 0 ? undefined : this.receiver.lastTag;
      if (tag === undefined) continue;
      if (tag.camera !== this.#bound) throw new Error('not what the slot is pointed at');
      if (this.#muted.has(tag.camera)) throw new Error('muted');
    }
  }
}

/** A slot that shows a camera of three encodings, which come and go. */
class LayersTrial extends Network {
  readonly #subscriber;
  readonly #sending = [true, true, true];
  /** Whether the slot is told which one to show. */
  readonly #adapts: boolean;

  constructor(seed: number, adapts = false) {
    super(seed);
    this.#adapts = adapts;
    const media = publishes([sends('0', 'video', { rids: ['q', 'h', 'f'] })], { 0: 11 });
    const transport = this.world.join(1, media);
    for (const [i, rid] of ['q', 'h', 'f'].entries()) {
      this.cameras.push(new Camera(i, transport, this.below, rid));
    }
    const section = shows('0', 'video', { tells: adapts });
    this.#subscriber = this.world.join(9, publishes([section], {}), { 0: 11 });
  }

  step(): void {
    const i = this.below(3);
    const camera = this.cameras[i]!;
    const what = this.below(200);
    if (what < 4) this.#sending[i] = !this.#sending[i];
    else if (what < 6) this.subscriberLoses();
    else if (what < 20) this.send(camera, [camera.padding()]);
    else if (what < 40 && this.#adapts) this.#want(i);
    else this.#frames();
    this.deliverLate();
    this.world.advance(10 + this.below(12));
    this.#check();
  }

  /** The best of those that send is shown. */
  settle(): void {
    if (!this.#sending.includes(true)) this.#sending[1] = true;
    this.forgetLate();
    if (this.#adapts) this.#want(2);
    for (let i = 0; i < 150; i++) {
      for (const [j, camera] of this.cameras.entries()) {
        if (this.#sending[j]) for (const packet of camera.frame(33)) this.deliver(camera, packet);
      }
      this.world.advance(33);
      this.#check();
    }
    const best = this.#sending.lastIndexOf(true);
    if (this.receiver.lastTag?.camera !== best) throw new Error('the best encoding is not shown');
  }

  subscriberLoses(): void {
    this.#subscriber.disconnect();
    this.world.advance(this.below(3000));
    this.epoch++;
    this.#subscriber.connect();
  }

  #want(wanted: number): void {
    const slots = [{ mid: '0', publication: 11, wanted }];
    this.world.command({ type: 'sfu.bind', id: 9, slots });
  }

  #frames(): void {
    for (const [i, camera] of this.cameras.entries()) {
      if (this.#sending[i]) this.send(camera, camera.frame(33));
    }
  }

  #check(): void {
    const told = this.cameras[0]!.transport.takeRtcp();
    for (const camera of this.cameras) camera.listen(told);
    for (const packet of this.#subscriber.take()) {
      if (packet.rtp.ssrc === SLOT_SSRC) this.receive(packet, () => `${this.epoch}`);
    }
  }
}

/** The same, where the slot is given now this encoding and now that one. */
class AdaptingTrial extends LayersTrial {
  constructor(seed: number) {
    super(seed, true);
  }
}

it.each([
  ['shows one camera after another', Trial],
  ['shows one encoding after another', LayersTrial],
  ['is given one encoding after another', AdaptingTrial],
])('is one stream that a decoder can follow where it %s', (_, Kind) => {
  let packets = 0;
  let segments = 0;
  for (let run = 0; run < RUNS; run++) {
    const seed = FUZZ_SEED + run;
    const trial = new Kind(seed);
    try {
      for (let step = 0; step < STEPS; step++) trial.step();
      trial.settle();
    } catch (error) {
      throw new Error(`STERNA_FUZZ_SEED=${seed}`, { cause: error });
    }
    trial.world.close();
    packets += trial.receiver.packets;
    segments += trial.receiver.segments;
  }
  // What happens does happen.
  expect(segments).toBeGreaterThan(4 * RUNS);
  expect(packets).toBeGreaterThan(100 * RUNS);
});
