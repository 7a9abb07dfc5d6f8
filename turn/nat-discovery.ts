// NAT behavior discovery (RFC 5780 s6, s7): Binding answered from two addresses and two ports of this server, to the
// port and of the length that the request asks for. Stateless; the caller caps what goes elsewhere or is padded.

import type { Engine } from '../shared/net/engine.ts';
import { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ATTR_CHANGE_REQUEST,
  ATTR_MAPPED_ADDRESS,
  ATTR_OTHER_ADDRESS,
  ATTR_PADDING,
  ATTR_RESPONSE_ORIGIN,
  ATTR_RESPONSE_PORT,
  ATTR_XOR_MAPPED_ADDRESS,
  CLASS_SUCCESS,
  METHOD_BINDING,
} from '../shared/stun/registry.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import { StunWriter } from '../shared/stun/writer.ts';
import type { Listener } from './allocation.ts';
import type { NatDiscoveryAddresses, RelayAddress } from './options.ts';

/** RFC 5780 s7.2. */
const CHANGE_IP = 0x4;
const CHANGE_PORT = 0x2;

/** A corner is a number: its bits say whether address and port are those of `alternate`. */
const ALTERNATE_PORT = 1;
const ALTERNATE_IP = 2;
const CORNERS = 4;

/** RFC 5780 s7.6: as long as the MTU of the interface, which is taken for Ethernet's. */
const PADDING_BYTES_MAX = 1500;
const PADDING = new Uint8Array(PADDING_BYTES_MAX);

/** Header, four addresses (IPv6), PADDING and FINGERPRINT. */
const RESPONSE_BYTES_MAX = 20 + 4 * 24 + 4 + PADDING_BYTES_MAX + 8;

/** Answers Binding requests to the four listeners. Allocates: nothing per request, but a view for PADDING. */
export class NatDiscovery {
  readonly #engine: Engine;
  readonly #addresses: readonly TransportAddress[];
  /** What clients are told that the addresses are. */
  readonly #shown: readonly TransportAddress[];
  readonly #listeners: (Listener | undefined)[] = Array.from({ length: CORNERS }, () => undefined);
  readonly #bytes = new Uint8Array(RESPONSE_BYTES_MAX);
  readonly #writer = new StunWriter();
  readonly #to = new TransportAddress();

  constructor(
    engine: Engine,
    { primary, alternate }: NatDiscoveryAddresses,
    relays: readonly RelayAddress[],
  ) {
    this.#engine = engine;
    this.#addresses = Array.from({ length: CORNERS }, (_, corner) => {
      const address = ((corner & ALTERNATE_IP) === 0 ? primary : alternate).copy();
      address.port = ((corner & ALTERNATE_PORT) === 0 ? primary : alternate).port;
      return address;
    });
    this.#shown = this.#addresses.map((address) => {
      const relay = relays.find(({ local }) => local.sameHost(address));
      const shown = (relay?.external ?? address).copy();
      shown.port = address.port;
      return shown;
    });
  }

  /** Takes the listener in if it is at one of the four transport addresses. */
  admit(listener: Listener): void {
    const corner = this.#addresses.findIndex((address) => address.equals(listener.address));
    if (corner >= 0) this.#listeners[corner] = listener;
  }

  /** Whether this is one of the four, and all are open: else the server has no alternate address (RFC 5780 s6). */
  serves(listener: Listener): boolean {
    return this.#listeners.includes(listener) && !this.#listeners.includes(undefined);
  }

  /** Whether the request asks for more than a plain one: an answer from elsewhere, to elsewhere, or longer. */
  asksForMore(reader: StunReader): boolean {
    return (
      reader.find(ATTR_CHANGE_REQUEST) >= 0 ||
      reader.find(ATTR_RESPONSE_PORT) >= 0 ||
      reader.find(ATTR_PADDING) >= 0
    );
  }

  /** RFC 5780 s6.1. False, and nothing is sent, for a request that is to be refused with 400. */
  answer(listener: Listener, client: TransportAddress, reader: StunReader): boolean {
    const corner = this.#listeners.indexOf(listener);
    const change = reader.find(ATTR_CHANGE_REQUEST);
    const flags = change < 0 ? 0 : reader.u32(change);
    const responsePort = reader.find(ATTR_RESPONSE_PORT);
    const port = responsePort < 0 ? client.port : reader.u16(responsePort);
    const padding = reader.find(ATTR_PADDING);
    // RFC 5780 s6.1: RESPONSE-PORT and PADDING together are refused. Nothing can be sent to port 0.
    if (flags < 0 || port <= 0 || (responsePort >= 0 && padding >= 0)) return false;
    const source =
      corner ^
      ((flags & CHANGE_IP) === 0 ? 0 : ALTERNATE_IP) ^
      ((flags & CHANGE_PORT) === 0 ? 0 : ALTERNATE_PORT);
    const writer = this.#writer
      .start(this.#bytes, 0, METHOD_BINDING, CLASS_SUCCESS, reader.bytes, reader.transactionOffset)
      .xorAddress(ATTR_XOR_MAPPED_ADDRESS, client)
      .address(ATTR_MAPPED_ADDRESS, client)
      .address(ATTR_RESPONSE_ORIGIN, this.#shown[source]!)
      .address(ATTR_OTHER_ADDRESS, this.#shown[corner ^ ALTERNATE_IP ^ ALTERNATE_PORT]!);
    if (padding >= 0) {
      // Departs from RFC 5780 s6.1, which has the MTU whatever was asked: four bytes would be answered by 1500.
      const asked = (reader.lengthAt(padding) + 3) & ~3;
      writer.data(ATTR_PADDING, PADDING, 0, Math.min(asked, PADDING_BYTES_MAX));
    }
    if (reader.hasFingerprint) writer.fingerprint();
    const to = this.#to.set(client);
    to.port = port;
    this.#engine.send(this.#listeners[source]!.socket, to, this.#bytes, 0, writer.finish());
    return true;
  }
}
