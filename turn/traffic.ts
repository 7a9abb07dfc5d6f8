// What this worker relays and for whom, by the transport between client and server: counted as it happens, in plain
// numbers. Called by: TurnState, RelayPath. Allocates: nothing per packet.

import { CLIENT_TRANSPORTS, type ClientTransport } from './client-sink.ts';

/** Payload that was relayed, and allocations that there are. */
export interface TransportTraffic {
  allocations: number;
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
}

const ALLOCATIONS = 0;
/** To peers. */
const SENT_PACKETS = 1;
const SENT_BYTES = 2;
/** From peers. */
const RECEIVED_PACKETS = 3;
const RECEIVED_BYTES = 4;
const COUNTS = 5;

export class Traffic {
  readonly #counts = new Float64Array(COUNTS * CLIENT_TRANSPORTS.length);

  /** Where the counts of that transport begin: what the other methods want. */
  static baseOf(transport: ClientTransport): number {
    return CLIENT_TRANSPORTS.indexOf(transport) * COUNTS;
  }

  sent(base: number, bytes: number): void {
    this.#counts[base + SENT_PACKETS]!++;
    this.#counts[base + SENT_BYTES]! += bytes;
  }

  received(base: number, bytes: number): void {
    this.#counts[base + RECEIVED_PACKETS]!++;
    this.#counts[base + RECEIVED_BYTES]! += bytes;
  }

  /** What TCP connections carried (RFC 6062): bytes alone, since a stream has no packets that anybody could tell. */
  streamed(base: number, sentBytes: number, receivedBytes: number): void {
    this.#counts[base + SENT_BYTES]! += sentBytes;
    this.#counts[base + RECEIVED_BYTES]! += receivedBytes;
  }

  /** @param change 1 for an allocation that begins, -1 for one that ends */
  allocated(base: number, change: 1 | -1): void {
    this.#counts[base + ALLOCATIONS]! += change;
  }

  stats(): Record<ClientTransport, TransportTraffic> {
    return {
      udp: this.#of('udp'),
      tcp: this.#of('tcp'),
      tls: this.#of('tls'),
      dtls: this.#of('dtls'),
    };
  }

  #of(transport: ClientTransport): TransportTraffic {
    const base = Traffic.baseOf(transport);
    const at = (count: number): number => this.#counts[base + count]!;
    return {
      allocations: at(ALLOCATIONS),
      sentPackets: at(SENT_PACKETS),
      sentBytes: at(SENT_BYTES),
      receivedPackets: at(RECEIVED_PACKETS),
      receivedBytes: at(RECEIVED_BYTES),
    };
  }
}
