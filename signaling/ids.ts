// Identifiers and secrets: the one place of signaling that asks for randomness.

import { randomBytes } from 'node:crypto';

/** Bits of a session secret; guessing one is as hard as guessing a key. */
const SECRET_BYTES = 32;

export const participantSid = (): string => `PA_${randomBytes(12).toString('base64url')}`;
export const roomSid = (): string => `RM_${randomBytes(12).toString('base64url')}`;
export const sessionId = (): string => `SE_${randomBytes(12).toString('base64url')}`;
export const sessionSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');
export const trackSid = (): string => `TR_${randomBytes(12).toString('base64url')}`;
export const tokenId = (): string => randomBytes(16).toString('base64url');
