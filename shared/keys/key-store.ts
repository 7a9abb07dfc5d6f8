// What keeps API keys that were made while the server runs: the form of one, and what a store has to do.
// Called by: the key ring; implemented by a file and by Redis.

import { z } from 'zod';

/** Shorter ones could be guessed; RFC 7518 s3.2 wants that much of an HS256 key. */
export const SECRET_CHARS_MIN = 32;

export const keyGrants = z.strictObject({
  /** The one room that they are for; left out: every room, and the server. */
  room: z.string().min(1).max(128).optional(),
  roomAdmin: z.boolean().default(false),
  roomCreate: z.boolean().default(false),
  roomList: z.boolean().default(false),
});

export const storedKey = z.strictObject({
  key: z.string().regex(/^[\w.-]{1,64}$/),
  secret: z.string().min(SECRET_CHARS_MIN).max(512),
  name: z.string().max(128).optional(),
  /** Left out: everything, and it signs tokens. With them it signs none. */
  grants: keyGrants.optional(),
  /** Unix time, milliseconds. */
  createdAt: z.number(),
  expiresAt: z.number().optional(),
});

export type KeyGrants = Readonly<z.output<typeof keyGrants>>;
export type StoredKey = Readonly<z.output<typeof storedKey>>;

export interface KeyStore {
  /** All of them, or rejects with a SternaError of one line. */
  load(): Promise<readonly StoredKey[]>;
  /** Resolves when it is kept: after that no crash loses it. */
  put(key: StoredKey): Promise<void>;
  remove(key: string): Promise<void>;
  /** Told when another process has changed something: then all is loaded anew. */
  watch(onChange: () => void): void;
}
