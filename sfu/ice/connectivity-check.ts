// Reads one connectivity check; tells whether it is authentic and acceptable (RFC 8445 s7.3, RFC 8489 s9.1.3).
// Called by: IceLite. Allocates: nothing, but what node:crypto needs for one HMAC where USERNAME is right.

import { STUN_OK, StunReader } from '../../shared/stun/reader.ts';
import {
  ATTR_ICE_CONTROLLED,
  ATTR_MESSAGE_INTEGRITY_SHA256,
  ATTR_PRIORITY,
  ATTR_USERNAME,
  CLASS_INDICATION,
  CLASS_REQUEST,
  ERROR_BAD_REQUEST,
  ERROR_ROLE_CONFLICT,
  ERROR_UNKNOWN_ATTRIBUTE,
  METHOD_BINDING,
} from '../../shared/stun/registry.ts';
import { LOCAL_UFRAG_CHARS, UFRAG_CHARS_MAX, UFRAG_CHARS_MIN } from './credentials.ts';
import {
  DROP_BAD_FINGERPRINT,
  DROP_BAD_INTEGRITY,
  DROP_KEEPALIVE,
  DROP_NOT_STUN,
  DROP_TOO_FAST,
  DROP_TOO_LARGE,
  DROP_UNEXPECTED,
  DROP_UNKNOWN_USERNAME,
} from './drop-reason.ts';
import type { IceGeneration, IceObserver } from './ice-session.ts';
import { knownToIce } from './known-attributes.ts';
import { CHECK_BYTES_MAX, UNKNOWN_ATTRIBUTES_MAX } from './limits.ts';
import type { UfragRegistry } from './ufrag-registry.ts';

/** What `read` returns for an authentic check. */
export const CHECK_AUTHENTIC = -1;
/** What `fault` returns for an acceptable one. */
export const NO_FAULT = 0;

const COLON = 0x3a;

export class ConnectivityCheck<Owner extends IceObserver> {
  readonly message = new StunReader();
  /** The credentials that the check read last was made with. */
  generation: IceGeneration<Owner> | undefined = undefined;
  /** After a fault of 420: the first `unknownCount` of these. */
  readonly unknown = new Uint16Array(UNKNOWN_ATTRIBUTES_MAX);
  unknownCount = 0;
  readonly #ufrags: UfragRegistry<Owner>;

  constructor(ufrags: UfragRegistry<Owner>) {
    this.#ufrags = ufrags;
  }

  /** CHECK_AUTHENTIC or the DROP_ reason. The cheap questions come first: nobody else costs us an HMAC. */
  read(bytes: Uint8Array, offset: number, length: number, now: number): number {
    const { message } = this;
    this.generation = undefined;
    if (length > CHECK_BYTES_MAX) return DROP_TOO_LARGE;
    if (message.read(bytes, offset, length) !== STUN_OK) return DROP_NOT_STUN;
    if (message.method !== METHOD_BINDING) return DROP_UNEXPECTED;
    if (message.messageClass === CLASS_INDICATION) return DROP_KEEPALIVE;
    if (message.messageClass !== CLASS_REQUEST) return DROP_UNEXPECTED;
    const generation = this.#generation();
    if (generation === undefined) return DROP_UNKNOWN_USERNAME;
    if (!message.checkFingerprint()) return DROP_BAD_FINGERPRINT;
    if (!generation.session.checks.spend(1, now)) return DROP_TOO_FAST;
    if (!this.#isAuthentic(generation.key)) return DROP_BAD_INTEGRITY;
    this.generation = generation;
    return CHECK_AUTHENTIC;
  }

  /**
   * The credentials that USERNAME names: our username fragment, a colon, one of the peer's. Ours alone decides
   * (RFC 8445 s7.3): Chromium's new sockets check an old name of ours under its new one from the moment it
   * wants to restart, long before we hear of that name.
   */
  #generation(): IceGeneration<Owner> | undefined {
    const { message } = this;
    const username = message.find(ATTR_USERNAME);
    const remoteChars = message.lengthAt(username) - LOCAL_UFRAG_CHARS - 1;
    if (remoteChars < UFRAG_CHARS_MIN || remoteChars > UFRAG_CHARS_MAX) return undefined;
    if (message.bytes[username + LOCAL_UFRAG_CHARS] !== COLON) return undefined;
    return this.#ufrags.find(message.bytes, username);
  }

  /**
   * RFC 8489 s9.1.3: MESSAGE-INTEGRITY-SHA256 where it is there; ICE does not provide for truncating it
   * (s14.6).
   */
  #isAuthentic(key: Uint8Array): boolean {
    const { message } = this;
    if (!message.hasIntegritySha256) return message.checkIntegrity(key);
    const whole = message.lengthAt(message.find(ATTR_MESSAGE_INTEGRITY_SHA256)) === 32;
    return whole && message.checkIntegritySha256(key);
  }

  /** The error code to answer an authentic check with, or NO_FAULT. */
  fault(): number {
    const { message } = this;
    this.unknownCount = message.collectUnknown(knownToIce, this.unknown);
    if (this.unknownCount > 0) return ERROR_UNKNOWN_ATTRIBUTE;
    // RFC 8445 s7.1.1: PRIORITY must be there.
    if (message.u32(message.find(ATTR_PRIORITY)) < 0) return ERROR_BAD_REQUEST;
    // RFC 8445 s7.3.1.1, whatever the tiebreaker: a lite agent cannot become the controlling one (s6.1.1).
    return message.find(ATTR_ICE_CONTROLLED) < 0 ? NO_FAULT : ERROR_ROLE_CONFLICT;
  }
}
