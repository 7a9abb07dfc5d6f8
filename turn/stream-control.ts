// What the thread that has the TCP and TLS connections of TURN clients tells a media worker, and what it hears back:
// plain values that a structured clone carries, one type each way. Whoever accepts has chosen every number before.

/** An address as a structured clone carries it. */
export interface StreamEndpoint {
  host: string;
  port: number;
}

/**
 * To a media worker. Bytes go as they come, each time in a buffer of their own; the worker finds the messages in them.
 * `local` is where the client connected to. What names a stream that is gone is ignored: the other side may not know
 * it yet.
 */
export type TurnStreamCommand =
  | {
      type: 'turn.open';
      /** Never used again. */
      stream: number;
      transport: 'tcp' | 'tls';
      local: StreamEndpoint;
      remote: StreamEndpoint;
    }
  | { type: 'turn.bytes'; stream: number; bytes: Uint8Array }
  /** So many bytes of what the worker sent have been taken over by the kernel. */
  | { type: 'turn.drained'; stream: number; bytes: number }
  | { type: 'turn.close'; stream: number };

/** From a media worker. */
export type TurnStreamEvent =
  | { type: 'turn.bytes'; stream: number; bytes: Uint8Array }
  /** So many bytes of what came have been handled: as many more may come. */
  | { type: 'turn.taken'; stream: number; bytes: number }
  /** The worker wants no more of it; what it sent before still goes out. */
  | { type: 'turn.end'; stream: number };
