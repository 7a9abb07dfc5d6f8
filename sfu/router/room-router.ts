// One room: who publishes what, and who is sent it. What comes in one turn of the engine is sent when the turn ends,
// one subscriber after the other, so that each one's packets are next to each other and leave in few calls of the
// system. Called by: Sfu, Publication, ParticipantMedia. Allocates: nothing per packet.

import { Timer } from '../../shared/net/timer-wheel.ts';
import { ActiveSpeakers } from '../feedback/active-speakers.ts';
import { AudibleSpeakers } from '../feedback/audible-speakers.ts';
import type { Speaker } from '../feedback/speaker.ts';
import { EXTENSION_AUDIO_LEVEL } from '../rtp/extension-kinds.ts';
import { AUDIBLE, HOLD_MS, SPEAKERS_INTERVAL_MS, SPEAKERS_MAX } from './limits.ts';
import type { OutgoingPath } from './outgoing-path.ts';
import type { ParticipantMedia } from './participant-media.ts';
import {
  type Publication,
  WAITS_FOR_FRAME,
  WAITS_FOR_NOTHING,
  WAITS_FOR_TURN,
} from './publication.ts';
import type { RemoteParticipant } from './remote-participant.ts';
import type { RouterHost } from './router-host.ts';

export class RoomRouter {
  readonly sid: string;
  readonly host: RouterHost;
  readonly participants = new Set<ParticipantMedia>();
  /** Those whose transports other workers have. */
  readonly remotes = new Set<RemoteParticipant>();
  readonly #speakers = new ActiveSpeakers<Publication>(SPEAKERS_INTERVAL_MS);
  /** Which microphones are forwarded, or where all are, which slots should show. */
  readonly #audible: AudibleSpeakers<Publication>;
  readonly #speakersTimer = new Timer((now) => this.#tellSpeakers(now));
  /** Publications with packets for the end of the turn, and where they go. */
  #pendingCount = 0;
  readonly #pending: (Publication | undefined)[] = [];
  /** Publications whose last frame has not all come. */
  #heldCount = 0;
  readonly #held: (Publication | undefined)[] = [];
  readonly #heldTimer = new Timer(() => this.#release());
  #pathCount = 0;
  readonly #paths: (OutgoingPath | undefined)[] = [];

  constructor(host: RouterHost, sid: string) {
    this.host = host;
    this.sid = sid;
    this.#audible = new AudibleSpeakers(host.loudest || AUDIBLE, this.#speakers.loudest);
  }

  /** Something is published: it is shown where somebody waits for it. */
  publish(publication: Publication, now: number): void {
    this.host.publications.set(publication.number, publication);
    if (publication.section.ids.id(EXTENSION_AUDIO_LEVEL) > 0) {
      publication.speaker = this.#speakers.add(publication, now);
      if (!this.#speakersTimer.scheduled) this.#scheduleSpeakers();
      this.onMuted(publication, now);
    }
    for (const { slots } of this.participants) {
      for (const slot of slots) {
        if (slot.wanted === publication.number) slot.bind(publication, now);
      }
    }
  }

  /** Idempotent, whoever has the number afterwards. */
  unpublish(publication: Publication, now: number): void {
    if (this.find(publication.number) !== publication) return;
    this.flush(now);
    this.host.publications.delete(publication.number);
    while (publication.slots.length > 0) publication.slots.at(-1)!.bind(undefined, now);
    publication.close();
    const { speaker } = publication;
    if (speaker === undefined) return;
    this.#speakers.remove(speaker);
    if (this.#audible.remove(speaker, now)) this.#tellAudible();
  }

  /** It was muted or is no longer, or has just been published. */
  onMuted(publication: Publication, now: number): void {
    const { speaker, isMicrophone, muted } = publication;
    if (speaker === undefined || !isMicrophone) return;
    const changed = muted ? this.#audible.remove(speaker, now) : this.#audible.add(speaker, now);
    if (changed) this.#tellAudible();
  }

  /** Somebody says something who is not heard. */
  onSpeech(speaker: Speaker<Publication>, now: number): void {
    if (this.#audible.speaks(speaker, now)) this.#tellAudible();
  }

  /** Another worker that has the room decides which microphones are heard, or none does any more. */
  follow(publications: readonly number[] | null, now: number): void {
    if (publications === null) {
      this.#audible.lead(now);
      this.#tellAudible();
      return;
    }
    const speakers = publications.flatMap((number) => this.find(number)?.speaker ?? []);
    this.#audible.follow(speakers, now);
  }

  /** The publication of that number, if it is of this room. */
  find(number: number): Publication | undefined {
    const publication = this.host.publications.get(number);
    return publication?.room === this ? publication : undefined;
  }

  /** What waits of a publication is to be sent when the turn ends. */
  pend(publication: Publication): void {
    if (publication.waits === WAITS_FOR_TURN) return;
    if (publication.waits === WAITS_FOR_FRAME) this.#unhold(publication);
    publication.waits = WAITS_FOR_TURN;
    if (this.#pendingCount === 0) this.host.atTurnEnd(this);
    this.#pending[this.#pendingCount++] = publication;
  }

  /**
   * The first packet of a frame waits for the last one: no decoder can do anything before that has come, and a frame
   * that leaves at once takes fewer calls. Packets that come slowly do not wait longer than HOLD_MS.
   */
  hold(publication: Publication, now: number): void {
    if (publication.waits !== WAITS_FOR_NOTHING) return;
    publication.waits = WAITS_FOR_FRAME;
    publication.heldAt = this.#heldCount;
    this.#held[this.#heldCount++] = publication;
    if (this.#heldTimer.scheduled) return;
    this.host.timers.schedule(this.#heldTimer, now + HOLD_MS);
  }

  get isEmpty(): boolean {
    return this.participants.size === 0 && this.remotes.size === 0;
  }

  /** Nobody is in it any more. */
  close(): void {
    this.host.timers.cancel(this.#speakersTimer);
    this.host.timers.cancel(this.#heldTimer);
  }

  /** Sends all that waits, whatever for. */
  flush(now: number): void {
    this.#release();
    this.endTurn(now);
  }

  /** Sends what waits for the end of the turn. */
  endTurn(now: number): void {
    const publications = this.#pendingCount;
    if (publications === 0) return;
    for (let i = 0; i < publications; i++) this.#gather(this.#pending[i]!);
    const paths = this.#pathCount;
    for (let i = 0; i < paths; i++) {
      const path = this.#paths[i]!;
      const slots = path.pendingCount;
      path.pendingCount = 0;
      for (let j = 0; j < slots; j++) {
        const slot = path.pendingSlots[j]!;
        const publication = slot.publication!;
        const packets = publication.pendingCount;
        const isPaced = publication.kind === 'video' && path.pacer.isNeeded(now);
        for (let k = 0; k < packets; k++) {
          const stream = publication.pendingStreams[k]!;
          const sequence = publication.pendingSequences[k]!;
          if (isPaced) path.pacer.add(slot, stream, sequence, 1, now);
          else slot.forward(stream, sequence, now);
        }
        if (isPaced) path.pacer.start(now);
      }
      if (now >= path.reports.earliest) path.reportAlong(now);
    }
    this.#pathCount = 0;
    this.#pendingCount = 0;
    for (let i = 0; i < publications; i++) {
      const publication = this.#pending[i]!;
      publication.pendingCount = 0;
      publication.waits = WAITS_FOR_NOTHING;
    }
  }

  #release(): void {
    while (this.#heldCount > 0) this.pend(this.#held[0]!);
  }

  /** It does not wait for its frame any more; while nobody does, there is nothing to wake up for. */
  #unhold({ heldAt }: Publication): void {
    const last = this.#held[--this.#heldCount]!;
    this.#held[heldAt] = last;
    last.heldAt = heldAt;
    if (this.#heldCount === 0) this.host.timers.cancel(this.#heldTimer);
  }

  /** Whoever is heard has changed. */
  #tellSpeakers(now: number): void {
    const changed = this.#speakers.evaluate(now);
    if (this.#audible.evaluate(now)) this.#tellAudible();
    if (changed) {
      const audible = this.#speakers.loudest.filter(({ active, level }) => active || level > 0);
      const speakers = audible
        .slice(0, SPEAKERS_MAX)
        .map(({ publication: { number }, level, active }) => ({
          publication: number,
          level,
          active,
        }));
      this.host.emit({ type: 'sfu.speakers', room: this.sid, speakers });
    }
    this.#scheduleSpeakers();
  }

  #tellAudible(): void {
    const publications = this.#audible.audible.map(({ publication }) => publication.number);
    this.host.emit({ type: 'sfu.heard', room: this.sid, publications });
  }

  #scheduleSpeakers(): void {
    const { nextDeadline } = this.#speakers;
    if (nextDeadline !== Infinity) this.host.timers.schedule(this.#speakersTimer, nextDeadline);
  }

  #gather(publication: Publication): void {
    const { slots, isQuiet } = publication;
    // Somebody else was louder later in the same turn.
    if (isQuiet) publication.holdBack();
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      const { path } = slot;
      if (!path.isUp || (isQuiet && !slot.isPinned)) continue;
      if (path.pendingCount === 0) this.#paths[this.#pathCount++] = path;
      path.pendingSlots[path.pendingCount++] = slot;
    }
  }
}
