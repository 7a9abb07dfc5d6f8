// How the rooms load joins Sterna: one connection for all, offered in `join`; who has joined says how large it shows
// each camera.

import type { WebSocket } from 'ws';
import { z } from 'zod';
import { mintToken, SIGNAL_PATH } from '../../signaling/index.ts';
import { Peer } from '../sfu/peer.ts';
import { exchange } from '../signal/exchange.ts';
import { withExtensions } from './extensions.ts';
import type { Member } from './member.ts';
import type { Rooms } from './rooms.ts';
import { heardBy, layerOf, LINES, type RoomPlan, type Seat, seenBy } from './plan.ts';

const TOKEN_SECONDS = 3600;
const PING_EVERY_MS = 5000;

const joined = z.object({
  answer: z.object({
    sdp: z.string(),
    tracks: z.array(z.object({ mid: z.string(), sid: z.string() })),
  }),
});

interface Joined {
  readonly socket: WebSocket;
  readonly peer: Peer;
  /** The sid of its camera. */
  readonly camera: string | undefined;
  requests: number;
}

export interface SternaEndpoint {
  readonly url: string;
  readonly key: string;
  readonly secret: string;
}

export class SternaRooms implements Rooms {
  readonly #endpoint: SternaEndpoint;
  readonly #address: string;
  readonly #plan: RoomPlan;
  readonly #joined = new Map<number, Joined>();
  readonly #pings: NodeJS.Timeout;

  constructor(endpoint: SternaEndpoint, address: string, plan: RoomPlan) {
    this.#endpoint = endpoint;
    this.#address = address;
    this.#plan = plan;
    this.#pings = setInterval(() => {
      for (const { socket } of this.#joined.values()) socket.send('{"type":"ping","t":0}');
    }, PING_EVERY_MS);
  }

  async join(member: Member, seats: readonly Seat[]): Promise<number> {
    const { seat, identity } = member;
    const peer = new Peer(identity, this.#address);
    member.sendBy(peer);
    const [audio, video] = [heardBy(seat, seats, this.#plan).length, seenBy(seat, seats).length];
    for (let i = 0; i < audio; i++) member.inbox.take(peer.addReceiver('audio', `a${i}`));
    for (let i = 0; i < video; i++) member.inbox.take(peer.addReceiver('video', `v${i}`));
    const sdp = withExtensions(await peer.offer(), true);
    const { url, key, secret } = this.#endpoint;
    const grants = { room: `room-${seat.room}`, roomJoin: true };
    const token = mintToken({ key, secret, identity, grants, ttlSeconds: TOKEN_SECONDS });
    const tracks = [
      { mid: 'audio', source: 'microphone' },
      ...(seat.hasCamera ? [{ mid: 'video', source: 'camera' }] : []),
    ];
    const want = { audio, video };
    const message = { type: 'join', i: 1, token, offer: { id: 1, sdp }, tracks, want };
    const { answerMs, socket, answer } = await exchange(
      `${url.replace(/^http/, 'ws')}${SIGNAL_PATH}`,
      JSON.stringify(message),
      '"joined"',
    );
    const told = joined.parse(JSON.parse(answer.toString())).answer;
    peer.accept(told.sdp);
    const camera = told.tracks.find(({ mid }) => mid === 'video')?.sid;
    this.#joined.set(seat.number, { socket, peer, camera, requests: 1 });
    return answerMs;
  }

  /** Resolves when the server has heard it. */
  async choose(member: Member, seats: readonly Seat[]): Promise<void> {
    const own = this.#joined.get(member.seat.number);
    const tracks = seenBy(member.seat, seats).flatMap(({ number }, n) => {
      const track = this.#joined.get(number)?.camera;
      const lines = LINES[layerOf(this.#plan, n)]!;
      return track === undefined ? [] : [{ track, w: Math.round((lines * 16) / 9), h: lines }];
    });
    if (own === undefined || tracks.length === 0) return;
    const i = ++own.requests;
    const heard = new Promise<void>((resolve, reject) => {
      own.socket.on('message', (data: Buffer) => {
        if (!data.includes(`"re":${i}`)) return;
        if (data.includes('"error"')) reject(new Error(data.toString()));
        else resolve();
      });
    });
    own.socket.send(JSON.stringify({ type: 'subscribe', i, tracks }));
    await heard;
    own.socket.removeAllListeners('message');
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    for (const { socket, peer } of this.#joined.values()) {
      socket.send('{"type":"leave"}');
      socket.close();
      peer.close();
    }
    await Promise.resolve();
  }
}
