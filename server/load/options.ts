// What `sterna load` is asked for. Made by commands/load.ts.

export interface LoadOptions {
  readonly url: string;
  readonly room: string;
  readonly key: { readonly name: string; readonly secret: string };
  readonly publishers: number;
  readonly subscribers: number;
  readonly video: boolean;
  readonly audio: boolean;
  /** Of each picture, bits a second. */
  readonly bitrate: number;
  /** So many pictures each subscriber receives at once, at most. */
  readonly receive: number;
  /** From when all have joined. */
  readonly durationMs: number;
  /** Joins a second. */
  readonly ramp: number;
}

/** A server fills as many slots of a kind (LIMITS.slots). */
export const RECEIVE_MAX = 64;
