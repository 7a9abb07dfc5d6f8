// A TURN client on an engine: one request in flight at a time, and a payload handed on for every datagram
// relayed to it.
// RFC 8489 s9.2 (long-term credentials), RFC 8656 s7, s8, s10, s12. Called by the load generator.
// Allocates: per request; per relayed datagram nothing.

import { randomFillSync } from 'node:crypto';
import type { SocketOwner } from '../../shared/net/engine.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { longTermKey } from '../../shared/stun/credentials.ts';
import { STUN_OK, StunReader } from '../../shared/stun/reader.ts';
import {
  ATTR_CHANNEL_NUMBER,
  ATTR_DATA,
  ATTR_ERROR_CODE,
  ATTR_LIFETIME,
  ATTR_NONCE,
  ATTR_REALM,
  ATTR_REQUESTED_TRANSPORT,
  ATTR_USERNAME,
  ATTR_XOR_PEER_ADDRESS,
  ATTR_XOR_RELAYED_ADDRESS,
  CLASS_ERROR,
  CLASS_INDICATION,
  CLASS_REQUEST,
  ERROR_ALLOCATION_MISMATCH,
  ERROR_STALE_NONCE,
  ERROR_UNAUTHENTICATED,
  METHOD_ALLOCATE,
  METHOD_CHANNEL_BIND,
  METHOD_CREATE_PERMISSION,
  METHOD_REFRESH,
  PASSWORD_ALGORITHM_MD5,
} from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import { PASSWORD, USERNAME } from './account.ts';
import type { Sockets } from './sockets.ts';

const TRANSPORT_UDP = 17;
const CHANNEL_FIRST_BYTE_MIN = 0x40;
const CHANNEL_HEADER_BYTES = 4;
/** A nonce may go stale and ports be taken while requests are on their way; more than that is a server that never accepts. */
const TRIES_MAX = 8;

/** One request: its method, and what it carries beside the credentials. */
export interface Request {
  readonly method: number;
  complete(message: StunWriter): void;
}

export const ALLOCATE: Request = {
  method: METHOD_ALLOCATE,
  complete: (message) => void message.u8(ATTR_REQUESTED_TRANSPORT, TRANSPORT_UDP),
};

export const GIVE_UP: Request = {
  method: METHOD_REFRESH,
  complete: (message) => void message.u32(ATTR_LIFETIME, 0),
};

export function bindChannel(number: number, peer: TransportAddress): Request {
  return {
    method: METHOD_CHANNEL_BIND,
    complete: (message) =>
      void message.u16(ATTR_CHANNEL_NUMBER, number).xorAddress(ATTR_XOR_PEER_ADDRESS, peer),
  };
}

export function permit(peer: TransportAddress): Request {
  return {
    method: METHOD_CREATE_PERMISSION,
    complete: (message) => void message.xorAddress(ATTR_XOR_PEER_ADDRESS, peer),
  };
}

export type OnPayload = (bytes: Uint8Array, offset: number, length: number) => void;

const keys = new Map<string, Uint8Array>();
const writer = new StunWriter();
const reader = new StunReader();

export class TurnClient implements SocketOwner {
  readonly relayed: TransportAddress = new TransportAddress();
  readonly local: TransportAddress = new TransportAddress();
  socket = -1;
  /** The error code that ended the last requests; 0 = none. */
  failure = 0;
  readonly #sockets: Sockets;
  readonly #server: TransportAddress;
  readonly #onPayload: OnPayload;
  readonly #transaction = new Uint8Array(12);
  readonly #message = new Uint8Array(512);
  #requestLength = 0;
  #steps: readonly Request[] = [];
  #done: (() => void) | undefined = undefined;
  #realm = '';
  #nonce = '';
  #tries = 0;
  /** Where the data lies in a Data indication of that length: they all look the same. */
  #dataIndicationBytes = 0;
  #dataAt = 0;
  #dataLength = 0;

  constructor(sockets: Sockets, server: TransportAddress, onPayload: OnPayload) {
    this.#sockets = sockets;
    this.#server = server;
    this.#onPayload = onPayload;
    this.#open();
  }

  /** Sends one request after the other; `done` when the last is answered, or one is refused. */
  run(steps: readonly Request[], done: () => void): void {
    this.#steps = steps;
    this.#done = done;
    this.failure = 0;
    this.#tries = 0;
    this.#next();
  }

  get busy(): boolean {
    return this.#done !== undefined;
  }

  /** Sends the request in flight once more. */
  resend(): void {
    if (!this.busy) return;
    const { engine } = this.#sockets;
    engine.send(this.socket, this.#server, this.#message, 0, this.#requestLength);
  }

  close(): void {
    this.#sockets.engine.close(this.socket);
  }

  onOpened(_tag: number, local: TransportAddress): void {
    this.local.set(local);
  }

  onDatagram(
    _tag: number,
    _from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    if (bytes[offset]! >= CHANNEL_FIRST_BYTE_MIN) {
      const data = (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
      this.#onPayload(bytes, offset + CHANNEL_HEADER_BYTES, data);
    } else if (length === this.#dataIndicationBytes && isDataIndication(bytes, offset)) {
      this.#onPayload(bytes, offset + this.#dataAt, this.#dataLength);
    } else if (reader.read(bytes, offset, length) === STUN_OK) {
      if (reader.messageClass === CLASS_INDICATION) this.#learnDataIndication(offset, length);
      else if (reader.transactionIs(this.#transaction, 0)) this.#answered();
    }
  }

  #learnDataIndication(offset: number, length: number): void {
    const at = reader.find(ATTR_DATA);
    if (at < 0) return;
    this.#dataIndicationBytes = length;
    this.#dataAt = at - offset;
    this.#dataLength = reader.lengthAt(at);
    this.#onPayload(reader.bytes, at, this.#dataLength);
  }

  #next(): void {
    const [step] = this.#steps;
    if (step === undefined) return this.#finish();
    randomFillSync(this.#transaction);
    writer.start(this.#message, 0, step.method, CLASS_REQUEST, this.#transaction, 0);
    step.complete(writer);
    if (this.#nonce !== '') {
      writer.text(ATTR_USERNAME, USERNAME).text(ATTR_REALM, this.#realm);
      writer.text(ATTR_NONCE, this.#nonce).integrity(keyOf(this.#realm));
    }
    this.#requestLength = writer.finish();
    this.resend();
  }

  #answered(): void {
    if (!this.busy) return;
    if (reader.messageClass === CLASS_ERROR) return this.#refused();
    const relayedAt = reader.find(ATTR_XOR_RELAYED_ADDRESS);
    if (relayedAt >= 0) reader.xorAddress(relayedAt, this.relayed);
    this.#steps = this.#steps.slice(1);
    this.#next();
  }

  #refused(): void {
    const errorAt = reader.find(ATTR_ERROR_CODE);
    const code = errorAt < 0 ? -1 : reader.errorCode(errorAt);
    if (++this.#tries > TRIES_MAX) return this.#finish(code);
    if (code === ERROR_UNAUTHENTICATED || code === ERROR_STALE_NONCE) {
      this.#realm = reader.text(reader.find(ATTR_REALM)) ?? '';
      this.#nonce = reader.text(reader.find(ATTR_NONCE)) ?? '';
    } else if (code === ERROR_ALLOCATION_MISMATCH && this.#steps[0] === GIVE_UP) {
      // The answer to the first try was lost, or slow.
      return this.#finish();
    } else if (code === ERROR_ALLOCATION_MISMATCH && this.#steps[0] === ALLOCATE) {
      // An earlier client had this port, and its allocation lives on: take another.
      this.close();
      this.#open();
      this.#nonce = '';
    } else {
      return this.#finish(code);
    }
    this.#next();
  }

  #open(): void {
    this.socket = this.#sockets.open(this);
  }

  #finish(failure = 0): void {
    const done = this.#done;
    this.#done = undefined;
    this.failure = failure;
    done?.();
  }
}

/** 0x0017: method Data, class indication. */
function isDataIndication(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === 0 && bytes[offset + 1] === 0x17;
}

function keyOf(realm: string): Uint8Array {
  let key = keys.get(realm);
  if (key === undefined) {
    key = longTermKey(PASSWORD_ALGORITHM_MD5, USERNAME, realm, PASSWORD);
    keys.set(realm, key);
  }
  return key;
}
