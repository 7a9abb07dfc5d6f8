// What media tells of itself, told on as events of participants and phases of the timeline. Made by room.ts.

import type { Subscription, TrackInfo } from '../signaling/protocol.ts';
import type { ConnectionPath } from './connection-path.ts';
import type { Participant } from './participant.ts';
import type { RoomEvents } from './room-events.ts';
import type { RoomMediaSink } from './room-media.ts';
import type { Speakers } from './speakers.ts';
import type { LinkPhase, Timeline } from './timeline.ts';

export interface MediaEventsOptions {
  readonly request: RoomMediaSink['request'];
  /** Also ourselves. */
  readonly participant: (sid: string) => Participant | undefined;
  readonly participants: () => ReadonlyMap<string, Participant>;
  readonly timeline: Timeline;
  readonly speakers: Pick<Speakers, 'hear'>;
  /** Media flows to the server and back, or could. */
  readonly onConnected: () => void;
  readonly emit: <K extends keyof RoomEvents>(event: K, detail: RoomEvents[K]) => void;
}

export class MediaEvents implements RoomMediaSink {
  readonly request: RoomMediaSink['request'];
  readonly #options: MediaEventsOptions;

  constructor(options: MediaEventsOptions) {
    this.#options = options;
    this.request = options.request;
  }

  onTrack(sid: string, info: TrackInfo, track: MediaStreamTrack): void {
    const participant = this.#options.participant(sid);
    if (!participant) return;
    const publication = participant.attach(info, track);
    this.#options.emit('trackAdded', { participant, track, publication });
  }

  onTrackGone(sid: string, info: TrackInfo, track: MediaStreamTrack): void {
    const participant = this.#options.participant(sid);
    if (!participant) return;
    const publication = participant.detach(info, track);
    this.#options.emit('trackRemoved', { participant, track, publication });
  }

  onTrackReplaced(sid: string, info: TrackInfo, track: MediaStreamTrack): void {
    const participant = this.#options.participant(sid);
    const replaced = participant?.replace(info, track);
    if (participant && replaced) {
      this.#options.emit('trackReplaced', { participant, track, ...replaced });
    }
  }

  onSpeakers(sids: readonly string[] | null): void {
    this.#options.speakers.hear(sids);
  }

  onQuality({ track, layer, temporalLayer, state, reason }: Subscription): void {
    for (const participant of this.#options.participants().values()) {
      const publication = participant.publications.find(({ sid }) => sid === track);
      if (!publication) continue;
      publication.noteQuality({ layer, temporalLayer, paused: state === 'paused', reason });
      this.#options.emit('quality', { participant, publication });
      return;
    }
  }

  onLinkState(sid: string, state: RTCPeerConnectionState): void {
    const participant = this.#options.participant(sid);
    if (!participant || participant.linkState === state) return;
    participant.setLinkState(state);
    if (state === 'connected') this.#options.onConnected();
    this.#options.emit('participantUpdated', participant);
  }

  onPath(sid: string, path: ConnectionPath): void {
    const participant = this.#options.participant(sid);
    if (participant) this.#options.emit('path', { participant, path });
  }

  onPhase(phase: LinkPhase, sid?: string): void {
    if (sid === undefined) this.#options.timeline.mark(phase);
    else this.#options.timeline.markLink(sid, phase);
  }

  onOffer(bytes: number): void {
    this.#options.timeline.offerBytes = bytes;
  }

  onFault(error: unknown, sid = ''): void {
    const participant = this.#options.participant(sid);
    this.#options.emit('warning', { participant, error });
  }
}
