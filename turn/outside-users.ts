// Users whom somebody outside this thread knows (Redis, a web service): what was said of a name, and the requests
// that wait until something is. Sans-I/O: asks through a callback, and is told. Bounded; nothing waits before its
// nonce has shown that its sender is where it says (RFC 8489 s9.2).

import { LocalTier } from '../shared/cache/local-tier.ts';
import type { Clock } from '../shared/clock.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import type { Listener } from './allocation.ts';

/** What is said of a name; `unavailable`: nobody could be asked. */
export type UserAnswer = { readonly password: string } | 'unknown' | 'unavailable';

/** A password that is known already, and for how long it is good. */
export interface KnownUser {
  readonly password: string;
  readonly ttlMs: number;
}

/** Names remembered by each worker. */
const ANSWERS_MAX = 4096;

/** Requests that wait at the same time; in all, and for one name (a client and its retransmissions). */
const WAITING_MAX = 1024;
const WAITING_PER_NAME_MAX = 16;

/** The longest request that waits: one of a client has no data in it. */
const REQUEST_BYTES_MAX = 2048;

/** Whoever was asked must have answered by then; later, the name is asked for again. */
const ANSWER_WITHIN_MS = 10_000;

/** A request by value. */
export interface WaitingRequest {
  readonly listener: Listener;
  readonly client: TransportAddress;
  readonly bytes: Uint8Array;
}

interface Asked {
  readonly since: number;
  readonly requests: WaitingRequest[];
}

export class OutsideUsers {
  readonly #ask: (username: string) => void;
  readonly #known: ((username: string) => KnownUser | undefined) | undefined;
  readonly #answers: LocalTier<UserAnswer>;
  readonly #asked = new Map<string, Asked>();
  #waiting = 0;

  /**
   * @param ask has `answer` called for that name some time later, once
   * @param known looks at once whether another worker has asked
   */
  constructor(
    ask: (username: string) => void,
    clock: Clock,
    known?: (username: string) => KnownUser | undefined,
  ) {
    this.#ask = ask;
    this.#known = known;
    this.#answers = new LocalTier(ANSWERS_MAX, clock);
  }

  /** What is known of the name; undefined when it has to be asked for. */
  find(username: string): UserAnswer | undefined {
    const answer = this.#answers.get(username);
    if (answer !== undefined) return answer;
    const known = this.#known?.(username);
    if (known === undefined) return undefined;
    this.#answers.set(username, known, known.ttlMs);
    return known;
  }

  /** Lets a request wait for what is said of its user; false when it cannot. The same request waits once. */
  wait(
    username: string,
    listener: Listener,
    client: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): boolean {
    if (length > REQUEST_BYTES_MAX) return false;
    this.#forgetOld(now);
    const asked = this.#asked.get(username);
    const requests = asked?.requests ?? [];
    const request = bytes.subarray(offset, offset + length);
    if (requests.some((one) => isSame(one, listener, client, request))) return true;
    if (this.#waiting >= WAITING_MAX || requests.length >= WAITING_PER_NAME_MAX) return false;
    requests.push({ listener, client: client.copy(), bytes: request.slice() });
    this.#waiting++;
    if (asked === undefined) {
      this.#asked.set(username, { since: now, requests });
      this.#ask(username);
    }
    return true;
  }

  /** Notes what was said of a name for so long, and returns the requests that waited for it. */
  answer(username: string, answer: UserAnswer, ttlMs: number): readonly WaitingRequest[] {
    this.#answers.set(username, answer, ttlMs);
    const requests = this.#asked.get(username)?.requests ?? [];
    this.#asked.delete(username);
    this.#waiting -= requests.length;
    return requests;
  }

  /** The oldest come first: a Map keeps the order of insertion. */
  #forgetOld(now: number): void {
    for (const [username, { since, requests }] of this.#asked) {
      if (now - since < ANSWER_WITHIN_MS) return;
      this.#asked.delete(username);
      this.#waiting -= requests.length;
    }
  }
}

function isSame(
  waiting: WaitingRequest,
  listener: Listener,
  client: TransportAddress,
  bytes: Uint8Array,
): boolean {
  return (
    waiting.listener === listener &&
    waiting.client.equals(client) &&
    Buffer.compare(waiting.bytes, bytes) === 0
  );
}
