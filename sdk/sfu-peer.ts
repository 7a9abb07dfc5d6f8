// The one RTCPeerConnection to the server, which never offers: sections to send, receive slots, and an offer with its
// answer at a time. The first offer is made before anything is known of the server, and travels in `join`.

import type { IceServer, SdpAnswer, TrackOffer } from '../signaling/protocol.ts';
import type { MediaCrypto } from './encryption.ts';
import type { VideoOptions } from './join-options.ts';
import type { LocalPublication } from './local-publication.ts';
import { midsOf, withoutCandidates } from './offer-sdp.ts';
import { ReceiveSlots } from './receive-slots.ts';
import type { SlotCounts } from './receive-slots.ts';
import { SfuSenders } from './sfu-senders.ts';

export interface SfuPeerOptions {
  readonly relayOnly: boolean;
  /** Cameras are sent in several sizes. */
  readonly simulcast: boolean;
  /** With which codec, and which layers. */
  readonly video: VideoOptions | undefined;
  readonly certificate: RTCCertificate | undefined;
  /** Made before, with this certificate: it has slots, and nothing has been set. */
  readonly connection?: RTCPeerConnection | undefined;
  readonly crypto?: MediaCrypto | undefined;
  /** Numbers that rise, whichever connection asks. */
  readonly nextOfferId: () => number;
}

export interface SfuOffer {
  readonly id: number;
  readonly sdp: string;
  readonly tracks: TrackOffer[];
}

/** Of a connection to the server. */
export function mediaConfiguration(
  certificate: RTCCertificate | undefined,
  iceTransportPolicy: RTCIceTransportPolicy,
  iceServers: IceServer[] = [],
): RTCConfiguration {
  return {
    iceServers,
    iceTransportPolicy,
    bundlePolicy: 'max-bundle',
    rtcpMuxPolicy: 'require',
    ...(certificate ? { certificates: [certificate] } : {}),
  };
}

export class SfuPeer {
  readonly pc: RTCPeerConnection;
  readonly senders: SfuSenders;
  readonly #options: SfuPeerOptions;
  readonly #slots: ReceiveSlots;
  #offered: ReadonlyMap<LocalPublication, TrackOffer> = new Map();
  /** The offer that waits for its answer; `local` when it is in force here. */
  #offer: { id: number; sdp: string; local: Promise<void> | null } | null = null;

  constructor(options: SfuPeerOptions) {
    this.#options = options;
    const { connection, crypto } = options;
    // ICE servers are not known yet, and a direct way to a public server needs none.
    this.pc = connection ?? new RTCPeerConnection(this.#configuration([]));
    if (connection && options.relayOnly) connection.setConfiguration(this.#configuration([]));
    this.#slots = new ReceiveSlots(this.pc, crypto);
    this.senders = new SfuSenders(this.pc, options.simulcast, options.video, crypto);
  }

  /** What the newest offer says to be published. */
  get offered(): ReadonlyMap<LocalPublication, TrackOffer> {
    return this.#offered;
  }

  get slots(): SlotCounts {
    return this.#slots.counts;
  }

  /** An offer of it would be of no media. */
  isEmpty(): boolean {
    return this.pc.getTransceivers().length === 0;
  }

  /** Adds what is missing of `counts`; true when that was something. */
  addSlots(counts: SlotCounts): boolean {
    return this.#slots.add(counts);
  }

  /** Of that section, which shows `sid` from now on. */
  receiver(mid: string, sid: string): RTCRtpReceiver | undefined {
    const found = this.pc.getTransceivers().find((transceiver) => transceiver.mid === mid);
    if (found) this.#options.crypto?.show(found.receiver, sid);
    return found?.receiver;
  }

  /** The next offer. Nothing may change between it and its answer but tracks of senders. */
  async offer(): Promise<SfuOffer> {
    const description = await this.pc.createOffer();
    const { sdp = '' } = description;
    const id = this.#options.nextOfferId();
    // Candidates are gathered as soon as an offer is in force: with nothing but relays, not before they are known.
    const held = this.#options.relayOnly && this.pc.remoteDescription === null;
    const local = held ? null : this.pc.setLocalDescription(description);
    // Awaited with the answer.
    local?.catch(() => undefined);
    this.#offer = { id, sdp, local };
    this.#offered = this.senders.offered(midsOf(sdp));
    return { id, sdp: withoutCandidates(sdp), tracks: [...this.#offered.values()] };
  }

  /** False when it is not the answer to the newest offer. */
  async accept(answer: SdpAnswer, iceServers: IceServer[]): Promise<boolean> {
    const offer = this.#offer;
    if (offer?.id !== answer.id) return false;
    this.#offer = null;
    if (!offer.local) this.pc.setConfiguration(this.#configuration(iceServers));
    const local = offer.local ?? this.pc.setLocalDescription({ type: 'offer', sdp: offer.sdp });
    // At once: the browser keeps the order (W3C webrtc s4.4.1.2), and its main thread may be about to draw the meeting.
    const remote = this.pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    remote.catch(() => undefined);
    await local;
    await remote;
    return true;
  }

  /** The server has refused the offer. */
  async rollBack(): Promise<void> {
    const offer = this.#offer;
    this.#offer = null;
    if (!offer?.local) return;
    await offer.local;
    if (this.pc.signalingState === 'have-local-offer') {
      await this.pc.setLocalDescription({ type: 'rollback' });
    }
  }

  /** The next offer restarts ICE, with these servers. */
  restartIce(iceServers: IceServer[]): void {
    try {
      this.pc.setConfiguration(this.#configuration(iceServers));
    } catch {
      // A browser may refuse a change of configuration; the restart is still worth making with the old one.
    }
    this.pc.restartIce();
  }

  isDtlsOver(): boolean {
    const [first] = this.pc.getTransceivers();
    const state = first?.receiver.transport?.state;
    return state === 'failed' || state === 'closed';
  }

  close(): void {
    this.pc.close();
  }

  #configuration(iceServers: IceServer[]): RTCConfiguration {
    const { relayOnly, certificate } = this.#options;
    return mediaConfiguration(certificate, relayOnly ? 'relay' : 'all', iceServers);
  }
}
