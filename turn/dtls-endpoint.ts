// One local address of a DTLS listener: its clients by their addresses, and the core's way to them. Its messages are
// datagrams as on UDP, one a record, so nothing is padded (RFC 7350 s3.2). Allocates: nothing per message.

import { PLAINTEXT_BYTES_MAX } from '../shared/native/dtls-context.ts';
import { AddressTable } from '../shared/net/address-table.ts';
import { copyBytes } from '../shared/net/copy-bytes.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import type { Listener } from './allocation.ts';
import type { ClientSink } from './client-sink.ts';
import type { DtlsClient } from './dtls-client.ts';

export class DtlsEndpoint implements ClientSink {
  /** The engine's. */
  readonly socket: number;
  readonly clients: AddressTable<DtlsClient> = new AddressTable('host-and-port');
  /** Set by who made it, before anybody comes. */
  listener!: Listener;
  /** Messages that no record holds, or whose client was gone. */
  unsent = 0;

  constructor(socket: number) {
    this.socket = socket;
  }

  send(to: TransportAddress, bytes: Uint8Array, offset: number, length: number): void {
    const client = this.#client(to, length);
    if (client === undefined) return;
    copyBytes(client.context.plaintext.bytes, 0, bytes, offset, length);
    client.write(length);
  }

  sendPrefixed(
    to: TransportAddress,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const total = 4 + length;
    const client = this.#client(to, total);
    if (client === undefined) return;
    const record = client.context.plaintext.bytes;
    record[0] = prefix >>> 24;
    record[1] = prefix >>> 16;
    record[2] = prefix >>> 8;
    record[3] = prefix;
    copyBytes(record, 4, bytes, offset, length);
    client.write(total);
  }

  sendHeaded(
    to: TransportAddress,
    header: Uint8Array,
    headerLength: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: 0 | 1 | 2 | 3,
  ): void {
    const total = headerLength + length + padding;
    const client = this.#client(to, total);
    if (client === undefined) return;
    const record = client.context.plaintext.bytes;
    copyBytes(record, 0, header, 0, headerLength);
    copyBytes(record, headerLength, bytes, offset, length);
    record.fill(0, headerLength + length, total);
    client.write(total);
  }

  #client(to: TransportAddress, length: number): DtlsClient | undefined {
    const client = this.clients.get(to);
    if (client?.connected === true && length <= PLAINTEXT_BYTES_MAX) return client;
    this.unsent++;
    return undefined;
  }
}
