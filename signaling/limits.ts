// Every tunable bound of the signaling service, each with the abuse it stops. Milliseconds and bytes.
// What a client may count on is in LIMITS (protocol.ts); what is here is the server's own.

import { SternaError } from '../shared/errors.ts';
import { LIMITS } from './protocol.ts';

export interface SignalingLimits {
  /** From the upgrade to `joined`; stops sockets that are opened and never used. */
  authTimeoutMs: number;
  /** How long a session outlives its WebSocket; stops the room from filling with ghosts. */
  resumeMs: number;
  /** How often clients are told to ping. */
  pingEveryMs: number;
  /** Silence after which a socket is closed; stops dead connections from being written to for ever. */
  pingTimeoutMs: number;
  /** How often deadlines are looked at: one interval for the whole server, no timer per session. */
  sweepMs: number;
  /** From the close frame to destroying the socket; stops peers that never finish the closing handshake. */
  closeTimeoutMs: number;
  /** Sessions, away ones included; bounds all memory that grows with participants. */
  maxSessions: number;
  /** Sockets that have not joined, over all addresses; stops a flood from many addresses. */
  maxUnauthenticated: number;
  /** Sockets per IPv4 address or IPv6 /64; stops one host from taking all of them. */
  maxConnectionsPerAddress: { unauthenticated: number; total: number };
  /** Rooms; stops tokens for ever new rooms from filling the table. */
  maxRooms: number;
  /** Capacity of a room that was created without one; bounds the fan-out of every message. */
  maxParticipantsPerRoom: number;
  /** How long a room lives with nobody in it. */
  emptyRoomMs: number;
  /** Pushes kept per session for replay; stops an away participant from collecting a room's whole traffic. */
  pushRing: { messages: number; bytes: number };
  /** Replies kept per session, so that a request sent twice is executed once. */
  replyCache: { replies: number; bytes: number };
  /** Unsent bytes of one socket; stops a reader that stands still from filling the heap. */
  bufferedBytesMax: number;
  /** A whole WebSocket message, refused by the framing layer (close 1009) before it is collected. */
  payloadBytesMax: number;
  /** All that a socket may send before it has joined; stops half-sent frames from being parked. */
  preJoinBytesMax: number;
  /** Refused messages within the window after which the sender is closed; stops refusals from being free. */
  violationsMax: number;
  violationWindowMs: number;
  /** Changes of participants are collected this long, so that a busy room is not a message per change. */
  peopleEveryMs: number;
  /** Publishers are told to leave out encodings that nobody has wanted for so long; stops coming and going. */
  restAfterMs: number;
  /** Where a `people` message is split. */
  peopleBytesMax: number;
  /** Offers of a session; stops those that are read over and over, which costs more than their bytes. */
  offers: { perSecond: number; burst: number };
  /** What one session has simulated; stops those that would have it joining and leaving all the time. */
  simulations: { perSecond: number; burst: number };
  /** Joins of one identity to one room; stops those that come and go to make the server read offers. */
  joins: { perSecond: number; burst: number };
  /** Token buckets of a session; stop floods of small and of large messages. */
  rates: {
    messagesPerSecond: number;
    messagesBurst: number;
    bytesPerSecond: number;
    bytesBurst: number;
  };
}

export const DEFAULT_SIGNALING_LIMITS: Readonly<SignalingLimits> = {
  authTimeoutMs: 5000,
  resumeMs: 30_000,
  pingEveryMs: 5000,
  pingTimeoutMs: 15_000,
  sweepMs: 250,
  closeTimeoutMs: 1000,
  maxSessions: 10_000,
  maxUnauthenticated: 1024,
  maxConnectionsPerAddress: { unauthenticated: 256, total: 2048 },
  maxRooms: 10_000,
  maxParticipantsPerRoom: 100,
  emptyRoomMs: 60_000,
  pushRing: { messages: 512, bytes: 262_144 },
  replyCache: { replies: 256, bytes: 65_536 },
  bufferedBytesMax: 1_048_576,
  payloadBytesMax: 262_144,
  preJoinBytesMax: 131_072,
  violationsMax: 32,
  violationWindowMs: 10_000,
  peopleEveryMs: 50,
  restAfterMs: 5000,
  peopleBytesMax: 65_536,
  offers: { perSecond: 4, burst: 16 },
  simulations: { perSecond: 1, burst: 10 },
  joins: { perSecond: 2, burst: 20 },
  rates: {
    messagesPerSecond: LIMITS.ratePerSecond,
    messagesBurst: LIMITS.rateBurst,
    bytesPerSecond: LIMITS.rateBytesPerSecond,
    bytesBurst: LIMITS.rateBytesBurst,
  },
};

/** Fills in the defaults and checks the relations between bounds; throws SternaError `CONFIG_INVALID`. */
export function signalingLimits(given: Partial<SignalingLimits> = {}): SignalingLimits {
  const limits = { ...DEFAULT_SIGNALING_LIMITS, ...given };
  checkNumbers('limits', limits);
  const relations: [boolean, string][] = [
    [limits.pingTimeoutMs > limits.pingEveryMs, 'pingTimeoutMs must exceed pingEveryMs'],
    [limits.payloadBytesMax >= LIMITS.msgBytes, 'payloadBytesMax must hold a whole message'],
    [limits.preJoinBytesMax >= LIMITS.joinBytes, 'preJoinBytesMax must hold a join message'],
    [
      limits.pushRing.bytes < limits.bufferedBytesMax,
      'a replay (pushRing.bytes) must fit in bufferedBytesMax',
    ],
  ];
  for (const [holds, message] of relations) {
    if (!holds) throw new SternaError('CONFIG_INVALID', `limits: ${message}`);
  }
  return limits;
}

function checkNumbers(path: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries<unknown>({ ...value })) {
      checkNumbers(`${path}.${name}`, inner);
    }
  } else if (!Number.isFinite(value) || Number(value) <= 0) {
    throw new SternaError('CONFIG_INVALID', `${path} must be above 0, got ${String(value)}`);
  }
}
