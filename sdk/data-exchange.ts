// Data between participants: the application's own, as events, and calls, by a topic of the SDK's. What comes before the
// application has its room waits, since nobody could listen. Owned by room.ts.

import type { RelayedDataMessage, SessionLimits } from '../signaling/protocol.ts';
import { dataDetail, dataRequest, isReserved, refuseReserved, RPC_TOPIC } from './data-message.ts';
import type { SendDataOptions } from './data-message.ts';
import { SternaClientError } from './errors.ts';
import { EARLY_DATA_MAX } from './limits.ts';
import type { Participant } from './participant.ts';
import type { RequestBody } from './request-ledger.ts';
import type { DataDetail } from './room-events.ts';
import { Rpc } from './rpc.ts';

export interface DataExchangeOptions {
  readonly participants: () => ReadonlyMap<string, Participant>;
  readonly self: () => Participant;
  readonly limits: () => SessionLimits;
  readonly request: (body: RequestBody) => Promise<unknown>;
  readonly emit: (event: 'data', detail: DataDetail) => void;
}

export class DataExchange {
  readonly rpc: Rpc;
  readonly #options: DataExchangeOptions;
  /** Null: the application listens. */
  #early: RelayedDataMessage[] | null = [];

  constructor(options: DataExchangeOptions) {
    this.#options = options;
    this.rpc = new Rpc({
      send: (payload, to) => this.#send(payload, { to, topic: RPC_TOPIC }),
      participants: options.participants,
    });
  }

  async send(payload: Uint8Array | string, options: SendDataOptions): Promise<void> {
    refuseReserved(options.topic);
    await this.#send(payload, options);
  }

  receive(message: RelayedDataMessage): void {
    if (this.#early === null) this.#hand(message);
    else if (this.#early.length < EARLY_DATA_MAX) this.#early.push(message);
  }

  /** From now on somebody listens. */
  open(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const message of early) this.#hand(message);
  }

  async #send(payload: Uint8Array | string, options: SendDataOptions): Promise<void> {
    const { self, limits, request } = this.#options;
    if (!self().permissions.canPublishData) throw new SternaClientError('NOT_ALLOWED');
    await request(dataRequest(payload, options, limits().dataBytes));
  }

  #hand(message: RelayedDataMessage): void {
    const participant = this.#options.participants().get(message.from);
    const detail = dataDetail(message, participant);
    if (!detail) return;
    const { topic, payload, direct } = detail;
    if (!isReserved(topic)) this.#options.emit('data', detail);
    else if (topic === RPC_TOPIC && participant && direct) this.rpc.receive(participant, payload);
  }
}
