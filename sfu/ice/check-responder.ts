// Writes and sends the answers to authenticated connectivity checks (RFC 8445 s7.3), each with the integrity
// attribute that the check had (RFC 8489 s9.1.3) and FINGERPRINT, none with a reason phrase: an answer is
// smaller than its check.
// Called by: IceLite. Allocates: nothing but what node:crypto needs for one HMAC.

import type { TransportAddress } from '../../shared/net/transport-address.ts';
import type { StunReader } from '../../shared/stun/reader.ts';
import {
  ATTR_XOR_MAPPED_ADDRESS,
  CLASS_ERROR,
  CLASS_SUCCESS,
  METHOD_BINDING,
} from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import type { ConnectivityCheck } from './connectivity-check.ts';
import type { IceObserver } from './ice-session.ts';
import { UNKNOWN_ATTRIBUTES_MAX } from './limits.ts';

/** Header, ERROR-CODE, UNKNOWN-ATTRIBUTES or XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT. */
const RESPONSE_BYTES_MAX = 20 + 8 + (4 + 2 * UNKNOWN_ATTRIBUTES_MAX) + 24 + 36 + 8;

/**
 * What sends a datagram, or a frame of a stream: an engine. The bytes are copied or gone when the call
 * returns.
 */
export interface IceSink {
  send(
    socket: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void;

  /** What the mapped address of who sends from there is, where that is not `from` itself; good until the next call. */
  outsideAddress?(socket: number, from: TransportAddress): TransportAddress;
}

export class CheckResponder {
  readonly #sink: IceSink;
  readonly #bytes = new Uint8Array(RESPONSE_BYTES_MAX);
  readonly #writer = new StunWriter();

  constructor(sink: IceSink) {
    this.#sink = sink;
  }

  /** @param by whoever sends it, where that is somebody else */
  succeed(
    socket: number,
    from: TransportAddress,
    check: StunReader,
    key: Uint8Array,
    by: Pick<IceSink, 'send'> = this.#sink,
  ): void {
    const mapped = this.#sink.outsideAddress?.(socket, from) ?? from;
    this.#begin(CLASS_SUCCESS, check).xorAddress(ATTR_XOR_MAPPED_ADDRESS, mapped);
    this.#send(socket, from, check, key, by);
  }

  /** An error response; for 420 with the attributes that were not understood (RFC 8489 s6.3.1). */
  refuse(
    socket: number,
    from: TransportAddress,
    check: ConnectivityCheck<IceObserver>,
    key: Uint8Array,
    code: number,
    by: Pick<IceSink, 'send'> = this.#sink,
  ): void {
    const { message, unknown, unknownCount } = check;
    this.#begin(CLASS_ERROR, message).errorCode(code);
    if (unknownCount > 0) this.#writer.unknownAttributes(unknown, unknownCount);
    this.#send(socket, from, message, key, by);
  }

  #begin(messageClass: number, check: StunReader): StunWriter {
    const { bytes, transactionOffset } = check;
    return this.#writer.start(
      this.#bytes,
      0,
      METHOD_BINDING,
      messageClass,
      bytes,
      transactionOffset,
    );
  }

  #send(
    socket: number,
    to: TransportAddress,
    check: StunReader,
    key: Uint8Array,
    by: Pick<IceSink, 'send'>,
  ): void {
    const writer = this.#writer;
    if (check.hasIntegritySha256) writer.integritySha256(key);
    else writer.integrity(key);
    by.send(socket, to, this.#bytes, 0, writer.fingerprint().finish());
  }
}
