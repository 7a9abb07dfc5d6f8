// Every bound and pause of the encryption, each with what it protects from. Milliseconds unless named otherwise.

/**
 * Frames under one key: the counter has 32 bits, and AES-GCM is good for as many (NIST SP 800-38D s8.3). A thousand
 * frames a second reach it after 49 days; half of it makes a new key.
 */
export const FRAMES_PER_KEY_MAX = 2 ** 32 - 1;
export const FRAMES_PER_KEY_RENEW = 2 ** 31;
/** Generations of an epoch fit a byte of each frame; then follows another epoch. */
export const GENERATION_MAX = 255;
/** Keys of one sender at once: the newest, the one before, and one that a frame has just ratcheted to. */
export const KEYS_PER_SENDER_MAX = 3;
/** A key that another one has followed opens frames that were on their way for so long. */
export const KEY_RETIRES_MS = 10_000;
/** Frames that come later than so many others are refused: all streams of a sender count together, some 200 a second. */
export const REPLAY_WINDOW_FRAMES = 4096;
/** After a frame whose key was not that of a later generation, none is tried for so long: each try is a chain of HKDF. */
export const RATCHET_PAUSE_MS = 100;
/** The sender of pictures that cannot be opened is asked for a key frame no more often than this. */
export const KEY_FRAME_ASK_MS = 500;
/** Senders whose keys the worker holds: more than a server lets into a room. */
export const SENDERS_MAX = 4096;

/** The worker has loaded after this, or not at all. */
export const WORKER_WAIT_MS = 10_000;

/** Identities that are remembered by name; no further one is believed. */
export const IDENTITIES_MAX = 4096;
/** Hellos and seals of one participant, at once and a second: each costs milliseconds of post-quantum arithmetic. */
export const COSTLY_BURST = 12;
export const COSTLY_PER_SECOND = 1;
/** Messages that wait for that arithmetic; what comes beyond them is lost, and asked for again. */
export const WAITING_MAX = 1024;
/** Messages on their way to the server at once. */
export const SENDING_MAX = 8;
/** Who has said to encrypt and of whom nothing came is asked again after this, so often. */
export const ASK_AGAIN_MS = 5_000;
export const ASKS_MAX = 3;
/** Whose frames come with a key that it has not told is asked for it, no more often than this. */
export const KEY_ASK_MS = 3_000;
/** A new key is used once the server has passed it on to all, and so much later, that it can be there. */
export const SWITCH_AFTER_MS = 200;
/** And after this in any case: somebody has left who has the old one. */
export const SWITCH_LATEST_MS = 2_000;
/** Who comes is given the next generation of a key, no more often than this: so much of what was before it may open. */
export const ADVANCE_EVERY_MS = 1_000;
