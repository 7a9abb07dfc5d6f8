// Between rooms and media workers: hands out numbers and places, and brings every event to whom it is about.
// Called by: the signaling server, its owner; rooms; the media plane. Unknown numbers are of what is gone.

import type { Logger } from '../../shared/log.ts';
import type { SfuEvent } from '../../sfu/control.ts';
import type { MediaLost, MediaPlace, MediaPlane, MediaShortage } from '../media-plane.ts';
import { newMediaCounters } from './media-counters.ts';
import type { MediaCounters } from './media-counters.ts';
import type { ParticipantMedia } from './participant-media.ts';
import { Reports } from './reports.ts';
import { RoomMedia } from './room-media.ts';
import type { MediaExchange, RoomMediaOptions } from './room-media.ts';

export interface MediaStats extends Readonly<MediaCounters> {
  /** Open at the moment. */
  readonly transports: number;
}

export class Switchboard implements MediaExchange {
  readonly counters: MediaCounters = newMediaCounters();
  readonly reports = new Reports();
  readonly #plane: MediaPlane;
  readonly #log: Logger;
  readonly #rooms = new Map<string, RoomMedia>();
  readonly #transports = new Map<number, ParticipantMedia>();
  #number = 0;

  constructor(plane: MediaPlane, log: Logger) {
    this.#plane = plane;
    this.#log = log;
    plane.onEvent((place, event) => this.#handle(place, event));
  }

  stats(): MediaStats {
    return { transports: this.#transports.size, ...this.counters };
  }

  openRoom(options: RoomMediaOptions): RoomMedia {
    const room = new RoomMedia(this, options);
    this.#rooms.set(room.sid, room);
    return room;
  }

  roomClosed(roomSid: string): void {
    this.#rooms.delete(roomSid);
  }

  get shortage(): MediaShortage | null {
    return this.#plane.shortage;
  }

  place(roomSid: string): MediaPlace {
    return this.#plane.place(roomSid);
  }

  nextNumber(): number {
    return ++this.#number;
  }

  opened(id: number, media: ParticipantMedia): void {
    this.#transports.set(id, media);
  }

  closed(id: number): void {
    this.#transports.delete(id);
  }

  #handle(place: MediaPlace, event: SfuEvent | MediaLost): void {
    switch (event.type) {
      case 'sfu.state': {
        const media = this.#transports.get(event.id);
        if (media === undefined) return;
        if (event.state !== 'closed') return media.onReach(event.state !== 'disconnected');
        this.#log.info('media.closed', { sid: media.sid, reason: event.reason });
        return media.lost(event.reason);
      }
      case 'sfu.layers':
        return this.#transports.get(event.id)?.onLayers(event.slots);
      case 'sfu.speakers':
        return this.#rooms.get(event.room)?.onSpeakers(event.speakers);
      case 'sfu.heard':
        return this.#rooms.get(event.room)?.onHeard(event.publications);
      case 'sfu.lost': {
        const before = this.#transports.size;
        for (const room of this.#rooms.values()) room.onPlaceLost(place);
        const transports = before - this.#transports.size;
        this.#log.warn('media.lost', { worker: place.worker, transports });
        return this.reports.lost(place);
      }
      case 'sfu.report':
        return this.reports.answered(event);
      case 'sfu.live':
        return;
    }
  }
}
