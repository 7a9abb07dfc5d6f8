// The sections of a connection that only receive: one audio or one picture each, of whomever the server points it at.
// Owned by sfu-peer.ts.

import { preferCodecs } from './codec-preferences.ts';
import type { MediaCrypto } from './encryption.ts';
import { offerDependencies } from './header-extensions.ts';

export interface SlotCounts {
  readonly audio: number;
  readonly video: number;
}

const KINDS = ['audio', 'video'] as const;

export class ReceiveSlots {
  readonly #pc: RTCPeerConnection;
  readonly #crypto: MediaCrypto | undefined;
  readonly #counts = { audio: 0, video: 0 };

  /** All that `pc` has so far are slots. */
  constructor(pc: RTCPeerConnection, crypto?: MediaCrypto) {
    this.#pc = pc;
    this.#crypto = crypto;
    for (const { receiver } of pc.getTransceivers()) {
      this.#counts[receiver.track.kind === 'audio' ? 'audio' : 'video'] += 1;
    }
  }

  get counts(): SlotCounts {
    return { ...this.#counts };
  }

  /** Adds what is missing of `counts`; true when that was something. */
  add(counts: SlotCounts): boolean {
    let added = false;
    for (const kind of KINDS) {
      while (this.#counts[kind] < counts[kind]) {
        const transceiver = this.#pc.addTransceiver(kind, { direction: 'recvonly' });
        this.#crypto?.guard(transceiver);
        preferCodecs(transceiver, { isEncrypted: this.#crypto !== undefined });
        offerDependencies(transceiver);
        this.#counts[kind] += 1;
        added = true;
      }
    }
    return added;
  }
}
