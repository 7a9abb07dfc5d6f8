// A small STUN client for the doctor: requests, sent again until they are answered (RFC 8489 s6.2.1), Data
// indications. Called by: the probes of this folder. Not for the data path: it allocates as it likes.

import { randomBytes, type X509Certificate } from 'node:crypto';
import type { ListenerUrl } from '../../shared/config/network-values.ts';
import { StunReader, STUN_OK } from '../../shared/stun/reader.ts';
import {
  CLASS_ERROR,
  CLASS_INDICATION,
  CLASS_REQUEST,
  CLASS_SUCCESS,
  METHOD_DATA,
} from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import { openChannel, type StunChannel } from './stun-channel.ts';

/**
 * When a request is sent again, and when it is given up: milliseconds after the first time. Over a stream, too: it
 * loses nothing, but a server leaves strangers unanswered who ask much at once (`turn.limits.unauthorizedPerSecond`).
 */
const RESEND_MS = [250, 750, 1500] as const;
const GIVE_UP_MS = 2500;

type Write = (writer: StunWriter) => void;

class NoAnswer extends Error {}

export class StunClient {
  readonly #waiting = new Map<string, (answer: StunReader) => void>();
  #channel: StunChannel | undefined;
  #onData: ((indication: StunReader) => void) | undefined;

  static async open(server: ListenerUrl): Promise<StunClient> {
    const client = new StunClient();
    client.#channel = await openChannel(server, (bytes) => client.#receive(bytes));
    return client;
  }

  /** Resolves with the success or error response. @throws NoAnswer */
  request(method: number, write: Write): Promise<StunReader> {
    const transaction = randomBytes(12);
    const message = encode(method, CLASS_REQUEST, transaction, write);
    const id = transaction.toString('hex');
    return new Promise((resolve, reject) => {
      const send = (): void => this.#channel?.send(message);
      const timers = RESEND_MS.map((delay) => setTimeout(send, delay));
      const finish = (): void => {
        this.#waiting.delete(id);
        timers.forEach(clearTimeout);
        clearTimeout(giveUp);
      };
      const giveUp = setTimeout(() => {
        finish();
        reject(new NoAnswer('no answer'));
      }, GIVE_UP_MS);
      this.#waiting.set(id, (answer) => {
        finish();
        resolve(answer);
      });
      send();
    });
  }

  indicate(method: number, write: Write): void {
    this.#channel?.send(encode(method, CLASS_INDICATION, randomBytes(12), write));
  }

  /** The next Data indication. @throws NoAnswer */
  nextData(): Promise<StunReader> {
    return new Promise((resolve, reject) => {
      const giveUp = setTimeout(() => {
        this.#onData = undefined;
        reject(new NoAnswer('nothing was relayed'));
      }, GIVE_UP_MS);
      this.#onData = (indication) => {
        this.#onData = undefined;
        clearTimeout(giveUp);
        resolve(indication);
      };
    });
  }

  /** What the server has shown, over TLS and DTLS. */
  get certificate(): X509Certificate | undefined {
    return this.#channel?.certificate;
  }

  /** Requests that still wait are not sent again. */
  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  #receive(bytes: Buffer): void {
    const reader = new StunReader();
    if (reader.read(bytes, 0, bytes.length) !== STUN_OK) return;
    const { messageClass, method, transactionOffset } = reader;
    if (messageClass === CLASS_SUCCESS || messageClass === CLASS_ERROR) {
      const id = bytes.toString('hex', transactionOffset, transactionOffset + 12);
      this.#waiting.get(id)?.(reader);
    } else if (messageClass === CLASS_INDICATION && method === METHOD_DATA) {
      this.#onData?.(reader);
    }
  }
}

function encode(method: number, messageClass: number, transaction: Buffer, write: Write): Buffer {
  const bytes = Buffer.alloc(1500);
  const writer = new StunWriter().start(bytes, 0, method, messageClass, transaction, 0);
  write(writer);
  return bytes.subarray(0, writer.finish());
}
