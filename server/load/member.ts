// One bot of the load: joins, sends its synthetic media when it is due, or counts what it receives. Owned by load.ts.

import { randomBytes } from 'node:crypto';
import { mintToken } from '../../signaling/index.ts';
import type * as NodeClient from '../../sdk/node/index.ts';
import type { LoadOptions } from './options.ts';
import { readStamp, writeStamp } from './stamp.ts';
import { FRAMES_PER_SECOND, pictures, silence } from './synthetic.ts';
import type { Tally } from './tally.ts';

export type Client = Pick<typeof NodeClient, 'join' | 'packetizerOf'>;
export type Role = 'publisher' | 'subscriber';

const TOKEN_SECONDS = 24 * 3600;
const CLOCK_RATES = { video: 90_000, audio: 48_000 } as const;
/** Publishers begin at so many moments within a frame's time. */
const SPREAD = 16;
/** Of one run; several may share a room. */
const RUN = randomBytes(3).toString('hex');

interface Flow {
  dueAt: number;
  readonly everyMs: number;
  send(now: number): void;
}

export class Member {
  readonly role: Role;
  readonly #number: number;
  readonly #options: LoadOptions;
  readonly #tally: Tally;
  readonly #flows: Flow[] = [];
  readonly #received = new Set<NodeClient.RemoteTrack>();
  #room: NodeClient.Room | null = null;
  #startedAt = 0;
  /** Milliseconds from join() on; NaN before. */
  joinMs = Number.NaN;
  firstPacketMs = Number.NaN;
  sentPackets = 0;
  /** Why it could not join, or is out before the end. */
  failure: string | null = null;

  constructor(role: Role, number: number, options: LoadOptions, tally: Tally) {
    this.role = role;
    this.#number = number;
    this.#options = options;
    this.#tally = tally;
  }

  get joined(): boolean {
    return !Number.isNaN(this.joinMs);
  }

  get lost(): number {
    let lost = 0;
    for (const track of this.#received) lost += track.stats.lost;
    return lost;
  }

  get late(): number {
    let late = 0;
    for (const track of this.#received) late += track.stats.late;
    return late;
  }

  /** Never rejects: see `failure`. */
  async join(client: Client, signal: AbortSignal): Promise<void> {
    const { url, video, audio, publishers, receive } = this.#options;
    const publishes = this.role === 'publisher';
    this.#startedAt = performance.now();
    try {
      const room = await client.join(url, {
        tokenProvider: () => Promise.resolve(this.#token()),
        publish: publishes
          ? [
              ...(video ? [{ codec: 'vp8' } as const] : []),
              ...(audio ? [{ codec: 'opus' } as const] : []),
            ]
          : [],
        want: publishes
          ? { audio: 0, video: 0 }
          : { audio: audio ? publishers : 0, video: video ? Math.min(receive, publishers) : 0 },
        // A busy event loop here would look like a slow network, and latencies like the server's.
        adapt: false,
        signal,
      });
      this.#room = room;
      this.joinMs = performance.now() - this.#startedAt;
      this.#watch(room);
      for (const track of room.tracks) this.#flows.push(this.#flow(client, track));
    } catch (error) {
      this.failure = reasonOf(error);
    }
  }

  /** Sends what is due; returns by how much it was late, milliseconds. */
  send(now: number): number {
    let behindMs = 0;
    for (const flow of this.#flows) {
      if (now < flow.dueAt) continue;
      behindMs = Math.max(behindMs, now - flow.dueAt);
      flow.send(now);
      // What was missed is not made up for: that would be a burst.
      flow.dueAt = Math.max(flow.dueAt + flow.everyMs, now);
    }
    return behindMs;
  }

  leave(): void {
    this.#room?.leave();
  }

  #token(): string {
    const { key, room } = this.#options;
    return mintToken({
      key: key.name,
      secret: key.secret,
      identity: `load-${RUN}-${this.role}-${this.#number}`,
      grants: { room, roomJoin: true },
      ttlSeconds: TOKEN_SECONDS,
    });
  }

  #watch(room: NodeClient.Room): void {
    room.on('state', ({ state }) => {
      if (state === 'reconnecting') this.#tally.reconnects += 1;
    });
    room.on('closed', ({ error }) => {
      if (error) this.failure = reasonOf(error);
    });
    room.on('trackAdded', ({ track }) => this.#take(track));
  }

  #take(track: NodeClient.RemoteTrack): void {
    this.#received.add(track);
    track.on('packet', ({ payload, arrivedAt }) => {
      if (Number.isNaN(this.firstPacketMs)) this.firstPacketMs = arrivedAt - this.#startedAt;
      this.#tally.received(payload.length, arrivedAt - readStamp(payload));
    });
  }

  #flow(client: Client, track: NodeClient.LocalTrack): Flow {
    const { kind } = track;
    const everyMs = 1000 / FRAMES_PER_SECOND[kind];
    const dueAt = performance.now() + (everyMs * (this.#number % SPREAD)) / SPREAD;
    const packetize = client.packetizerOf(track.codec);
    const { key, same } = pictures(this.#options.bitrate);
    const sound = { data: silence(), isKeyFrame: true };
    let wanted = true;
    track.on('keyFrameWanted', () => {
      wanted = true;
    });
    const clockRate = CLOCK_RATES[kind];
    return {
      dueAt,
      everyMs,
      send: (now) => {
        if (!track.isOpen) return;
        const picture = wanted ? key : same;
        wanted = false;
        const timestamp = Math.round(((now - this.#startedAt) * clockRate) / 1000);
        packetize(kind === 'audio' ? sound : picture, (payload, marker) => {
          writeStamp(payload, performance.now());
          this.#count(track.send(payload, { timestamp, marker }), payload.length);
        });
      },
    };
  }

  #count(sent: boolean, bytes: number): void {
    if (!sent) {
      this.#tally.dropped += 1;
      return;
    }
    this.sentPackets += 1;
    this.#tally.sentPackets += 1;
    this.#tally.sentBytes += bytes;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'reason' in error && typeof error.reason === 'string') {
    return error.reason;
  }
  return error instanceof Error ? error.message : String(error);
}
