// Identifiers and secrets: the one place of signaling that asks for randomness.

import { randomBytes } from 'node:crypto';

/** Bits of a session secret; guessing one is as hard as guessing a key. */
const SECRET_BYTES = 32;

export const participantSid = (): string => `PA_${randomBytes(12).toString('base64url')}`;
export const roomSid = (): string => `RM_${randomBytes(12).toString('base64url')}`;
/** Where rooms are at several nodes it says at which one the session is, so that a resume finds it. */
export const sessionId = (node: string | null): string =>
  `SE_${node === null ? '' : `${node}.`}${randomBytes(12).toString('base64url')}`;
/** Undefined for an id that was made where there is one node. */
export const nodeOfSession = (id: string): string | undefined => /^SE_([\w-]+)\./.exec(id)?.[1];
export const sessionSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');
export const trackSid = (): string => `TR_${randomBytes(12).toString('base64url')}`;
export const tokenId = (): string => randomBytes(16).toString('base64url');
