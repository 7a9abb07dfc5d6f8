// The one connection to the server, of libdatachannel: sections that send, receive slots, an offer with its answer at a
// time. Made anew when it is lost, as libdatachannel restarts no ICE. Owned by media.ts.

import { PeerConnection } from 'node-datachannel';
import type { Track as Section } from 'node-datachannel';
import type { TrackOffer } from '../../signaling/protocol.ts';
import { withoutCandidates } from '../offer-sdp.ts';
import type { Kind } from './codecs.ts';
import { extensionLines, receivingSection, sendingSection } from './codecs.ts';
import type { LocalTrack } from './local-track.ts';
import { Reports } from './reports.ts';
import { Slot } from './slot.ts';

export interface SlotCounts {
  readonly audio: number;
  readonly video: number;
}

const KINDS = ['audio', 'video'] as const;

export class Peer {
  readonly #connection: PeerConnection;
  readonly #reports = new Reports();
  /** By `mid`, in their order. */
  readonly #sections = new Map<string, { kind: Kind; receives: boolean }>();
  readonly #senders = new Map<LocalTrack, { mid: string; section: Section }>();
  /** libdatachannel ends a section that nobody holds. */
  readonly #held: Section[] = [];
  readonly #slots = new Map<string, Slot>();
  readonly #counts = { audio: 0, video: 0 };
  readonly #adapts: boolean;
  #isClosed = false;

  /** @param adapts the server is told how packets arrive, and sends what that network carries */
  constructor(adapts: boolean, onState: (state: string) => void) {
    this.#adapts = adapts;
    this.#connection = new PeerConnection('bot', {
      iceServers: [],
      disableAutoNegotiation: true,
    });
    this.#connection.onStateChange((state) => {
      if (!this.#isClosed) onState(state);
    });
  }

  get slotCounts(): SlotCounts {
    return { ...this.#counts };
  }

  /** An offer of it would be of no media. */
  isEmpty(): boolean {
    return this.#sections.size === 0;
  }

  slot(mid: string): Slot | undefined {
    return this.#slots.get(mid);
  }

  /** Adds what is missing of `counts`; true when that was something. */
  addSlots(counts: SlotCounts): boolean {
    let added = false;
    for (const kind of KINDS) {
      while (this.#counts[kind] < counts[kind]) {
        const mid = this.#name(kind, true);
        const section = this.#hold(this.#connection.addTrack(receivingSection(mid, kind)));
        const slot = new Slot(kind, section, this.#reports);
        this.#slots.set(mid, slot);
        this.#reports.addSlot(slot);
        this.#counts[kind] += 1;
        added = true;
      }
    }
    return added;
  }

  /** Gives each of them a section; true when one had none, or one is not among them any more. */
  syncSenders(tracks: ReadonlySet<LocalTrack>): boolean {
    let differs = false;
    for (const [track, { section }] of this.#senders) {
      if (tracks.has(track)) continue;
      track.leave(section);
      this.#senders.delete(track);
      this.#reports.removeSender(track);
      differs = true;
    }
    for (const track of tracks) {
      if (this.#senders.has(track)) continue;
      const mid = this.#name(track.kind, false);
      const media = sendingSection(mid, track.codec, track.ssrc);
      const section = this.#hold(this.#connection.addTrack(media));
      track.sendBy(section);
      this.#senders.set(track, { mid, section });
      this.#reports.addSender(track);
      differs = true;
    }
    return differs;
  }

  /** What the newest offer says to be published. */
  offered(): Map<LocalTrack, TrackOffer> {
    return new Map([...this.#senders].map(([track, { mid }]) => [track, track.offer(mid)]));
  }

  /**
   * Without candidates: the server learns ours from our checks (RFC 8445 s7.3.1.3). With them, libdatachannel can
   * finish DTLS with a fast server before it has stored the fingerprint of the answer, and then refuses it.
   */
  async offer(): Promise<string> {
    const sdp = await new Promise<string>((resolve) => {
      this.#connection.onLocalDescription(resolve);
      this.#connection.setLocalDescription('offer');
    });
    return this.#extended(withoutCandidates(sdp));
  }

  accept(sdp: string): void {
    this.#connection.setRemoteDescription(sdp, 'answer');
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reports.close();
    for (const slot of this.#slots.values()) slot.close();
    for (const [track, { section }] of this.#senders) track.leave(section);
    for (const section of this.#held) section.close();
    this.#connection.close();
  }

  #name(kind: Kind, receives: boolean): string {
    const mid = String(this.#sections.size);
    this.#sections.set(mid, { kind, receives });
    return mid;
  }

  #hold(section: Section): Section {
    this.#held.push(section);
    // Until one that listens is told, a section keeps the process alive.
    section.onClosed(() => undefined);
    return section;
  }

  #extended(offer: string): string {
    const [session = '', ...sections] = offer.split(/^(?=m=)/m);
    const whole = sections.map((text) => {
      const mid = /^a=mid:(\S+)/m.exec(text)?.[1] ?? '';
      const section = this.#sections.get(mid);
      const lines = section ? extensionLines(section.kind, section.receives && this.#adapts) : [];
      return `${text}${lines.map((line) => `${line}\r\n`).join('')}`;
    });
    return `${session}${whole.join('')}`;
  }
}
