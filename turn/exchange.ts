// The request being handled: one object, filled anew for each, so that handlers share it without allocating.

import type { TransportAddress } from '../shared/net/transport-address.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import type { Allocation, Listener } from './allocation.ts';
import type { ReplyTo } from './responder.ts';

export class Exchange implements ReplyTo {
  readonly reader: StunReader;
  listener!: Listener;
  client!: TransportAddress;
  /** Monotonic milliseconds. */
  now = 0;
  method = 0;
  /** The allocation of this 5-tuple, or the one that a ticket names, if there is one. */
  allocation: Allocation | undefined = undefined;
  /** The ticket names an allocation of another worker, which will look at who made it. */
  elsewhere = false;
  key: Uint8Array | undefined = undefined;
  sha256 = false;
  fingerprint = false;

  constructor(reader: StunReader) {
    this.reader = reader;
  }

  get transaction(): Uint8Array {
    return this.reader.bytes;
  }

  get transactionOffset(): number {
    return this.reader.transactionOffset;
  }

  /** Takes in the message that the reader has just read. */
  begin(
    listener: Listener,
    client: TransportAddress,
    allocation: Allocation | undefined,
    now: number,
  ): this {
    this.listener = listener;
    this.client = client;
    this.allocation = allocation;
    this.now = now;
    this.method = this.reader.method;
    this.elsewhere = false;
    this.key = undefined;
    this.sha256 = false;
    this.fingerprint = this.reader.hasFingerprint;
    return this;
  }

  /** The same reply address by value, for an answer that comes after this datagram is gone. */
  keep(transaction: Uint8Array): ReplyTo {
    return {
      listener: this.listener,
      client: this.client.copy(),
      method: this.method,
      transaction,
      transactionOffset: 0,
      key: this.key,
      sha256: this.sha256,
      fingerprint: this.fingerprint,
    };
  }
}
