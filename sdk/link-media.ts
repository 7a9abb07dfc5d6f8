// Which tracks go over one RTCPeerConnection and which come: senders follow the local publications,
// directions follow the grants, and a transceiver that became free is used again so that the SDP does not
// grow with each camera switch.

import type { TrackInfo } from '../signaling/protocol.ts';
import type { TrackToFind } from './link-stats.ts';
import type { LocalPublication } from './local-publication.ts';
import { directionOf } from './negotiation.ts';
import type { MediaGrants } from './negotiation.ts';

export interface MediaSink {
  onTrack(info: TrackInfo, track: MediaStreamTrack): void;
  onTrackGone(info: TrackInfo, track: MediaStreamTrack): void;
}

const KINDS = ['audio', 'video'] as const;

/** Nobody says what a track of a mesh is: the first one of its kind is the microphone or the camera. */
const SOURCES = { audio: ['microphone', 'other'], video: ['camera', 'screen'] } as const;

export class LinkMedia {
  readonly #pc: RTCPeerConnection;
  readonly #sink: MediaSink;
  readonly #sending = new Map<LocalPublication, RTCRtpTransceiver>();
  readonly #received = new Map<MediaStreamTrack, TrackInfo>();
  #grants: MediaGrants;
  readonly #guard: (transceiver: RTCRtpTransceiver) => void;
  readonly #guarded = new WeakSet<RTCRtpTransceiver>();

  /** @param guard what a transceiver is given at once, whichever end has made it */
  constructor(
    pc: RTCPeerConnection,
    grants: MediaGrants,
    guard: (transceiver: RTCRtpTransceiver) => void,
    sink: MediaSink,
  ) {
    this.#pc = pc;
    this.#guard = guard;
    this.#grants = grants;
    this.#sink = sink;
  }

  /** True when that is a change. */
  setGrants(grants: MediaGrants): boolean {
    const changed = grants.send !== this.#grants.send || grants.receive !== this.#grants.receive;
    this.#grants = grants;
    return changed;
  }

  /**
   * One audio and one video line in the first offer, so that the answer needs no second round for its
   * tracks.
   */
  addFirstLines(): void {
    if (this.#pc.getTransceivers().length > 0) return;
    for (const kind of KINDS) {
      this.#pc.addTransceiver(kind, { direction: directionOf(false, this.#grants.receive) });
    }
    this.#guardAll();
  }

  /**
   * Makes senders and directions match `publications`; the browser asks for negotiation if that changed
   * anything.
   */
  async syncSenders(publications: readonly LocalPublication[]): Promise<void> {
    // An offer of the other end has brought some.
    this.#guardAll();
    const wanted = this.#grants.send ? publications : [];
    const changes: Promise<void>[] = [];
    for (const [publication, transceiver] of this.#sending) {
      if (wanted.includes(publication)) continue;
      this.#sending.delete(publication);
      changes.push(transceiver.sender.replaceTrack(null));
    }
    for (const publication of wanted) {
      const transceiver = this.#sending.get(publication) ?? this.#assign(publication);
      if (transceiver.sender.track !== publication.track) {
        changes.push(transceiver.sender.replaceTrack(publication.track));
      }
    }
    this.#setDirections();
    await Promise.all(changes);
  }

  /**
   * Compares what is received now with what was: called when an exchange is complete, so that directions
   * are final.
   */
  syncReceivers(): void {
    const now = new Set<MediaStreamTrack>();
    for (const { currentDirection, receiver } of this.#pc.getTransceivers()) {
      const receives = currentDirection === 'sendrecv' || currentDirection === 'recvonly';
      if (receives && this.#grants.receive) now.add(receiver.track);
    }
    for (const [track, info] of this.#received) if (!now.has(track)) this.#gone(track, info);
    for (const track of now) {
      if (this.#received.has(track)) continue;
      const info = this.#infoOf(track);
      this.#received.set(track, info);
      this.#sink.onTrack(info, track);
    }
  }

  /** What statistics are asked for. */
  tracks(): TrackToFind[] {
    const midOf = (holds: (transceiver: RTCRtpTransceiver) => boolean): string | null =>
      this.#pc.getTransceivers().find(holds)?.mid ?? null;
    return [
      ...[...this.#received].map(([track, { sid, source }]) => ({
        sid,
        source,
        direction: 'received' as const,
        mid: midOf(({ receiver }) => receiver.track === track),
        id: track.id,
      })),
      ...[...this.#sending].map(([{ source, track }, { mid }]) => ({
        sid: '',
        source,
        direction: 'sent' as const,
        mid,
        id: track.id,
      })),
    ];
  }

  /** 0 to 1, of the newest audio packets; 0 in silence. */
  audioLevel(): number {
    let level = 0;
    for (const { receiver } of this.#pc.getTransceivers()) {
      if (receiver.track.kind !== 'audio' || !this.#received.has(receiver.track)) continue;
      for (const source of receiver.getSynchronizationSources()) {
        level = Math.max(level, source.audioLevel ?? 0);
      }
    }
    return level;
  }

  close(): void {
    for (const [track, info] of this.#received) this.#gone(track, info);
    this.#sending.clear();
  }

  #infoOf(track: MediaStreamTrack): TrackInfo {
    const kind = track.kind === 'audio' ? 'audio' : 'video';
    const others = [...this.#received.values()].filter((info) => info.kind === kind);
    const [first, further] = SOURCES[kind];
    const source = others.some((info) => info.source === first) ? further : first;
    return { sid: track.id, kind, source, name: '', muted: false };
  }

  #gone(track: MediaStreamTrack, info: TrackInfo): void {
    this.#received.delete(track);
    this.#sink.onTrackGone(info, track);
  }

  #assign(publication: LocalPublication): RTCRtpTransceiver {
    const taken = new Set(this.#sending.values());
    const free = this.#pc
      .getTransceivers()
      .find(
        (t) =>
          t.receiver.track.kind === publication.kind && t.direction !== 'stopped' && !taken.has(t),
      );
    const transceiver =
      free ??
      this.#pc.addTransceiver(publication.track, {
        direction: directionOf(true, this.#grants.receive),
        streams: [publication.stream],
      });
    this.#guardAll();
    // Audio and video of one stream are played in step by the receiver.
    if (free) free.sender.setStreams(publication.stream);
    this.#sending.set(publication, transceiver);
    return transceiver;
  }

  #guardAll(): void {
    for (const transceiver of this.#pc.getTransceivers()) {
      if (this.#guarded.has(transceiver)) continue;
      this.#guarded.add(transceiver);
      this.#guard(transceiver);
    }
  }

  #setDirections(): void {
    const sending = new Set(this.#sending.values());
    for (const transceiver of this.#pc.getTransceivers()) {
      if (transceiver.direction === 'stopped') continue;
      const direction = directionOf(sending.has(transceiver), this.#grants.receive);
      if (transceiver.direction !== direction) transceiver.direction = direction;
    }
  }
}
