// Binding (RFC 8489 s3, s12): tells a client its transport address. Unauthenticated, stateless, small.

import type { Engine } from '../shared/net/engine.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import { ATTR_XOR_MAPPED_ADDRESS, CLASS_SUCCESS, METHOD_BINDING } from '../shared/stun/registry.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import { StunWriter } from '../shared/stun/writer.ts';
import type { Listener } from './allocation.ts';

/** Header, XOR-MAPPED-ADDRESS (IPv6) and FINGERPRINT. */
const RESPONSE_BYTES_MAX = 20 + 24 + 8;

/** Answers Binding requests. Allocates: nothing per request. */
export class BindingResponder {
  readonly #engine: Engine;
  readonly #bytes = new Uint8Array(RESPONSE_BYTES_MAX);
  readonly #writer = new StunWriter();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  answer({ socket, sink }: Listener, client: TransportAddress, reader: StunReader): void {
    const writer = this.#writer
      .start(this.#bytes, 0, METHOD_BINDING, CLASS_SUCCESS, reader.bytes, reader.transactionOffset)
      .xorAddress(ATTR_XOR_MAPPED_ADDRESS, client);
    if (reader.hasFingerprint) writer.fingerprint();
    const total = writer.finish();
    if (sink === undefined) this.#engine.send(socket, client, this.#bytes, 0, total);
    else sink.send(client, this.#bytes, 0, total);
  }
}
