// Writes and sends every STUN response: integrity as the request had it, FINGERPRINT if the request had one.
// A reply to an unauthenticated request is as small as it can be: no SOFTWARE, no reason phrase.

import type { Engine } from '../shared/net/engine.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ATTR_SOFTWARE,
  CLASS_ERROR,
  ERROR_REASONS,
  METHOD_ALLOCATE,
  METHOD_REFRESH,
} from '../shared/stun/registry.ts';
import { StunWriter } from '../shared/stun/writer.ts';
import type { Listener } from './allocation.ts';

const SOFTWARE = 'Sterna';

/**
 * Larger than any response: two addresses, realm, nonce, software, integrity and a bounded list of unknown
 * attributes.
 */
const RESPONSE_BYTES_MAX = 2048;

/** How a request is to be answered. Kept by value where the answer comes later. */
export interface ReplyTo {
  readonly listener: Listener;
  readonly client: TransportAddress;
  readonly method: number;
  /** Holds the 12 bytes of the transaction id at `transactionOffset`. */
  readonly transaction: Uint8Array;
  readonly transactionOffset: number;
  /** The key the request was authenticated with; undefined before authentication. */
  readonly key: Uint8Array | undefined;
  /** MESSAGE-INTEGRITY-SHA256 instead of MESSAGE-INTEGRITY (RFC 8489 s9.2.4). */
  readonly sha256: boolean;
  readonly fingerprint: boolean;
}

export class Responder {
  readonly #engine: Engine;
  readonly #bytes = new Uint8Array(RESPONSE_BYTES_MAX);
  readonly #writer = new StunWriter();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Begins a response; the caller adds attributes to the writer and then calls `send`. */
  begin(to: ReplyTo, messageClass: number): StunWriter {
    return this.#writer.start(
      this.#bytes,
      0,
      to.method,
      messageClass,
      to.transaction,
      to.transactionOffset,
    );
  }

  /** Begins an error response, with the reason phrase only for a client that has authenticated. */
  beginError(to: ReplyTo, code: number): StunWriter {
    const phrase = to.key === undefined ? '' : (ERROR_REASONS.get(code) ?? '');
    return this.begin(to, CLASS_ERROR).errorCode(code, phrase);
  }

  /** An error response without further attributes. */
  refuse(to: ReplyTo, code: number): void {
    this.beginError(to, code);
    this.send(to);
  }

  send(to: ReplyTo): void {
    if (to.key !== undefined) {
      // RFC 8656 s5: in all Allocate and Refresh responses; without a key the answer stays small.
      if (to.method === METHOD_ALLOCATE || to.method === METHOD_REFRESH) {
        this.#writer.text(ATTR_SOFTWARE, SOFTWARE);
      }
      if (to.sha256) this.#writer.integritySha256(to.key);
      else this.#writer.integrity(to.key);
    }
    if (to.fingerprint) this.#writer.fingerprint();
    const { listener, client } = to;
    const total = this.#writer.finish();
    if (listener.sink === undefined) {
      this.#engine.send(listener.socket, client, this.#bytes, 0, total);
    } else listener.sink.send(client, this.#bytes, 0, total);
  }
}
