// What a media worker and the thread that has the TCP sockets of relays tell each other (RFC 6062): plain values that a
// structured clone carries, one type each way. A number of a relay is never used again by its worker; a connection has
// one number in the whole process, which is its CONNECTION-ID.

import type { StreamEndpoint } from './stream-control.ts';
import type { TcpMeterMemory } from './tcp-meter.ts';

/** To a media worker. What names a relay or a connection that is gone is ignored: the other side may not know it yet. */
export type TcpRelayCommand =
  | { type: 'tcp.listening'; relay: number; failure: 'in-use' | 'unavailable' | undefined }
  /** What `tcp.connect` asked for is there. */
  | { type: 'tcp.connected'; connection: number }
  /** It could not be made, or has ended. */
  | { type: 'tcp.closed'; connection: number }
  /** A peer has connected; nothing of it is read. Its number is odd, and those that workers choose are even. */
  | { type: 'tcp.incoming'; relay: number; connection: number; peer: StreamEndpoint }
  /** Some worker's client asks for a connection of ours. */
  | { type: 'tcp.bind'; stream: number; connection: number; owner: string }
  /** The answer to our `tcp.bind`: nothing more comes by this stream, or, without a connection, it is refused. */
  | { type: 'tcp.bound'; stream: number; connection: number | undefined };

/** From a media worker. */
export type TcpRelayEvent =
  | { type: 'tcp.listen'; relay: number; at: StreamEndpoint }
  /** An allocation has it: what its connections carry counts there. Comes before any of them. */
  | { type: 'tcp.own'; relay: number; meter: TcpMeterMemory }
  /** Ends all connections of the relay with it. */
  | { type: 'tcp.unlisten'; relay: number }
  | { type: 'tcp.connect'; relay: number; connection: number; peer: StreamEndpoint }
  | { type: 'tcp.close'; connection: number }
  /** An authenticated client asks for a connection, by a stream of this worker: for whoever has the connection. */
  | { type: 'tcp.bind'; stream: number; connection: number; owner: string }
  /** The answer to the `tcp.bind` of whoever has the stream. */
  | { type: 'tcp.bound'; stream: number; connection: number; granted: boolean }
  | TcpSplice;

/**
 * The client knows by what was sent before: from now on its stream and the peer's connection are one. `behind` is what
 * it sent behind its request.
 */
export interface TcpSplice {
  type: 'tcp.splice';
  stream: number;
  connection: number;
  behind: Uint8Array;
}
