// Requests on their way: numbered, bounded in count and bytes, sent in order, sent again under the same id
// after a resume. Knows nothing of sockets; signal-connection.ts takes what is due and reports what was
// answered.

import type {
  AnswerMessage,
  AttrsMessage,
  DataMessage,
  ModMessage,
  MuteMessage,
  OfferMessage,
  SignalMessage,
  SimulateMessage,
  SubscribeMessage,
} from '../signaling/protocol.ts';

type Unnumbered<T> = T extends unknown ? Omit<T, 'i'> : never;

/** What is sent through the ledger: the requests that are answered by `ok`, `answer` or `error`. */
export type Request =
  | AttrsMessage
  | DataMessage
  | ModMessage
  | MuteMessage
  | OfferMessage
  | SignalMessage
  | SimulateMessage
  | SubscribeMessage;
export type RequestBody = Unnumbered<Request>;

export interface PendingRequest {
  id: number;
  text: string;
  /** On its way: handed to a socket that has not been lost since. */
  sent: boolean;
  /** Times it was refused with RATE_LIMITED. */
  refusals: number;
  readonly body: RequestBody;
  /** With the `answer`, when that is what came. */
  readonly resolve: (answer?: AnswerMessage) => void;
  readonly reject: (error: Error) => void;
}

export interface LedgerBounds {
  requestsMax: number;
  bytesMax: number;
  /**
   * Requests without an answer at once: the server remembers its last replies, and can repeat no more than
   * those.
   */
  inFlightMax: number;
}

export class RequestLedger {
  readonly #bounds: LedgerBounds;
  /** In order of id, which is the order of sending. */
  readonly #pending = new Map<number, PendingRequest>();
  #bytes = 0;
  #lastId = 0;

  constructor(bounds: LedgerBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** The next request id; also used for `join`, which is not kept here. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Adds a request; false when a bound is reached. */
  add(
    body: RequestBody,
    resolve: PendingRequest['resolve'],
    reject: PendingRequest['reject'],
  ): boolean {
    const id = this.nextId();
    const text = JSON.stringify({ ...body, i: id });
    const full =
      this.#pending.size >= this.#bounds.requestsMax ||
      this.#bytes + text.length > this.#bounds.bytesMax;
    if (full) return false;
    this.#insert({ id, text, sent: false, refusals: 0, body, resolve, reject });
    return true;
  }

  /** The oldest request that is not on its way, unless as many as allowed are. */
  nextUnsent(): PendingRequest | undefined {
    let inFlight = 0;
    for (const request of this.#pending.values()) {
      if (!request.sent) return request;
      inFlight += 1;
      if (inFlight >= this.#bounds.inFlightMax) return undefined;
    }
    return undefined;
  }

  get(id: number): PendingRequest | undefined {
    return this.#pending.get(id);
  }

  /** Takes out the request that was answered. */
  settle(id: number): PendingRequest | undefined {
    const request = this.#pending.get(id);
    if (!request) return undefined;
    this.#pending.delete(id);
    this.#bytes -= request.text.length;
    return request;
  }

  /** A request that was refused for now goes to the end, as a new one: its id has been answered. */
  postpone(request: PendingRequest): void {
    if (!this.settle(request.id)) return;
    request.id = this.nextId();
    request.text = JSON.stringify({ ...request.body, i: request.id });
    request.sent = false;
    request.refusals += 1;
    this.#insert(request);
  }

  /** After a resume everything unanswered goes out again. */
  markUnsent(): void {
    for (const request of this.#pending.values()) request.sent = false;
  }

  /** Takes out everything, oldest first. */
  drain(): PendingRequest[] {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    this.#bytes = 0;
    return all;
  }

  #insert(request: PendingRequest): void {
    this.#bytes += request.text.length;
    this.#pending.set(request.id, request);
  }
}
