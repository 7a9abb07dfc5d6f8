// A session: one participant's place in a room, with or without a WebSocket under it at the moment.
// Called by: sessions.ts (its owner), the handlers, its room. Keeps what a resume needs.

import { timingSafeEqual } from 'node:crypto';
import { sessionId, sessionSecret } from './ids.ts';
import type { SignalingLimits } from './limits.ts';
import type { MediaOwner } from './media/media-room.ts';
import type { ParticipantMedia } from './media/participant-media.ts';
import type { Participant } from './participant.ts';
import { PushRing } from './push-ring.ts';
import { TokenBucket } from '../shared/token-bucket.ts';
import { Violations } from './violations.ts';
import { ReplyCache } from './reply-cache.ts';
import type { Refusal } from './refusal.ts';
import type { Member, Room } from './room.ts';
import type { SignalSocket } from './signal-socket.ts';

export interface SessionOptions {
  room: Room;
  participant: Participant;
  /** Of the VerifiedToken. */
  token: { id: string; expiresAt: number };
  /** The grant of the token. */
  maySimulate: boolean;
  socket: SignalSocket;
  /** `join.caps`. */
  caps: readonly string[];
  limits: SignalingLimits;
  /** As RoomRouter.node. */
  node: string | null;
  /** Called once, when the session is over. */
  onEnd: (session: Session, reason: string) => void;
}

export class Session implements Member, MediaOwner {
  readonly id: string;
  readonly secret: string = sessionSecret();
  readonly room: Room;
  readonly participant: Participant;
  /** See RoutedMember. */
  readonly p2p: boolean;
  readonly token: { readonly id: string; readonly expiresAt: number };
  readonly maySimulate: boolean;
  readonly caps: readonly string[];
  readonly replies: ReplyCache;
  readonly violations: Violations;
  /** The WebSocket under it; null while it is away. */
  socket: SignalSocket | null;
  /** Null in a room of mode `p2p`. */
  readonly media: ParticipantMedia | null;
  readonly #ring: PushRing;
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #offers: TokenBucket;
  readonly #simulations: TokenBucket;
  readonly #onEnd: SessionOptions['onEnd'];
  #seq = 0;
  #over = false;

  constructor(options: SessionOptions) {
    const { limits } = options;
    this.id = sessionId(options.node);
    this.room = options.room;
    this.participant = options.participant;
    this.token = options.token;
    this.maySimulate = options.maySimulate;
    this.caps = options.caps;
    this.p2p = options.caps.includes('p2p');
    this.replies = new ReplyCache(limits.replyCache.replies, limits.replyCache.bytes);
    this.violations = new Violations(limits.violationsMax, limits.violationWindowMs);
    this.#ring = new PushRing(limits.pushRing.messages, limits.pushRing.bytes);
    this.#messages = new TokenBucket(limits.rates.messagesPerSecond, limits.rates.messagesBurst);
    this.#bytes = new TokenBucket(limits.rates.bytesPerSecond, limits.rates.bytesBurst);
    this.#offers = new TokenBucket(limits.offers.perSecond, limits.offers.burst);
    const { simulations } = limits;
    this.#simulations = new TokenBucket(simulations.perSecond, simulations.burst);
    this.socket = options.socket;
    this.#onEnd = options.onEnd;
    this.media = this.room.media?.add(this) ?? null;
  }

  /** Sequence number of the newest push. */
  get seq(): number {
    return this.#seq;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Compares in constant time. */
  hasSecret(given: string): boolean {
    const expected = Buffer.from(this.secret);
    const actual = Buffer.from(given);
    return actual.length === expected.length && timingSafeEqual(actual, expected);
  }

  /** Numbers, keeps and sends one push; `body` is the message after its `{"s":<number>,`. */
  push(body: Buffer): void {
    this.#seq++;
    this.#ring.add(body);
    if (this.socket?.open === true) this.socket.send(pushFrame(this.#seq, body));
  }

  /** Sends what nobody misses, unless much waits already. */
  tell(frame: string): void {
    this.socket?.sendIfIdle(frame);
  }

  /** Whether every push after `lastSeq` is still there to be sent again. */
  canReplay(lastSeq: number): boolean {
    return lastSeq <= this.#seq && this.#ring.count >= this.#seq - lastSeq;
  }

  /** Sends every push after `lastSeq` again, in order. */
  replay(lastSeq: number): void {
    let seq = lastSeq;
    for (const body of this.#ring.newest(this.#seq - lastSeq) ?? []) {
      this.socket?.send(pushFrame(++seq, body));
    }
  }

  /** Charges one message of that size: 0, or the milliseconds to wait, and then nothing is charged. */
  charge(bytes: number, now: number): number {
    const waitMs = Math.max(this.#messages.waitMs(1, now), this.#bytes.waitMs(bytes, now));
    if (waitMs === 0) {
      this.#messages.take(1);
      this.#bytes.take(bytes);
    }
    return waitMs;
  }

  /** Charges what a message makes the server send on top of its own size. As `charge`. */
  chargeBytes(bytes: number, now: number): number {
    const waitMs = this.#bytes.waitMs(bytes, now);
    if (waitMs === 0) this.#bytes.take(bytes);
    return waitMs;
  }

  /** Charges one offer, whose reading costs more than its bytes. As `charge`. */
  chargeOffer(now: number): number {
    const waitMs = this.#offers.waitMs(1, now);
    if (waitMs === 0) this.#offers.take(1);
    return waitMs;
  }

  /** Charges one simulation. As `charge`. */
  chargeSimulation(now: number): number {
    const waitMs = this.#simulations.waitMs(1, now);
    if (waitMs === 0) this.#simulations.take(1);
    return waitMs;
  }

  /** Its client has lost all that it knew: it counts its requests anew, and wants nothing in particular. */
  beginAnew(now: number): void {
    this.replies.clear();
    this.media?.wishes.clear();
    this.room.renewRoute(this, now);
  }

  /** Ends it after `leave` or the time to resume; `reason` is what the room reads in `gone`. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.room.remove(this, reason);
    this.#onEnd(this, reason);
  }

  /** Ends it and tells its client why. */
  dismiss(why: Refusal): void {
    this.socket?.bye(why);
    this.end(why.reason);
  }
}

function pushFrame(seq: number, body: Buffer): Buffer {
  const head = `{"s":${seq},`;
  const frame = Buffer.allocUnsafe(head.length + body.length);
  frame.write(head, 'latin1');
  body.copy(frame, head.length);
  return frame;
}
