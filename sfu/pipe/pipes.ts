// What a worker has to do with the other workers of the process: the participants of its rooms that live there, and who
// of them is sent what is published here. Called by: Sfu, its owner. Allocates: for each command; nothing per packet.

import type { RecordRing } from '../../shared/net/record-ring.ts';
import type { PipeCommand } from '../control.ts';
import { HERE } from '../router/publication.ts';
import { RemoteParticipant } from '../router/remote-participant.ts';
import type { RoomRouter } from '../router/room-router.ts';
import type { RouterHost } from '../router/router-host.ts';
import { PipeIn } from './pipe-in.ts';
import { PipeOut } from './pipe-out.ts';

/** The ring to another worker; what is claimed there goes when the turn ends. */
export type PipeTo = (worker: number) => RecordRing | undefined;

/** The rooms of this worker. */
export interface Rooms {
  /** The one of that sid, made where there is none. */
  open(sid: string): RoomRouter;
  find(sid: string): RoomRouter | undefined;
  /** Closes it, unless somebody is there. */
  leave(room: RoomRouter): void;
}

export class Pipes {
  readonly #host: RouterHost;
  readonly #rooms: Rooms;
  readonly #ringTo: PipeTo;
  readonly #in: PipeIn;
  readonly #out = new Map<number, PipeOut>();
  readonly #remotes = new Map<number, RemoteParticipant>();

  constructor(host: RouterHost, rooms: Rooms, ringTo: PipeTo) {
    this.#host = host;
    this.#rooms = rooms;
    this.#ringTo = ringTo;
    this.#in = new PipeIn(host);
  }

  /** A record that the worker of that number wrote. */
  receive(worker: number, bytes: Uint8Array, offset: number, length: number, now: number): void {
    this.#in.receive(worker, bytes, offset, length, now);
  }

  handle(command: PipeCommand, now: number): void {
    switch (command.type) {
      case 'sfu.mirror': {
        const { id, room, home, media } = command;
        const pipe = this.#to(home);
        if (pipe === undefined) break;
        const known = this.#remotes.get(id);
        const remote = known ?? new RemoteParticipant(this.#rooms.open(room), id, pipe);
        this.#remotes.set(id, remote);
        remote.describe(media, now);
        break;
      }
      case 'sfu.unmirror':
        for (const id of command.ids) this.#end(this.#remotes.get(id), now);
        break;
      case 'sfu.pipe': {
        const publication = this.#host.publications.get(command.publication);
        const pipe = this.#to(command.worker);
        // What another worker has comes from there alone.
        if (publication?.home !== HERE || pipe === undefined) break;
        publication.pipe(pipe, command.isOpen);
        break;
      }
      case 'sfu.heard':
        this.#rooms.find(command.room)?.follow(command.publications, now);
        break;
      case 'sfu.severed':
        this.#sever(command.worker, now);
        break;
    }
  }

  close(now: number): void {
    for (const remote of this.#remotes.values()) this.#end(remote, now);
    this.#in.free();
  }

  #sever(worker: number, now: number): void {
    for (const remote of this.#remotes.values()) if (remote.home === worker) this.#end(remote, now);
    const pipe = this.#out.get(worker);
    if (pipe === undefined) return;
    for (const publication of this.#host.publications.values()) publication.pipe(pipe, false);
  }

  #end(remote: RemoteParticipant | undefined, now: number): void {
    if (remote === undefined || !this.#remotes.delete(remote.id)) return;
    remote.close(now);
    this.#rooms.leave(remote.room);
  }

  #to(worker: number): PipeOut | undefined {
    const known = this.#out.get(worker);
    if (known !== undefined) return known;
    const ring = this.#ringTo(worker);
    if (ring === undefined) return undefined;
    const pipe = new PipeOut(worker, ring, this.#host.counters);
    this.#out.set(worker, pipe);
    return pipe;
  }
}
