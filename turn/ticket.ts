// The value of MOBILITY-TICKET (RFC 8016 s3.3): which allocation it is for and at which worker, in an AES key wrap (RFC
// 3394) under a key that the workers of this process share. Nobody else can read one, make one or change one.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Encrypts and authenticates (64 bits) without a nonce; no two tickets say the same. */
const ALGORITHM = 'id-aes256-wrap';
/** RFC 3394 s2.2.3.1. */
const INITIAL_VALUE = Buffer.alloc(8, 0xa6);
const ID_BYTES = 10;
/** Worker, serial and identifier. */
const BODY_BYTES = 2 + 4 + ID_BYTES;
const WRAPPED_BYTES = 8 + BODY_BYTES;
/** In base64: coturn's client has room for 32 bytes, and takes them for text. */
const TICKET_BYTES = (WRAPPED_BYTES / 3) * 4;

export interface Ticket {
  /** The worker that has the allocation. */
  readonly worker: number;
  /** Of the allocation; random, so that no later one is mistaken for it. */
  readonly id: string;
  /** Each ticket of an allocation has the next one: the last alone is good for a move. */
  readonly serial: number;
}

/** The identifier of an allocation in its tickets. */
export function newTicketId(): string {
  return randomBytes(ID_BYTES).toString('hex');
}

export class TicketSeal {
  readonly #secret: Uint8Array;

  /** @param secret 32 bytes */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  seal({ worker, id, serial }: Ticket): Uint8Array {
    const body = Buffer.alloc(BODY_BYTES);
    body.writeUInt16BE(worker, 0);
    body.writeUInt32BE(serial, 2);
    body.write(id, 6, 'hex');
    const wrap = createCipheriv(ALGORITHM, this.#secret, INITIAL_VALUE);
    return Uint8Array.from(Buffer.from(wrap.update(body).toString('base64url'), 'latin1'));
  }

  /** What a ticket says; undefined for what is none of ours. */
  open(bytes: Uint8Array): Ticket | undefined {
    if (bytes.length !== TICKET_BYTES) return undefined;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const wrapped = Buffer.from(text, 'base64url');
    // Other texts stand for the same bytes, and are none of ours either.
    if (wrapped.toString('base64url') !== text) return undefined;
    let body: Buffer;
    try {
      body = createDecipheriv(ALGORITHM, this.#secret, INITIAL_VALUE).update(wrapped);
    } catch {
      return undefined;
    }
    return {
      worker: body.readUInt16BE(0),
      serial: body.readUInt32BE(2),
      id: body.toString('hex', 6),
    };
  }
}
