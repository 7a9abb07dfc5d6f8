// A participant whose transport another worker of the process has, as a room that spans workers has it here: what it
// publishes comes through a pipe, and only wishes for key frames go back. Its own worker asks it for what is missing;
// here that is only waited for. Called by: Pipes, publications. Allocates: for each description; nothing per packet.

import { Timer } from '../../shared/net/timer-wheel.ts';
import type { MediaSetup } from '../control.ts';
import type { PipeOut } from '../pipe/pipe-out.ts';
import type { AgreedSection } from '../sdp/negotiation.ts';
import type { Publication, Publisher } from './publication.ts';
import { publish } from './publish.ts';
import type { RoomRouter } from './room-router.ts';
import { IncomingSection } from './sections.ts';
import { SenderClock } from './sender-clock.ts';

export class RemoteParticipant implements Publisher {
  /** Of the transport in the other worker. */
  readonly id: number;
  readonly home: number;
  readonly room: RoomRouter;
  readonly clock = new SenderClock();
  publications: readonly Publication[] = [];
  readonly #pipe: PipeOut;
  readonly #timer: Timer;
  #wakeAt = Number.POSITIVE_INFINITY;

  /** @param pipe to its worker */
  constructor(room: RoomRouter, id: number, pipe: PipeOut) {
    this.room = room;
    this.id = id;
    this.home = pipe.worker;
    this.#pipe = pipe;
    this.#timer = new Timer((now) => this.#sendWishes(now));
    room.remotes.add(this);
  }

  /** As that of ParticipantMedia, of what it publishes alone. */
  describe({ sections, publications }: MediaSetup, now: number): void {
    this.room.flush(now);
    const incoming = sections.map((section) => new IncomingSection(withoutNack(section)));
    const before = this.publications;
    this.publications = publish(this.room, this, incoming, publications, now);
    for (const publication of this.publications) {
      // Who speaks is heard everywhere, whoever is listened to.
      if (publication.kind === 'audio' && !before.includes(publication)) {
        this.#watch(publication, true);
      }
    }
  }

  /** Somebody waits for a key frame. */
  wake(): void {
    let at = Number.POSITIVE_INFINITY;
    for (const { encodings } of this.publications) {
      for (const stream of encodings) {
        if (stream !== undefined) at = Math.min(at, stream.keyFrames.nextDeadline);
      }
    }
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    this.room.host.timers.schedule(this.#timer, at);
  }

  onWatched(publication: Publication, isWatched: boolean): void {
    if (publication.kind === 'audio') return;
    this.#watch(publication, isWatched);
    if (isWatched) return;
    for (const stream of publication.encodings) {
      // What comes when it is watched again does not continue this.
      stream?.endHere();
      stream?.keyFrames.keyFrameStarted();
    }
  }

  close(now: number): void {
    this.describe({ sections: [], publications: [] }, now);
    this.room.host.timers.cancel(this.#timer);
    this.room.remotes.delete(this);
  }

  #watch({ number }: Publication, isWatched: boolean): void {
    this.room.host.emit({ type: 'sfu.watch', publication: number, isWatched });
  }

  #sendWishes(now: number): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    for (const { number, encodings, muted } of this.publications) {
      for (const stream of encodings) {
        if (stream?.keyFrames.due(now) !== true || muted) continue;
        this.#pipe.wish(number, stream.encoding);
      }
    }
    this.wake();
  }
}

function withoutNack(section: AgreedSection): AgreedSection {
  const codecs = section.codecs.map((codec) => ({
    ...codec,
    feedback: codec.feedback.filter((one) => one !== 'nack'),
  }));
  return { ...section, codecs };
}
