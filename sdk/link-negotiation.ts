// Offers, answers and candidates of one RTCPeerConnection: perfect negotiation with trickle ICE (RFC 8838).
// Remote signals are applied one after the other; the browser's own operations chain orders ours. Nothing a
// remote sends throws here.

import type { RelayedSignalMessage } from '../signaling/protocol.ts';
import {
  ANSWER_WAIT_MS,
  LINK_CANDIDATES_MAX,
  LINK_QUEUE_MAX,
  OFFER_RESENDS_MAX,
  OFFER_WAIT_MS,
} from './limits.ts';
import { judgeDescription } from './negotiation.ts';
import { withoutStrayFeedback } from './offer-sdp.ts';

export type RemoteSignal = Pick<RelayedSignalMessage, 'description' | 'candidate'>;

export interface NegotiationSink {
  /** Puts local tracks on the connection, before the first offer and before each answer. */
  prepare(): Promise<void>;
  /** A description exchange is complete; directions are final. */
  onStable(): void;
  onPhase(phase: 'offer' | 'answer'): void;
  send(signal: RemoteSignal): void;
  /** A description could not be applied or made. */
  onFault(error: unknown): void;
}

export interface NegotiationRole {
  readonly polite: boolean;
  /** The newcomer offers; the other side only if no offer comes. */
  readonly offersFirst: boolean;
}

function candidateInit(remote: NonNullable<RemoteSignal['candidate']>): RTCIceCandidateInit {
  const { candidate, sdpMid = null, sdpMLineIndex = null, usernameFragment = null } = remote;
  return { candidate, sdpMid, sdpMLineIndex, usernameFragment };
}

export class LinkNegotiation {
  readonly #pc: RTCPeerConnection;
  readonly #role: NegotiationRole;
  readonly #sink: NegotiationSink;
  /** Until then local changes wait for the other side's first offer, which carries them for free. */
  #begun = false;
  #makingOffer = false;
  /** Our offer won over theirs, so the candidates of theirs mean nothing. */
  #ignoring = false;
  #queue: RemoteSignal[] = [];
  #draining = false;
  /** Null ends a generation. */
  #candidates: (RTCIceCandidateInit | null)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resends = 0;

  constructor(pc: RTCPeerConnection, role: NegotiationRole, sink: NegotiationSink) {
    this.#pc = pc;
    this.#role = role;
    this.#sink = sink;
    pc.addEventListener('negotiationneeded', () => void this.#offer());
    pc.addEventListener('icecandidate', (event) => this.#sendCandidate(event.candidate));
  }

  /** False while local changes should wait for the remote's first offer. */
  get begun(): boolean {
    return this.#begun;
  }

  start(): void {
    if (this.#role.offersFirst) this.#begin();
    else this.#timer = setTimeout(() => this.#begin(), OFFER_WAIT_MS);
  }

  receive(signal: RemoteSignal): void {
    if (this.#pc.signalingState === 'closed' || this.#queue.length >= LINK_QUEUE_MAX) return;
    this.#queue.push(signal);
    void this.#drain();
  }

  /**
   * Pushes may be lost: sends an unanswered offer again, and waits no longer for the first one of the other
   * side.
   */
  nudge(): void {
    this.#resends = 0;
    this.#begin();
    if (this.#pc.signalingState === 'have-local-offer' && !this.#makingOffer) this.#sendLocal();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#candidates = [];
  }

  #begin(): void {
    if (this.#begun || this.#pc.signalingState === 'closed') return;
    this.#begun = true;
    // Adding transceivers fires `negotiationneeded`.
    this.#sink.prepare().catch((error: unknown) => this.#sink.onFault(error));
  }

  /** Must reach setLocalDescription in the event's own task: later, a remote offer could stand between. */
  async #offer(): Promise<void> {
    if (!this.#begun) return;
    this.#makingOffer = true;
    try {
      await this.#pc.setLocalDescription();
      if (this.#pc.signalingState === 'have-local-offer') {
        this.#resends = 0;
        this.#sendLocal();
      }
    } catch (error) {
      if (this.#pc.signalingState !== 'closed') this.#sink.onFault(error);
    } finally {
      this.#makingOffer = false;
    }
  }

  #sendLocal(): void {
    const description = this.#pc.localDescription;
    if (!description) return;
    const { type, sdp } = description;
    this.#sink.send({ description: { type, sdp: withoutStrayFeedback(sdp) } });
    if (type === 'offer') {
      this.#sink.onPhase('offer');
      this.#awaitAnswer();
    } else {
      this.#sink.onPhase('answer');
    }
  }

  #awaitAnswer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#pc.signalingState !== 'have-local-offer') return;
      if (this.#resends >= OFFER_RESENDS_MAX) return;
      this.#resends += 1;
      this.#sendLocal();
    }, ANSWER_WAIT_MS);
  }

  #sendCandidate(candidate: RTCIceCandidate | null): void {
    if (!candidate) {
      this.#sink.send({ candidate: null });
      return;
    }
    // Browsers open TCP only actively, and two active ends never meet (RFC 6544 s6.2): not worth a message.
    if (candidate.candidate === '' || candidate.tcpType === 'active') return;
    const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
    this.#sink.send({
      candidate: { candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment },
    });
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    let signal = this.#queue.shift();
    while (signal) {
      try {
        // In order, one by one: a candidate must find its description applied.
        // oxlint-disable-next-line no-await-in-loop
        await this.#apply(signal);
      } catch (error) {
        if (this.#pc.signalingState !== 'closed') this.#sink.onFault(error);
      }
      signal = this.#queue.shift();
    }
    this.#draining = false;
  }

  async #apply(signal: RemoteSignal): Promise<void> {
    if (signal.description) await this.#applyDescription(signal.description);
    else if (signal.candidate !== undefined) await this.#applyCandidate(signal.candidate);
  }

  async #applyDescription(description: NonNullable<RemoteSignal['description']>): Promise<void> {
    const pc = this.#pc;
    const verdict = judgeDescription(description.type, {
      polite: this.#role.polite,
      makingOffer: this.#makingOffer,
      signalingState: pc.signalingState,
    });
    if (verdict === 'drop') return;
    this.#ignoring = verdict === 'ignore';
    if (verdict === 'ignore') return;
    this.#sink.onPhase(description.type === 'offer' ? 'offer' : 'answer');
    const { type, sdp = '' } = description;
    await pc.setRemoteDescription({ type, sdp });
    clearTimeout(this.#timer);
    this.#begun = true;
    if (type === 'offer') {
      await this.#sink.prepare();
      await pc.setLocalDescription();
      this.#sendLocal();
    }
    await this.#applyWaitingCandidates();
    if (pc.signalingState === 'stable') this.#sink.onStable();
  }

  async #applyCandidate(candidate: RemoteSignal['candidate']): Promise<void> {
    if (this.#ignoring) return;
    const init = candidate ? candidateInit(candidate) : null;
    if (this.#pc.remoteDescription) await this.#addCandidate(init);
    else if (this.#candidates.length < LINK_CANDIDATES_MAX) this.#candidates.push(init);
  }

  async #applyWaitingCandidates(): Promise<void> {
    const waiting = this.#candidates;
    this.#candidates = [];
    await Promise.all(waiting.map((candidate) => this.#addCandidate(candidate)));
  }

  async #addCandidate(candidate: RTCIceCandidateInit | null): Promise<void> {
    try {
      if (candidate) await this.#pc.addIceCandidate(candidate);
      else await this.#pc.addIceCandidate();
    } catch {
      // Of an older generation, or of a kind this browser does not know: the others decide.
    }
  }
}
