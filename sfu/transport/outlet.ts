// Where packets leave: by a UDP socket of the engine, by a TCP connection that the main thread has, or by a TURN relay
// of this process. The last two are sockets to ICE as well, with numbers below zero, where no engine has any.
// Called by: IceLite, MediaTransport, Impairment. Allocates: nothing per packet.

import { Arena } from '../../shared/native/arena.ts';
import type { Engine } from '../../shared/net/engine.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import type { SfuPath } from '../control.ts';
import type { IceSink } from '../ice/check-responder.ts';
import { OUTGOING_BYTES_MAX, RELAY_ADDRESSES_MAX } from './limits.ts';

/** Whoever has the TCP connections. Bytes are copied or gone when a call returns. */
export interface StreamSink {
  /** One packet, without its length in front. */
  sendFrame(stream: number, bytes: Uint8Array, offset: number, length: number): void;
  closeStream(stream: number): void;
}

/** Whoever has the relays. Bytes are copied or gone when the call returns. */
export interface RelaySink {
  /** @param from our own address, as the relay's client knows it; `to` is where its datagrams come from */
  toRelay(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void;
  /** The relayed address of who sends from there, which may be a name inside the process; good until the next call. */
  relayedAddress(from: TransportAddress): TransportAddress;
}

function isOfEngine(socket: number): boolean {
  return socket >= 0;
}

function relaySocket(index: number): number {
  return -1 - index;
}

export function streamSocket(stream: number): number {
  return -1 - RELAY_ADDRESSES_MAX - stream;
}

/** The stream of a socket's number; -1 for any other socket. */
export function streamOf(socket: number): number {
  return socket < -RELAY_ADDRESSES_MAX ? -1 - RELAY_ADDRESSES_MAX - socket : -1;
}

export function pathOf(socket: number): SfuPath {
  if (isOfEngine(socket)) return 'udp';
  return streamOf(socket) < 0 ? 'relay' : 'tcp';
}

/** Who takes a copy of what was claimed instead of the engine. */
export type PacketSink = Pick<IceSink, 'send'>;

export class Outlet implements IceSink {
  /** Where the packet that was claimed last is to be written. */
  arena: Arena;
  readonly #engine: Engine;
  readonly #streams: StreamSink | undefined;
  readonly #relay: RelaySink | undefined;
  /** For what does not leave by the engine. */
  readonly #own = new Arena(OUTGOING_BYTES_MAX);
  /** Our own addresses that relays send to, by the number of their socket. */
  readonly #relayed: TransportAddress[] = [];
  #claimedBy = 0;
  #claimedThrough: PacketSink | undefined = undefined;
  readonly #claimedTo = new TransportAddress();
  #claimedLength = 0;

  constructor(engine: Engine, streams: StreamSink | undefined, relay: RelaySink | undefined) {
    this.#engine = engine;
    this.#streams = streams;
    this.#relay = relay;
    this.arena = this.#own;
  }

  /** The socket that stands for what relays send to that address of ours; undefined when there are too many. */
  relaySocketOf(own: TransportAddress): number | undefined {
    const relayed = this.#relayed;
    for (let i = 0; i < relayed.length; i++) if (relayed[i]!.equals(own)) return relaySocket(i);
    if (relayed.length === RELAY_ADDRESSES_MAX) return undefined;
    return relaySocket(relayed.push(own.copy()) - 1);
  }

  /** What who sends from there, by that socket, is known as outside the process; good until the next call. */
  outsideAddress(socket: number, from: TransportAddress): TransportAddress {
    if (pathOf(socket) !== 'relay') return from;
    return this.#relay?.relayedAddress(from) ?? from;
  }

  /**
   * Room for a packet of `length` bytes: where in `arena`. They are to be written at once; then `commit` or `unclaim`.
   * -1 when there is none.
   * @param through who is to have the packet then, where that is not the engine: what lies in its memory is sent
   */
  claim(socket: number, to: TransportAddress, length: number, through?: PacketSink): number {
    if (length > OUTGOING_BYTES_MAX) return -1;
    this.#claimedBy = socket;
    this.#claimedThrough = through;
    if (isOfEngine(socket) && through === undefined) {
      this.arena = this.#engine.outgoing;
      return this.#engine.claim(socket, to, length);
    }
    this.arena = this.#own;
    this.#claimedTo.set(to);
    this.#claimedLength = length;
    return 0;
  }

  /** The claimed packet is written. The engine sends it by itself. */
  commit(): void {
    const socket = this.#claimedBy;
    const through = this.#claimedThrough;
    if (isOfEngine(socket) && through === undefined) return;
    const to = this.#claimedTo;
    (through ?? this).send(socket, to, this.#own.bytes, 0, this.#claimedLength);
  }

  /** The claimed packet is not to be sent. */
  unclaim(): void {
    if (this.#claimedThrough !== undefined) return;
    if (isOfEngine(this.#claimedBy)) this.#engine.unclaim();
  }

  send(
    socket: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    if (isOfEngine(socket)) {
      this.#engine.send(socket, to, bytes, offset, length);
      return;
    }
    const stream = streamOf(socket);
    if (stream >= 0) {
      this.#streams?.sendFrame(stream, bytes, offset, length);
      return;
    }
    const own = this.#relayed[-1 - socket];
    if (own !== undefined) this.#relay?.toRelay(own, to, bytes, offset, length);
  }

  free(): void {
    this.#own.free();
  }
}
