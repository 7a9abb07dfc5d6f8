// The media workers as signaling sees them: each a place for rooms, with its candidates and a way to it.
// Called by: signaling, for answers and commands; the media host, for events. Knows which worker has an ICE session by
// its username fragment, for those who come over TCP.

import type { IceCandidate } from '../../sfu/ice/candidates.ts';
import type { SfuCommand, SfuEvent } from '../../sfu/control.ts';
import type { MediaLost, MediaPlace, MediaPlane } from '../../signaling/index.ts';

export interface SfuPlaneParts {
  readonly workers: number;
  /** Our certificate's, as `a=fingerprint` has it. */
  readonly fingerprint: string;
  readonly send: (worker: number, command: SfuCommand) => void;
}

/** Of one transport: restarts that come faster than their first check leave more behind. */
const UFRAGS_MAX = 4;

type Listener = Parameters<MediaPlane['onEvent']>[0];

class Place implements MediaPlace {
  readonly worker: number;
  candidates: readonly IceCandidate[] = [];
  readonly fingerprint: string;
  /** Transports open here. */
  load = 0;
  /** Rooms placed here, ever: so that rooms that are still empty are spread as well. */
  rooms = 0;
  readonly send: (command: SfuCommand) => void;

  constructor(worker: number, fingerprint: string, send: (command: SfuCommand) => void) {
    this.worker = worker;
    this.fingerprint = fingerprint;
    this.send = send;
  }
}

interface OpenTransport {
  readonly worker: number;
  /** Ours, of every generation: the oldest is valid until the peer uses the newest. */
  readonly ufrags: string[];
}

export class SfuPlane implements MediaPlane {
  readonly #places: readonly Place[];
  readonly #transports = new Map<number, OpenTransport>();
  readonly #workerOf = new Map<string, number>();
  #listener: Listener | undefined;

  constructor({ workers, fingerprint, send }: SfuPlaneParts) {
    this.#places = Array.from(
      { length: workers },
      (_, worker) =>
        new Place(worker, fingerprint, (command) => {
          this.#note(worker, command);
          send(worker, command);
        }),
    );
  }

  place(): MediaPlace {
    const place = this.#places.reduce((best, one) =>
      one.load < best.load || (one.load === best.load && one.rooms < best.rooms) ? one : best,
    );
    place.rooms++;
    return place;
  }

  onEvent(listener: Listener): void {
    this.#listener = listener;
  }

  /** The worker listens, for the first time or again. */
  setCandidates(worker: number, candidates: readonly IceCandidate[]): void {
    const place = this.#places[worker];
    if (place !== undefined) place.candidates = candidates;
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

  event(worker: number, event: SfuEvent): void {
    if (event.type === 'sfu.state' && event.state === 'closed') this.#forget(event.id);
    this.#tell(worker, event);
  }

  /** The worker died and another has taken its place: who was there can come again. */
  lost(worker: number): void {
    for (const [id, transport] of this.#transports) {
      if (transport.worker === worker) this.#forget(id);
    }
    this.#tell(worker, { type: 'sfu.lost' });
  }

  #tell(worker: number, event: SfuEvent | MediaLost): void {
    const place = this.#places[worker];
    if (place !== undefined) this.#listener?.(place, event);
  }

  #note(worker: number, command: SfuCommand): void {
    if (command.type === 'sfu.open') {
      const { ufrag } = command.ice.local;
      this.#transports.set(command.id, { worker, ufrags: [ufrag] });
      this.#workerOf.set(ufrag, worker);
      this.#places[worker]!.load++;
    } else if (command.type === 'sfu.change' && command.ice !== undefined) {
      const { ufrag } = command.ice.local;
      const transport = this.#transports.get(command.id);
      if (transport === undefined) return;
      transport.ufrags.push(ufrag);
      this.#workerOf.set(ufrag, worker);
      if (transport.ufrags.length > UFRAGS_MAX) {
        for (const old of transport.ufrags.splice(0, 1)) this.#workerOf.delete(old);
      }
    } else if (command.type === 'sfu.close') this.#forget(command.id);
  }

  #forget(id: number): void {
    const transport = this.#transports.get(id);
    if (transport === undefined) return;
    this.#transports.delete(id);
    for (const ufrag of transport.ufrags) this.#workerOf.delete(ufrag);
    this.#places[transport.worker]!.load--;
  }
}
