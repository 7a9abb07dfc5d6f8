// The media workers as signaling sees them: each a place for transports, with its candidates and a way to it.
// Called by: signaling, for answers and commands; the media host, for events. Knows which worker has an ICE session by
// its username fragment, for those who come over TCP.

import type { IceCandidate } from '../../sfu/ice/candidates.ts';
import type { PipeCommand, PipeEvent, SfuCommand, SfuEvent } from '../../sfu/control.ts';
import { CONNECTING_MAX } from '../../sfu/transport/limits.ts';
import { RoomSpans } from './room-spans.ts';
import type { MediaLost, MediaPlace, MediaPlane, MediaShortage } from '../../signaling/index.ts';

export interface SfuPlaneParts {
  readonly workers: number;
  /** Our certificate's, as `a=fingerprint` has it. */
  readonly fingerprint: string;
  /** That one worker takes. */
  readonly transportsMax: number;
  /** Of one room, that one worker is given while others have fewer. */
  readonly participantsPerWorker: number;
  readonly send: (worker: number, command: SfuCommand | PipeCommand) => void;
}

/** Of one transport: restarts that come faster than their first check leave more behind. */
const UFRAGS_MAX = 4;

type Listener = Parameters<MediaPlane['onEvent']>[0];

/** Counts what its worker has, or a little more: what the worker has closed is open here until it says so. */
class Place implements MediaPlace {
  readonly worker: number;
  candidates: readonly IceCandidate[] = [];
  readonly fingerprint: string;
  up = false;
  /** Transports open here, and those of them that have not been connected yet. */
  load = 0;
  connecting = 0;
  /** Rooms placed here first, ever: so that rooms that are still empty are spread as well. */
  rooms = 0;
  readonly send: (command: SfuCommand) => void;
  readonly #transportsMax: number;

  constructor(
    worker: number,
    { fingerprint, transportsMax }: SfuPlaneParts,
    send: (command: SfuCommand) => void,
  ) {
    this.worker = worker;
    this.fingerprint = fingerprint;
    this.send = send;
    this.#transportsMax = transportsMax;
  }

  get shortage(): MediaShortage | null {
    if (!this.up) return 'down';
    return this.load >= this.#transportsMax || this.connecting >= CONNECTING_MAX ? 'full' : null;
  }

  /** Whether it is the better one for a room. */
  precedes(other: Place): boolean {
    const [isShort, isOtherShort] = [this.shortage !== null, other.shortage !== null];
    if (isShort !== isOtherShort) return isOtherShort;
    return this.load < other.load || (this.load === other.load && this.rooms < other.rooms);
  }
}

interface OpenTransport {
  readonly worker: number;
  isConnecting: boolean;
  /** Ours, of every generation: the oldest is valid until the peer uses the newest. */
  readonly ufrags: string[];
}

export class SfuPlane implements MediaPlane {
  readonly #places: readonly Place[];
  readonly #transports = new Map<number, OpenTransport>();
  readonly #workerOf = new Map<string, number>();
  readonly #spans: RoomSpans;
  readonly #participantsPerWorker: number;
  #listener: Listener | undefined;

  constructor(parts: SfuPlaneParts) {
    this.#places = Array.from(
      { length: parts.workers },
      (_, worker) =>
        new Place(worker, parts, (command) => {
          this.#note(worker, command);
          parts.send(worker, command);
          if (command.type === 'sfu.close') this.#forget(command.id);
          this.#spans.commanded(worker, command);
        }),
    );
    this.#participantsPerWorker = parts.participantsPerWorker;
    this.#spans = new RoomSpans({
      send: parts.send,
      tell: (worker, speakers) => this.#tell(worker, speakers),
    });
  }

  get shortage(): MediaShortage | null {
    return this.#best().shortage;
  }

  /** A room stays in the worker that it began in until it has outgrown that, or another one has much less to do. */
  place(room: string): MediaPlace {
    const most = this.#participantsPerWorker;
    const best = this.#best();
    const counts = this.#spans.countsOf(room);
    for (const [worker, count] of counts) {
      const place = this.#places[worker];
      if (place === undefined || place.shortage !== null || count >= most) continue;
      if (place.load - best.load < most) return place;
    }
    if (counts.size === 0) best.rooms++;
    return best;
  }

  onEvent(listener: Listener): void {
    this.#listener = listener;
  }

  /** The worker listens, for the first time or again. */
  setCandidates(worker: number, candidates: readonly IceCandidate[]): void {
    const place = this.#places[worker];
    if (place === undefined) return;
    place.candidates = candidates;
    place.up = true;
  }

  /** The worker died: nobody is placed there before it listens again. */
  down(worker: number): void {
    const place = this.#places[worker];
    if (place !== undefined) place.up = false;
    this.#spans.down(worker);
  }

  /** Where media is received, as clients are told: `udp://127.0.0.1:7882`. */
  get urls(): string[] {
    const urls = this.#places.flatMap(({ candidates }) =>
      candidates.map(({ transport, address }) => `${transport}://${address.toString()}`),
    );
    return [...new Set(urls)];
  }

  /** The worker that has the ICE session with our username fragment. */
  workerOf(ufrag: string): number | undefined {
    return this.#workerOf.get(ufrag);
  }

  event(worker: number, event: SfuEvent | PipeEvent): void {
    if (event.type === 'sfu.state') {
      if (event.state === 'closed') this.#forget(event.id);
      else if (event.state === 'connected') this.#connected(event.id);
    }
    // Of rooms that span workers, each of them says what one is to say.
    if (event.type === 'sfu.watch') {
      this.#spans.watched(worker, event.publication, event.isWatched);
    } else if (event.type === 'sfu.live') {
      if ((this.#spans.homeOf(event.publication) ?? worker) === worker) this.#tell(worker, event);
    } else if (event.type === 'sfu.speakers') {
      if (this.#spans.speaks(worker, event)) this.#tell(worker, event);
    } else if (event.type !== 'sfu.heard' || this.#spans.hears(worker, event)) {
      this.#tell(worker, event);
    }
  }

  /** The worker died and another has taken its place: who was there can come again. */
  lost(worker: number): void {
    for (const [id, transport] of this.#transports) {
      if (transport.worker === worker) this.#forget(id);
    }
    this.#spans.up(worker);
    this.#tell(worker, { type: 'sfu.lost' });
  }

  #tell(worker: number, event: SfuEvent | MediaLost): void {
    const place = this.#places[worker];
    if (place !== undefined) this.#listener?.(place, event);
  }

  #note(worker: number, command: SfuCommand): void {
    if (command.type === 'sfu.open') {
      const { ufrag } = command.ice.local;
      this.#transports.set(command.id, { worker, isConnecting: true, ufrags: [ufrag] });
      this.#workerOf.set(ufrag, worker);
      this.#places[worker]!.load++;
      this.#places[worker]!.connecting++;
    } else if (command.type === 'sfu.change' && command.ice !== undefined) {
      const { ufrag } = command.ice.local;
      const transport = this.#transports.get(command.id);
      if (transport === undefined) return;
      transport.ufrags.push(ufrag);
      this.#workerOf.set(ufrag, worker);
      if (transport.ufrags.length > UFRAGS_MAX) {
        for (const old of transport.ufrags.splice(0, 1)) this.#workerOf.delete(old);
      }
    }
  }

  #best(): Place {
    return this.#places.reduce((best, one) => (one.precedes(best) ? one : best));
  }

  #connected(id: number): void {
    const transport = this.#transports.get(id);
    if (transport?.isConnecting !== true) return;
    transport.isConnecting = false;
    this.#places[transport.worker]!.connecting--;
  }

  #forget(id: number): void {
    const transport = this.#transports.get(id);
    if (transport === undefined) return;
    this.#connected(id);
    this.#transports.delete(id);
    for (const ufrag of transport.ufrags) this.#workerOf.delete(ufrag);
    this.#places[transport.worker]!.load--;
    this.#spans.closed(id);
  }
}
