// A meeting place under random life: guests come, go, mute, publish, subscribe, vanish and come back over networks that
// lose and delay, strangers throw bytes, workers die; from a seed. Ends with everybody gone.

import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DtlsContext } from '../../../shared/native/dtls-context.ts';
import { mintToken } from '../../../signaling/index.ts';
import { API_KEY, Sterna } from '../e2e/sterna.ts';
import { INSPECT, Inspector } from '../fault/inspector.ts';
import { type Death, killWorker } from '../fault/kill-worker.ts';
import { call } from '../http-call.ts';
import { metrics, openDescriptors, residentMiB } from '../fault/server-state.ts';
import { CERTIFICATE_B, contextOf } from '../sfu/dtls-end.ts';
import { Chance } from '../turn/fuzz.ts';
import { complaintsOf, leftAt, type State, stateOf } from './baseline.ts';
import { Guest } from './guest.ts';
import { Invariants } from './invariants.ts';
import { Starvation } from './starvation.ts';

export const WORKERS = 2;
const ROOMS = ['r', 's'] as const;
/** In a room, so that 12 slots show two videos of each of the others. */
const GUESTS_MAX = 5;
const GUESTS_MIN = 2;
/** Whoever vanishes keeps the slots of others until the server gives the session up: 12 slots are for two of them. */
const VANISHED_MAX = 2;
const VANISHED_MS = 70_000;
const FRAME_EVERY_MS = 40;
const CHECK_EVERY_MS = 250;
const HEALTH_WITHIN_MS = 5000;
/** Until nothing speaks of a worker that was killed any more; one that hangs is found out first. */
const DEATH_EXCUSE_MS = 15_000;
const GONE_WITHIN_MS = 120_000;
const DEATHS: readonly Death[] = ['exit', 'throw', 'terminate', 'hang'];

export interface SoakOptions {
  readonly seed: number;
  readonly ms: number;
  /** Between two things that happen. */
  readonly everyMs: number;
  /** Between two deaths of a worker, about. */
  readonly killEveryMs: number;
  readonly say: (line: string) => void;
}

export interface SoakReport {
  readonly violations: readonly string[];
  /** What was not counted as one, since the machine had others to serve. */
  readonly excused: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly before: State;
  readonly after: State;
  readonly longestMs: number;
  readonly packets: { readonly in: number; readonly out: number };
  /** What the log complains of. */
  readonly complaints: readonly string[];
}

export class Soak {
  readonly #options: SoakOptions;
  readonly #chance: Chance;
  readonly #sterna: Sterna;
  readonly #context: DtlsContext = contextOf(CERTIFICATE_B);
  readonly #guests = new Set<Guest>();
  readonly #invariants = new Invariants(this.#guests);
  readonly #starvation: Starvation;
  readonly #vanished: { readonly room: string; readonly until: number }[] = [];
  readonly #counts = new Map<string, number>();
  readonly #underWay = new Set<Promise<unknown>>();
  #number = 0;
  /** Violations. */
  #told = 0;
  #joining = 0;

  private constructor(options: SoakOptions, sterna: Sterna) {
    this.#options = options;
    this.#chance = new Chance(options.seed);
    this.#sterna = sterna;
    this.#starvation = new Starvation(sterna.pid, process.pid);
  }

  static async run(options: SoakOptions): Promise<SoakReport> {
    const sterna = await Sterna.start({
      config: {
        engine: 'linux',
        workers: WORKERS,
        rooms: { emptyTimeout: 1 },
        turn: { listeners: ['udp://127.0.0.1:0'], secrets: [API_KEY.secret] },
        sfu: { addresses: ['127.0.0.1'], port: 0, tcp: false },
      },
      nodeFlags: INSPECT,
    });
    const soak = new Soak(options, sterna);
    try {
      return await soak.#run();
    } finally {
      for (const guest of soak.#guests) guest.vanish();
      soak.#context.free();
      await sterna.kill();
    }
  }

  async #run(): Promise<SoakReport> {
    const frames = setInterval(() => this.#frame(), FRAME_EVERY_MS);
    try {
      // What the first guests leave behind for good is no leak.
      await this.#live(Math.min(10_000, this.#options.ms / 6), false);
      await this.#empty();
      const before = await stateOf(this.#sterna, WORKERS);
      this.#counts.clear();
      await this.#live(this.#options.ms, true);
      const read = await metrics(this.#sterna);
      const packets = {
        in: read('sterna_sfu_packets_total', 'direction', 'in'),
        out: read('sterna_sfu_packets_total', 'direction', 'out'),
      };
      await this.#empty();
      const after = await stateOf(this.#sterna, WORKERS, before.descriptors);
      return {
        violations: [...this.#invariants.violations],
        excused: this.#invariants.excused,
        counts: Object.fromEntries(this.#counts),
        before,
        after,
        longestMs: this.#invariants.longestMs,
        packets,
        complaints: complaintsOf(this.#sterna),
      };
    } finally {
      clearInterval(frames);
    }
  }

  /** Lets things happen for so long. */
  async #live(ms: number, isWild: boolean): Promise<void> {
    const { everyMs, killEveryMs, say } = this.#options;
    const begun = performance.now();
    let healthAt = begun;
    let killAt = begun + killEveryMs * (0.5 + this.#chance.below(100) / 100);
    let sayAt = begun + 60_000;
    let checkedAt = begun;
    let actAt = begun;
    for (let now = begun; now - begun < ms; now = performance.now()) {
      if (now - checkedAt > CHECK_EVERY_MS) {
        const waitedMs = Math.max(now - checkedAt - CHECK_EVERY_MS, this.#starvation.look());
        checkedAt = now;
        this.#invariants.check(now, waitedMs);
      }
      if (now >= actAt) {
        actAt = now + 1 + this.#chance.below(2 * everyMs);
        this.#act(isWild);
      }
      if (now >= healthAt) {
        healthAt = now + 1000;
        this.#start('healthz', this.#askHealth());
      }
      if (isWild && now >= killAt) {
        killAt = now + killEveryMs * (0.5 + this.#chance.below(100) / 100);
        this.#start('deaths', this.#killWorker());
      }
      if (now >= sayAt) {
        sayAt = now + 60_000;
        say(await this.#progress((now - begun) / 60_000));
      }
      await sleep(10);
    }
  }

  #frame(): void {
    for (const guest of this.#guests) guest.frame();
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** A failure is one of the server's. */
  #start(what: string, done: Promise<unknown>): void {
    this.#count(what);
    const watched = done
      .catch((error: unknown) => this.#invariants.fail(`${what}: ${String(error)}`))
      .finally(() => this.#underWay.delete(watched));
    this.#underWay.add(watched);
  }

  /** One thing happens. Who vanishes is remembered for half a minute, which a short life does without. */
  #act(isWild: boolean): void {
    const chance = this.#chance;
    const guests = [...this.#guests].filter(({ isUp, isCut }) => isUp && !isCut);
    if (this.#guests.size + this.#joining < GUESTS_MIN * ROOMS.length || chance.below(6) === 0) {
      const room = chance.pick(ROOMS);
      const there = [...this.#guests].filter((guest) => guest.room === room).length;
      if (there + this.#joining < GUESTS_MAX) return this.#start('joins', this.#join(room));
    }
    if (guests.length === 0) return;
    const guest = chance.pick(guests);
    const kind = chance.below(100);
    if (kind < 7) this.#start('leaves', this.#leave(guest));
    else if (kind < 11) {
      if (isWild) this.#vanish(guest);
    } else if (kind < 21) this.#start('resumes', guest.resume(50 + chance.below(4000)));
    else if (kind < 33) {
      const source = chance.pick(guest.sources);
      this.#start('mutes', guest.mute(source, !source.muted));
    } else if (kind < 48) {
      const source = chance.pick(guest.sources);
      source.wanted = !source.wanted;
      this.#start('publishes', guest.publish());
    } else if (kind < 66) this.#start('subscribes', this.#subscribe(guest));
    else if (kind < 84) this.#layers(guest);
    else if (kind < 92) this.#network(guest);
    else this.#garbage(guest);
  }

  async #join(room: string): Promise<void> {
    const number = ++this.#number;
    this.#joining++;
    try {
      const token = mintToken({
        key: API_KEY.name,
        secret: API_KEY.secret,
        identity: `guest ${number}`,
        grants: { room, roomJoin: true },
        ttlSeconds: 3600,
      });
      const { url } = this.#sterna;
      const settings = { url, token, context: this.#context, wanted: { sends: 0, receives: 0 } };
      // What a packet meets on its way changes nothing of what happens next.
      const chance = new Chance(this.#options.seed + number);
      const guest = await Guest.join(number, room, settings, chance);
      guest.isOf = (track, from, source) => {
        const found = this.#invariants.find(track);
        return found?.publisher.number === from && found.source.index === source;
      };
      this.#guests.add(guest);
    } catch (error) {
      // Its room has no worker just now.
      if (!String(error).includes('MEDIA_UNAVAILABLE')) throw error;
      this.#count('refused');
    } finally {
      this.#joining--;
    }
  }

  #leave(guest: Guest): Promise<void> {
    this.#guests.delete(guest);
    return guest.leave();
  }

  #vanish(guest: Guest): void {
    const now = performance.now();
    const known = this.#vanished.filter(({ room, until }) => room === guest.room && until > now);
    if (known.length >= VANISHED_MAX) return;
    this.#vanished.push({ room: guest.room, until: now + VANISHED_MS });
    this.#count('vanishes');
    this.#guests.delete(guest);
    guest.vanish();
  }

  #subscribe(guest: Guest): Promise<void> {
    const chance = this.#chance;
    const others = [...this.#guests].filter(
      (other) => other !== guest && other.room === guest.room,
    );
    const tracks = others.flatMap(({ sources }) =>
      sources.flatMap(({ sid, isVideo }) => {
        if (sid === '' || chance.below(2) === 0) return [];
        const h = chance.pick([90, 180, 360, 720]);
        const size = isVideo ? { h, w: Math.round((h * 16) / 9) } : {};
        const wish = chance.below(5) === 0 ? { priority: chance.below(10) } : {};
        return [
          { track: sid, on: chance.below(4) > 0, pin: chance.below(4) === 0, ...size, ...wish },
        ];
      }),
    );
    return tracks.length === 0 ? Promise.resolve() : guest.subscribe(tracks);
  }

  /** Encodings of a camera begin and rest; one goes on always. */
  #layers({ sources }: Guest): void {
    this.#count('layers');
    const camera = sources.find(({ name }) => name === 'camera')!;
    const { encodings } = camera;
    const mask = 1 + this.#chance.below(7);
    if (encodings[0]!.live && (mask & 1) === 0) camera.loweredAt = performance.now();
    for (const [i, encoding] of encodings.entries()) {
      const live = (mask & (1 << i)) !== 0;
      if (live && !encoding.live) encoding.wantsKey = this.#chance.below(2) === 0;
      encoding.live = live;
    }
  }

  #network(guest: Guest): void {
    this.#count('networks');
    const chance = this.#chance;
    const bad = (most: number): number => (chance.below(2) === 0 ? 0 : chance.below(most));
    guest.network = { lostOut: bad(50), lateOut: bad(100), lostIn: bad(50) };
  }

  /** Of a stranger, or of a guest beside its media. */
  #garbage(guest: Guest): void {
    this.#count('garbage');
    const chance = this.#chance;
    const datagram = (): Uint8Array => {
      const bytes = chance.bytes(1 + chance.below(200));
      bytes[0] = chance.pick([0, 1, 20, 22, 63, 64, 128, 144, 200, 255]);
      return bytes;
    };
    if (chance.below(2) === 0) {
      for (let i = 0; i < 10; i++) guest.throwAtServer(datagram());
      return;
    }
    const port = guest.mediaPort;
    const stranger = createSocket('udp4');
    for (let i = 0; i < 50; i++) stranger.send(datagram(), port, '127.0.0.1');
    setTimeout(() => stranger.close(), 100);
  }

  async #killWorker(): Promise<void> {
    const death = this.#chance.pick(DEATHS);
    const worker = this.#chance.below(WORKERS);
    const died = this.#sterna.events('media.exited').length;
    this.#invariants.excusedUntil = Number.POSITIVE_INFINITY;
    const inspector = await Inspector.attach(this.#sterna, WORKERS);
    try {
      await killWorker(inspector, death, worker);
      await this.#sterna.waitForEvents('media.exited', died + 1);
    } finally {
      inspector.close();
      this.#invariants.excusedUntil = performance.now() + DEATH_EXCUSE_MS;
    }
  }

  async #askHealth(): Promise<void> {
    const late = sleep(HEALTH_WITHIN_MS, undefined, { ref: false });
    const answered = call(this.#sterna.port, 'GET', '/healthz', { connection: 'close' });
    const answer = await Promise.race([answered, late]);
    if (answer?.status !== 200) throw new Error(`status ${answer?.status}`);
  }

  /** All leave; resolves when the server knows of nobody any more, or says what it still knows. */
  async #empty(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    this.#invariants.check(performance.now(), this.#starvation.look());
    for (const guest of this.#guests) await this.#leave(guest);
    const deadline = performance.now() + GONE_WITHIN_MS;
    let left = '';
    do {
      await sleep(200);
      left = await leftAt(this.#sterna);
    } while (left !== '' && performance.now() < deadline);
    if (left !== '') this.#invariants.violations.add(`left behind: ${left}`);
  }

  async #progress(minutes: number): Promise<string> {
    const read = await metrics(this.#sterna);
    const { violations, excused, longestMs } = this.#invariants;
    for (const violation of [...violations].slice(this.#told)) this.#options.say(violation);
    this.#told = violations.size;
    const happened = [...this.#counts].map(([what, count]) => `${what} ${count}`).join(', ');
    return (
      `${minutes.toFixed(0)} min: ${this.#guests.size} guests, longest without a picture ` +
      `${longestMs.toFixed(0)} ms, ${violations.size} violations, ${excused} excused, ` +
      `packets ${read('sterna_sfu_packets_total', 'direction', 'in')} in ` +
      `${read('sterna_sfu_packets_total', 'direction', 'out')} out, ` +
      `resident ${residentMiB(this.#sterna)} MiB, descriptors ${openDescriptors(this.#sterna)}; ${happened}`
    );
  }
}
