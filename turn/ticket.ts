// The value of MOBILITY-TICKET (RFC 8016 s3.3): which allocation it is for and at which worker, sealed with AES-256-GCM
// under a key that the workers of this process share. Nobody else can read one, make one or change one.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const ID_BYTES = 10;
/** Worker, serial and identifier. */
const BODY_BYTES = 2 + 4 + ID_BYTES;
const TICKET_BYTES = IV_BYTES + BODY_BYTES + TAG_BYTES;

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
    const iv = randomBytes(IV_BYTES);
    const body = Buffer.alloc(BODY_BYTES);
    body.writeUInt16BE(worker, 0);
    body.writeUInt32BE(serial, 2);
    body.write(id, 6, 'hex');
    const cipher = createCipheriv(ALGORITHM, this.#secret, iv);
    const sealed = [cipher.update(body), cipher.final()];
    return Uint8Array.from(Buffer.concat([iv, ...sealed, cipher.getAuthTag()]));
  }

  /** What a ticket says; undefined for what is none of ours. */
  open(bytes: Uint8Array): Ticket | undefined {
    if (bytes.length !== TICKET_BYTES) return undefined;
    const iv = bytes.subarray(0, IV_BYTES);
    const options = { authTagLength: TAG_BYTES };
    const decipher = createDecipheriv(ALGORITHM, this.#secret, iv, options);
    decipher.setAuthTag(bytes.subarray(IV_BYTES + BODY_BYTES));
    const body = decipher.update(bytes.subarray(IV_BYTES, IV_BYTES + BODY_BYTES));
    try {
      decipher.final();
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
