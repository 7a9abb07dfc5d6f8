// Work that a join would wait for and that can be done before: a key for DTLS, and a connection with the slots of a
// first offer. An offer of it has the browser load its media engine (some 40 ms).

import { FIRST_SLOTS } from './limits.ts';
import { ReceiveSlots } from './receive-slots.ts';
import { mediaConfiguration } from './sfu-peer.ts';

/** Of one room only: the same certificate in two would show that both are the same browser. */
export class Preparation {
  #certificate: RTCCertificate | undefined;
  #connection: RTCPeerConnection | undefined;
  /** Who does without a connection by now needs none. */
  #wantsConnection: boolean;

  constructor(wantsConnection: boolean) {
    this.#wantsConnection = wantsConnection;
    this.#make().catch(() => undefined);
  }

  /** As soon as it is made; until then a connection lets the browser make its own. */
  get certificate(): RTCCertificate | undefined {
    return this.#certificate;
  }

  /** Whoever gets it closes it; nobody else does. */
  takeConnection(): RTCPeerConnection | undefined {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#wantsConnection = false;
    return connection;
  }

  async #make(): Promise<void> {
    const algorithm: EcKeyGenParams = { name: 'ECDSA', namedCurve: 'P-256' };
    this.#certificate = await RTCPeerConnection.generateCertificate(algorithm);
    if (!this.#wantsConnection) return;
    const connection = new RTCPeerConnection(mediaConfiguration(this.#certificate, 'all'));
    new ReceiveSlots(connection).add(FIRST_SLOTS);
    this.#connection = connection;
    await connection.createOffer();
  }
}

let prepared: Preparation | undefined;

/**
 * Makes the next join() faster; worth calling while the user still looks at a preview. Opens no connection
 * and no device, and does nothing where there is no WebRTC. Safe to call any number of times.
 */
export function prepare(): void {
  if (typeof RTCPeerConnection === 'undefined') return;
  prepared ??= new Preparation(true);
}

/** For join(): what was prepared; else a certificate alone, which is made while the socket opens. */
export function takePreparation(): Preparation {
  const taken = prepared ?? new Preparation(false);
  prepared = undefined;
  return taken;
}
