// An honest meeting on a real server, whose participants see each other all the time, and what the server says of
// itself before, during and after somebody hostile is there.

import type { DtlsContext } from '../../../shared/native/dtls-context.ts';
import { mintToken } from '../../../signaling/index.ts';
import { API_KEY, Sterna } from '../e2e/sterna.ts';
import { INSPECT, Inspector } from '../fault/inspector.ts';
import { metrics, residentMiB } from '../fault/server-state.ts';
import { CERTIFICATE_B, contextOf } from '../sfu/dtls-end.ts';
import type { Wanted } from './description.ts';
import { LivePeer, type PeerSettings } from './live-peer.ts';
import { Participant } from './participant.ts';

const HONEST = 3;
/** Room for all that the honest and a hostile participant may publish. */
const SLOTS = 20;
const SETTLED_WITHIN_MS = 60_000;
const PAUSE_MS = 2;
const LOOK_EVERY_MS = 200;
const MIB = 1024 * 1024;
/** Of the whole server: what attacks would have to be worth to fill it. */
export const TRANSPORTS_MAX = 40;

export type Metrics = Awaited<ReturnType<typeof metrics>>;

export interface State {
  readonly read: Metrics;
  readonly heap: number;
  readonly residentMiB: number;
}

export class Meeting {
  readonly sterna: Sterna;
  readonly context: DtlsContext = contextOf(CERTIFICATE_B);
  readonly people: Participant[] = [];
  readonly #inspector: Inspector;
  #identities = 0;

  private constructor(sterna: Sterna, inspector: Inspector) {
    this.sterna = sterna;
    this.#inspector = inspector;
  }

  static async begin(): Promise<Meeting> {
    const sterna = await Sterna.start({
      config: {
        workers: 1,
        rooms: { maxParticipants: 200 },
        turn: { listeners: ['udp://127.0.0.1:0'], secrets: [API_KEY.secret] },
        sfu: { addresses: ['127.0.0.1'], maxTransports: TRANSPORTS_MAX },
      },
      nodeFlags: INSPECT,
    });
    const meeting = new Meeting(sterna, await Inspector.attach(sterna));
    for (let i = 1; i <= HONEST; i++) {
      const settings = meeting.settings({ sends: 1, receives: SLOTS }, `honest ${i}`);
      meeting.people.push(await Participant.join(i, settings));
    }
    return meeting;
  }

  settings(wanted: Wanted, identity = `hostile ${++this.#identities}`): PeerSettings {
    const token = mintToken({
      key: API_KEY.name,
      secret: API_KEY.secret,
      identity,
      grants: { room: 'r', roomJoin: true },
      ttlSeconds: 3600,
    });
    return { url: this.sterna.url, token, context: this.context, wanted };
  }

  hostile(wanted: Wanted): Promise<LivePeer> {
    return LivePeer.connect(this.settings(wanted));
  }

  /** Everybody sends a frame; what has come meanwhile is taken. */
  async beat(): Promise<void> {
    for (const person of this.people) person.frame();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }

  get missing(): number {
    return this.people
      .flatMap((to) => this.people.map((from) => (to === from ? 0 : to.missing(from))))
      .reduce((sum, one) => sum + one, 0);
  }

  get sent(): number {
    return this.people.reduce((sum, { sent }) => sum + sent, 0);
  }

  /** Resolves when each has all that the others have sent since it saw them first. */
  async settle(): Promise<void> {
    const deadline = performance.now() + SETTLED_WITHIN_MS;
    // The newest packets are missed when there is a newer one.
    while (this.missing > 0 && performance.now() < deadline) await this.beat();
    for (let i = 0; this.missing > 0 && i < 500; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (this.missing > 0) throw new Error(`${this.missing} honest packets never came`);
  }

  /** Sees that all see each other. */
  async warmUp(): Promise<void> {
    const deadline = performance.now() + SETTLED_WITHIN_MS;
    const blind = (): boolean => this.people.some(({ got }) => got.size < HONEST - 1);
    while (blind() && performance.now() < deadline) await this.beat();
    await this.settle();
  }

  async state(): Promise<State> {
    return {
      read: await metrics(this.sterna),
      heap: (await this.#inspector.heapOfWorker()) / MIB,
      residentMiB: residentMiB(this.sterna),
    };
  }

  /** Resolves when nobody but the honest is there any more, and nothing of anybody else. */
  async alone(): Promise<void> {
    const names = [
      'participants',
      'sfu_rooms',
      'sfu_transports',
      'sfu_publications',
      'sfu_streams',
    ];
    const expected = [HONEST, 1, HONEST, HONEST, 0].join();
    const deadline = performance.now() + SETTLED_WITHIN_MS;
    for (;;) {
      const read = await metrics(this.sterna);
      const left = names.map((name) => read(`sterna_${name}`)).join();
      if (left === expected) return;
      if (performance.now() > deadline) throw new Error(`${names.join()}: ${left} are left`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** Throws what the server complained about. */
  async end(): Promise<void> {
    for (const { peer } of this.people) await peer.leave();
    this.#inspector.close();
    await this.sterna.stop();
    this.context.free();
  }
}
