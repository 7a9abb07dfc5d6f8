// ClientHellos without a client: those of as many hosts as a test wants, with or without the cookie that came back.

import { DtlsCaller } from './dtls-caller.ts';
import { address } from './world.ts';

/** Offsets in a datagram with one record of one handshake message (RFC 6347 s4.1, s4.2.2). */
const RECORD_LENGTH = 11;
const RECORD_SEQUENCE_LOW = 10;
const MESSAGE_LENGTH = 14;
const MESSAGE_SEQUENCE = 17;
const FRAGMENT_LENGTH = 22;
const RANDOM = 27;
const SESSION_ID = 59;
/** Where a HelloVerifyRequest has its cookie. */
const COOKIE_IN_VERIFY = 28;

/** What OpenSSL's client begins with. */
export function clientHello(): Buffer {
  const nowhere = {
    address: address('192.0.2.1', 1),
    send: () => undefined,
    receive: () => Promise.reject(new Error('nobody answers')),
    rest: () => Promise.resolve([]),
  };
  const caller = new DtlsCaller(nowhere, address('192.0.2.2', 2));
  const [hello] = caller.step();
  caller.free();
  return hello!;
}

/** The same with a random of its own. */
export function reseeded(hello: Buffer, seed: number): Buffer {
  const copy = Buffer.from(hello);
  copy.writeUInt32BE(seed >>> 0, RANDOM);
  return copy;
}

/** The second ClientHello, for what a HelloVerifyRequest said. */
export function withCookie(hello: Buffer, verify: Uint8Array): Buffer {
  const cookie = verify.subarray(COOKIE_IN_VERIFY);
  const at = SESSION_ID + 1 + hello[SESSION_ID]!;
  const second = Buffer.concat([
    hello.subarray(0, at),
    Buffer.from([cookie.length]),
    cookie,
    hello.subarray(at + 1),
  ]);
  second[RECORD_SEQUENCE_LOW] = 1;
  second.writeUInt16BE(second.length - 13, RECORD_LENGTH);
  second.writeUIntBE(second.length - 25, MESSAGE_LENGTH, 3);
  second.writeUInt16BE(1, MESSAGE_SEQUENCE);
  second.writeUIntBE(second.length - 25, FRAGMENT_LENGTH, 3);
  return second;
}
