// A room of 200 whose microphones are all open: a real room, real media of each participant, and a real SFU, with
// commands and events between them as they come. Time is the SFU's; signaling is told in the same tick.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_SIGNALING_LIMITS } from '../../../signaling/limits.ts';
import type { MediaOwner } from '../../../signaling/media/media-room.ts';
import type { ParticipantMedia } from '../../../signaling/media/participant-media.ts';
import { Switchboard } from '../../../signaling/media/switchboard.ts';
import { Participant } from '../../../signaling/participant.ts';
import { Room } from '../../../signaling/room.ts';
import type { Member } from '../../../signaling/room.ts';
import type { SfuCommand } from '../../../sfu/control.ts';
import { put16, put32 } from '../../../sfu/rtp/words.ts';
import { rtpPacket } from '../../support/sfu-router/packets.ts';
import { RouterWorld } from '../../support/sfu-router/router-world.ts';
import { IDS, OPUS } from '../../support/sfu-router/sections.ts';
import { AUDIO, changed, offerOf, VIDEO } from '../../support/sdp.ts';
import { RecordedPlace, RecordedPlane } from './recorded-plane.ts';
import { keptLog, testClock } from './test-clock.ts';

const PEOPLE = 200;
const K = 3;
const SLOTS = { audio: 4, video: 3 };
const FRAME_MS = 20;
const SILENCE = 127;
const SPEECH = 20;
/** Where the level stands in a packet of one: a value that is nowhere else in it. */
const LEVEL = 0x5a;
const LEVEL_AT = rtpPacket({
  ssrc: 1000,
  sequenceNumber: 0,
  timestamp: 0,
  payloadType: OPUS.payloadType,
  mid: '0',
  audioLevel: LEVEL,
}).indexOf(LEVEL);

const perm = {
  canPublish: true,
  canSubscribe: true,
  canPublishData: true,
  roomAdmin: false,
  hidden: false,
};

class Caller implements Member, MediaOwner {
  readonly participant: Participant;
  readonly sid: string;
  /** What it was told of its slots, by mid: whose track. */
  readonly slots = new Map<string, string | null>();
  pushes = 0;
  pushedBytes = 0;
  /** A packet of its microphone. */
  readonly bytes: Buffer;
  media: ParticipantMedia | undefined = undefined;
  sequence = 0;

  readonly number: number;

  constructor(number: number) {
    this.number = number;
    this.sid = `PA_${number}`;
    const identity = `i${number}`;
    this.bytes = rtpPacket({
      ssrc: 1000 + number,
      sequenceNumber: 0,
      timestamp: 0,
      payloadType: OPUS.payloadType,
      mid: '0',
      audioLevel: LEVEL,
      payload: Buffer.alloc(20),
    });
    this.participant = new Participant({
      sid: this.sid,
      identity,
      name: identity,
      joinedAt: 0,
      perm,
    });
  }

  push(body: Buffer): void {
    this.pushes++;
    this.pushedBytes += body.length;
    const message = JSON.parse(`{${body.toString()}`) as {
      type: string;
      map?: { mid: string; participant: string | null }[];
    };
    for (const { mid, participant } of message.map ?? []) this.slots.set(mid, participant);
  }

  tell(frame: string): void {
    this.pushedBytes += frame.length;
  }

  dismiss(): void {
    throw new Error('nobody is dismissed here');
  }
}

/** What the real media worker would be told goes to one that is real but for its transports. */
class LivePlace extends RecordedPlace {
  commandCount = 0;
  readonly #world: RouterWorld;

  constructor(world: RouterWorld) {
    super();
    this.#world = world;
  }

  override send(command: SfuCommand): void {
    this.commandCount++;
    this.#world.command(structuredClone(command));
    if (command.type !== 'sfu.open') return;
    const transport = this.#world.transports.get(command.id)!;
    const mids = new Map(command.media.sections.map((one) => [one.outgoing?.ssrc, one.mid]));
    const heard = new Map<string, number>();
    arrivals.set(command.id, heard);
    transport.sendRtp = ({ ssrc, headerBytes }, _from, _offset, payloadBytes) => {
      const mid = mids.get(ssrc)!;
      heard.set(mid, (heard.get(mid) ?? 0) + 1);
      return headerBytes + payloadBytes;
    };
    transport.sendRtcp = () => true;
    transport.connect();
  }
}

/** Packets since the last look, by transport and mid. */
const arrivals = new Map<number, Map<string, number>>();

const EXTENSIONS = [
  `a=extmap:${IDS.mid} urn:ietf:params:rtp-hdrext:sdes:mid`,
  `a=extmap:${IDS.audioLevel} urn:ietf:params:rtp-hdrext:ssrc-audio-level`,
];

const OFFER = offerOf([
  [...changed(AUDIO, { 'a=sendrecv': 'a=sendonly' }), ...EXTENSIONS],
  changed(VIDEO, { 'a=sendrecv': 'a=sendonly' }),
  ...Array.from({ length: SLOTS.audio + SLOTS.video }, (_, i) => [
    ...changed(i < SLOTS.audio ? AUDIO : VIDEO, {
      'a=mid:': `a=mid:${i + 2}`,
      'a=sendrecv': 'a=recvonly',
    }),
    EXTENSIONS[0]!,
  ]),
]);

class BigRoom {
  readonly world = new RouterWorld({ loudest: K });
  readonly clock = testClock();
  readonly plane = new RecordedPlane();
  readonly place = new LivePlace(this.world);
  readonly room: Room<Caller>;
  readonly callers: Caller[] = [];
  /** -dBov; the others are silent. */
  readonly levels = new Map<number, number>();
  /** What signaling has taken for each of these events, milliseconds. */
  readonly spent: number[] = [];
  #frames = 0;

  constructor() {
    this.plane.current = this.place;
    const options = { name: 'r', maxParticipants: PEOPLE, emptyTimeoutMs: 0, meta: '' };
    const board = new Switchboard(this.plane, keptLog().log);
    this.room = new Room<Caller>(options, this.clock, DEFAULT_SIGNALING_LIMITS, board);
  }

  enter(): void {
    const caller = new Caller(this.callers.length);
    this.callers.push(caller);
    this.room.add(caller);
    caller.media = this.room.media!.add(caller);
    caller.media.want(SLOTS);
    const plan = caller.media.plan({ id: 0, sdp: OFFER, tracks: 'all' });
    if ('reason' in plan) throw new Error(plan.message);
    for (const { mid, participant } of caller.media.accept(plan).bind) {
      caller.slots.set(mid, participant);
    }
  }

  /** A frame of every microphone, and what comes of it. */
  frame(): void {
    this.#frames++;
    for (const caller of this.callers) {
      const level = this.levels.get(caller.number) ?? SILENCE;
      // Those who are silent send less, so that the test takes less time.
      if (level === SILENCE && this.#frames % 5 !== 0) continue;
      const { bytes } = caller;
      put16(bytes, 2, ++caller.sequence);
      put32(bytes, 4, 960 * this.#frames);
      bytes[LEVEL_AT] = level;
      this.world.transports.get(caller.media!.transport!.id)!.sendOne(bytes);
    }
    this.world.advance(FRAME_MS);
    this.clock.advance(FRAME_MS);
    for (const event of this.world.events.splice(0)) {
      const began = performance.now();
      if (event.type !== 'sfu.watch') this.plane.emit(event);
      if (event.type === 'sfu.heard') this.spent.push(performance.now() - began);
    }
  }

  /** Timers of signaling are real. */
  async run(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += FRAME_MS) {
      this.frame();
      if (passed % 100 === 0) await new Promise((done) => setTimeout(done, 2));
    }
  }

  /** Who hears nothing of that microphone in the frame that follows, but for the one whose it is. */
  deaf(speaker: number): number[] {
    for (const heard of arrivals.values()) heard.clear();
    this.frame();
    return this.callers
      .filter(({ number, slots, media }) => {
        if (number === speaker) return false;
        const heard = arrivals.get(media!.transport!.id)!;
        const mids = [...slots].filter(([mid, sid]) => isAudio(mid) && sid === `PA_${speaker}`);
        return mids.length !== 1 || heard.get(mids[0]![0]) !== 1;
      })
      .map(({ number }) => number);
  }

  sum(of: (caller: Caller) => number): number {
    return this.callers.reduce((sum, caller) => sum + of(caller), 0);
  }

  close(): void {
    this.room.media!.close();
    this.world.close();
  }
}

const isAudio = (mid: string): boolean => Number(mid) < 2 + SLOTS.audio;

let big: BigRoom;
beforeAll(async () => {
  big = new BigRoom();
  for (let i = 0; i < PEOPLE; i++) big.enter();
  await big.run(400);
});
afterAll(() => {
  big.close();
  arrivals.clear();
});

test('who begins to speak is heard by all from the second frame on, each subscriber gets k streams', async () => {
  for (const speaker of [50, 100, 150]) {
    big.levels.set(speaker, SPEECH);
    // The frame that says so goes to signaling, which points slots; the next one is heard.
    big.frame();
    expect(big.deaf(speaker)).toEqual([]);
  }
  await big.run(1000);
  for (const speaker of [50, 100, 150]) expect(big.deaf(speaker)).toEqual([]);
  const streams = [...arrivals].map(([, heard]) => heard.size);
  expect(streams.filter((count) => count === K)).toHaveLength(PEOPLE - K);
  expect(streams.filter((count) => count === K - 1)).toHaveLength(K);
  expect(big.world.sfu.stats().quietPackets).toBeGreaterThan(0);
});

test('three who talk, and pause between words, move no slot', async () => {
  const before = big.sum(({ pushes }) => pushes);
  for (let word = 0; word < 8; word++) {
    for (const [i, speaker] of [50, 100, 150].entries()) {
      if ((word + i) % 3 === 0) big.levels.delete(speaker);
      else big.levels.set(speaker, SPEECH);
    }
    await big.run(240);
  }
  expect(big.sum(({ pushes }) => pushes)).toBe(before);
});

test('their cameras are shown to all', () => {
  for (const { number, slots } of big.callers) {
    const shown = [...slots].filter(([mid]) => !isAudio(mid)).map(([, sid]) => sid);
    const others = [50, 100, 150].filter((one) => one !== number).map((one) => `PA_${one}`);
    expect(shown).toEqual(expect.arrayContaining(others));
  }
});

test('another speaker costs a message each, of some hundred bytes, and little time', async () => {
  const costs: { ms: number; pushes: number; bytes: number; commands: number }[] = [];
  for (let turn = 0; turn < 3; turn++) {
    big.levels.clear();
    await big.run(1100);
    big.spent.length = 0;
    const before = [
      big.sum(({ pushes }) => pushes),
      big.sum(({ pushedBytes }) => pushedBytes),
      big.place.commandCount,
    ] as const;
    big.levels.set(10 + turn, SPEECH);
    big.frame();
    costs.push({
      ms: big.spent.reduce((sum, ms) => sum + ms, 0),
      pushes: big.sum(({ pushes }) => pushes) - before[0],
      bytes: big.sum(({ pushedBytes }) => pushedBytes) - before[1],
      commands: big.place.commandCount - before[2],
    });
    expect(big.deaf(10 + turn)).toEqual([]);
  }
  const ms = costs.map((cost) => cost.ms).toSorted((a, b) => a - b);
  // oxlint-disable-next-line no-console -- for who looks at it
  console.log(
    `a speaker in a room of ${PEOPLE}: ${JSON.stringify(costs.at(-1))}, median ${ms[1]!.toFixed(1)} ms`,
  );
  for (const { pushes, bytes, commands } of costs) {
    expect(pushes).toBe(PEOPLE - 1);
    expect(commands).toBe(PEOPLE - 1);
    expect(bytes / pushes).toBeLessThan(200);
  }
});
