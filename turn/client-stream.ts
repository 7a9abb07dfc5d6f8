// One TCP or TLS connection of a TURN client (RFC 8656 s3.1): the messages in what comes, and what it is sent.
// Called by: TurnStreams and its listeners. Allocates: a view for each message that it is sent.

import type { TransportAddress } from '../shared/net/transport-address.ts';
import type { Listener } from './allocation.ts';
import { DROP_NOT_STUN, DROP_SLOW_READER } from './drop-reason.ts';
import {
  STRANGER_MESSAGE_BYTES_MAX,
  STREAM_MESSAGE_BYTES_MAX,
  UNREAD_DATA_BYTES_MAX,
  UNREAD_RESPONSES_BYTES_MAX,
} from './limits.ts';
import { padded, StreamFraming, type StreamMessages } from './stream-framing.ts';
import { type SpareBuffers, StreamOutput } from './stream-output.ts';
import type { TurnServer } from './turn-server.ts';

/** What the streams of one worker have in common. */
export interface StreamsShared {
  readonly server: TurnServer;
  readonly channelNumberMax: number;
  readonly spare: SpareBuffers;
  /** Has `stream` looked at when the engine's turn ends. */
  touch(stream: ClientStream): void;
}

export class ClientStream implements StreamMessages {
  readonly number: number;
  readonly listener: Listener;
  readonly remote: TransportAddress;
  readonly output: StreamOutput;
  /** Bytes that were handled in this turn. */
  taken = 0;
  /** Whether it is to be looked at when the turn ends. */
  touched = false;
  /** Nothing goes in or out any more: it ends with the turn, since its own messages may still be worked on. */
  ending = false;
  readonly #shared: StreamsShared;
  readonly #framing: StreamFraming;
  #known = false;
  #now = 0;

  constructor(number: number, listener: Listener, remote: TransportAddress, shared: StreamsShared) {
    this.number = number;
    this.listener = listener;
    this.remote = remote;
    this.output = new StreamOutput(shared.spare);
    this.#shared = shared;
    this.#framing = new StreamFraming(this, shared.channelNumberMax);
  }

  get messageBytesMax(): number {
    return this.#isKnown() ? STREAM_MESSAGE_BYTES_MAX : STRANGER_MESSAGE_BYTES_MAX;
  }

  onMessage(bytes: Uint8Array, offset: number, length: number): void {
    const { server } = this.#shared;
    server.receive(this.listener, this.remote, bytes, offset, length, this.#now);
  }

  /** What came next; what is no message any more ends the stream. */
  receive(bytes: Uint8Array, now: number): void {
    if (this.ending) return;
    this.#now = now;
    const follows = this.#framing.push(bytes);
    this.taken += bytes.length;
    this.#touch();
    if (!follows && !this.ending) this.#fail(DROP_NOT_STUN);
  }

  /** A response: kept for a client that does not read, up to where that cannot be an honest one. */
  respond(bytes: Uint8Array, offset: number, length: number): void {
    const beyond = this.#isKnown() ? UNREAD_DATA_BYTES_MAX : 0;
    if (this.ending) return;
    if (this.output.unread + length > beyond + UNREAD_RESPONSES_BYTES_MAX) {
      this.#fail(DROP_SLOW_READER);
      return;
    }
    const at = this.output.extend(length);
    this.output.buffer.set(bytes.subarray(offset, offset + length), at);
    this.#touch();
  }

  /** RFC 8656 s12.5: the ChannelData message is padded with zeros, which its length does not count. */
  sendChannelData(prefix: number, bytes: Uint8Array, offset: number, length: number): void {
    const whole = 4 + length;
    const at = this.#extendData(padded(whole));
    if (at < 0) return;
    const { buffer } = this.output;
    buffer[at] = prefix >>> 24;
    buffer[at + 1] = prefix >>> 16;
    buffer[at + 2] = prefix >>> 8;
    buffer[at + 3] = prefix;
    buffer.set(bytes.subarray(offset, offset + length), at + 4);
    buffer.fill(0, at + whole, at + padded(whole));
  }

  sendIndication(
    header: Uint8Array,
    headerLength: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: number,
  ): void {
    const whole = headerLength + length;
    const at = this.#extendData(whole + padding);
    if (at < 0) return;
    const { buffer } = this.output;
    buffer.set(header.subarray(0, headerLength), at);
    buffer.set(bytes.subarray(offset, offset + length), at + headerLength);
    buffer.fill(0, at + whole, at + whole + padding);
  }

  /** Forgets what it holds. */
  close(): void {
    this.ending = true;
    this.#framing.stop();
    this.output.discard();
  }

  /** Room for data, or -1 where the client has not read enough of what it was sent before. */
  #extendData(bytes: number): number {
    if (this.ending) return -1;
    if (this.output.unread + bytes > UNREAD_DATA_BYTES_MAX) {
      this.#shared.server.drop(DROP_SLOW_READER);
      return -1;
    }
    this.#touch();
    return this.output.extend(bytes);
  }

  /** Whether it has an allocation or had one: then somebody who may relay is behind it. */
  #isKnown(): boolean {
    this.#known ||= this.listener.allocations.get(this.remote) !== undefined;
    return this.#known;
  }

  #fail(reason: number): void {
    this.ending = true;
    this.#framing.stop();
    this.#shared.server.drop(reason);
    this.#touch();
  }

  #touch(): void {
    this.#shared.touch(this);
  }
}
