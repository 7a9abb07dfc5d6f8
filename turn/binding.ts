// Binding (RFC 8489 s3, s12): tells a client its transport address. Unauthenticated, stateless, small.

import type { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ATTR_XOR_MAPPED_ADDRESS,
  CLASS_SUCCESS,
  ERROR_BAD_REQUEST,
  METHOD_BINDING,
} from '../shared/stun/registry.ts';
import { StunWriter } from '../shared/stun/writer.ts';
import type { Listener } from './allocation.ts';
import { DROP_UNAUTHENTICATED_CAP } from './drop-reason.ts';
import type { Exchange } from './exchange.ts';
import {
  hasUnknown,
  knownToBinding,
  knownToNatDiscovery,
  refuseUnknown,
} from './known-attributes.ts';
import { NatDiscovery } from './nat-discovery.ts';
import type { TurnState } from './turn-state.ts';

/** Header, XOR-MAPPED-ADDRESS (IPv6) and FINGERPRINT. */
const RESPONSE_BYTES_MAX = 20 + 24 + 8;

/** Answers Binding requests. Allocates: nothing per request. */
export class BindingRequests {
  readonly #state: TurnState;
  readonly #exchange: Exchange;
  readonly #discovery: NatDiscovery | undefined;
  readonly #bytes = new Uint8Array(RESPONSE_BYTES_MAX);
  readonly #writer = new StunWriter();

  /** @param exchange its reader has read each request */
  constructor(state: TurnState, exchange: Exchange) {
    const { engine, options } = state;
    this.#state = state;
    this.#exchange = exchange;
    this.#discovery =
      options.natDiscovery && new NatDiscovery(engine, options.natDiscovery, options.relays);
  }

  /** Tells of a listener that is open. */
  admit(listener: Listener): void {
    this.#discovery?.admit(listener);
  }

  request(listener: Listener, client: TransportAddress, now: number): void {
    const discovery = this.#discovery;
    if (discovery?.serves(listener) === true) {
      return this.#discoveryRequest(discovery, listener, client, now);
    }
    if (!hasUnknown(this.#exchange.reader, knownToBinding)) return this.#answer(listener, client);
    if (this.#beginCapped(listener, client, now)) {
      refuseUnknown(this.#state, this.#exchange, knownToBinding);
    }
  }

  #answer({ socket, sink }: Listener, client: TransportAddress): void {
    const { reader } = this.#exchange;
    const writer = this.#writer
      .start(this.#bytes, 0, METHOD_BINDING, CLASS_SUCCESS, reader.bytes, reader.transactionOffset)
      .xorAddress(ATTR_XOR_MAPPED_ADDRESS, client);
    if (reader.hasFingerprint) writer.fingerprint();
    const total = writer.finish();
    if (sink === undefined) this.#state.engine.send(socket, client, this.#bytes, 0, total);
    else sink.send(client, this.#bytes, 0, total);
  }

  /** RFC 5780 s6.1: what a plain request would not get is capped, for it could be a stranger's flood of others. */
  #discoveryRequest(
    discovery: NatDiscovery,
    listener: Listener,
    client: TransportAddress,
    now: number,
  ): void {
    const { reader } = this.#exchange;
    const isKnown = !hasUnknown(reader, knownToNatDiscovery);
    if (isKnown && !discovery.asksForMore(reader)) {
      discovery.answer(listener, client, reader);
      return;
    }
    if (!this.#beginCapped(listener, client, now)) return;
    if (!isKnown) refuseUnknown(this.#state, this.#exchange, knownToNatDiscovery);
    else if (!discovery.answer(listener, client, reader)) {
      this.#state.responder.refuse(this.#exchange, ERROR_BAD_REQUEST);
    }
  }

  #beginCapped(listener: Listener, client: TransportAddress, now: number): boolean {
    this.#exchange.begin(listener, client, undefined, now);
    if (this.#state.commons.unauthenticatedCap.allow(client, now)) return true;
    this.#state.drop(DROP_UNAUTHENTICATED_CAP);
    return false;
  }
}
