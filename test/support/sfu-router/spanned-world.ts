// Two media workers without threads, and between them what there is in a process: the rings, and the main thread that
// tells each what it has to know. Both have the same time.

import { SfuPlane } from '../../../server/media/sfu-plane.ts';
import { Mailroom, type PipeHandler } from '../../../shared/net/mailroom.ts';
import type { SfuEvent } from '../../../sfu/control.ts';
import type { MediaLost } from '../../../signaling/index.ts';
import { RouterWorld } from './router-world.ts';

const STEP_MS = 4;

export class SpannedWorld {
  readonly plane: SfuPlane;
  readonly worlds: readonly [RouterWorld, RouterWorld];
  /** What signaling is told. */
  readonly told: { worker: number; event: SfuEvent | MediaLost }[] = [];
  /** Whether what the workers pipe is delivered. */
  isDelivering = true;
  readonly #memory = Mailroom.memory(2, true);
  readonly #rooms: Mailroom[] = [];
  readonly #toAway: Courier;

  /** @param loudest as SfuOptions has it */
  constructor(loudest = 0) {
    this.plane = new SfuPlane({
      workers: 2,
      fingerprint: 'sha-256 AA',
      transportsMax: 100,
      participantsPerWorker: 1,
      send: (worker, command) => {
        const world = this.worlds[worker]!;
        world.sfu.handle(structuredClone(command), world.now);
      },
    });
    this.#toAway = courier(() => this.away);
    this.plane.onEvent((place, event) => this.told.push({ worker: place.worker, event }));
    this.worlds = [this.#worker(0, loudest), this.#worker(1, loudest)];
    for (const worker of [0, 1]) {
      this.plane.setCandidates(worker, []);
      // Rooms that are empty are dealt out in turn.
      const place = this.plane.place(`room ${worker}`);
      this.worlds[place.worker]!.send = (command) => place.send(command);
    }
  }

  get home(): RouterWorld {
    return this.worlds[0];
  }

  get away(): RouterWorld {
    return this.worlds[1];
  }

  /** What was said meanwhile is heard, and what was piped comes: every turn of both that follows from what was done. */
  settle(): void {
    for (let n = 0; n < 4; n++) {
      for (const [worker, world] of this.worlds.entries()) {
        const room = this.#rooms[worker]!;
        const onPiped: Parameters<Mailroom['deliverPiped']>[0]['onPiped'] = (from, ...record) =>
          world.sfu.onPiped(from, ...record, world.now);
        if (this.isDelivering) room.deliverPiped({ onPiped }, 10_000);
        world.turn();
        room.flush();
        for (const event of world.events.splice(0)) this.plane.event(worker, event);
      }
    }
  }

  /** One turn of the first worker, and the one of the second that follows; allocates nothing. */
  carry(now: number): void {
    this.home.turn(now);
    this.#rooms[0]!.flush();
    this.#toAway.at(now);
    this.#rooms[1]!.deliverPiped(this.#toAway, 1000);
    this.away.turn(now);
  }

  advance(ms: number): void {
    this.settle();
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      for (const world of this.worlds) world.advance(Math.min(STEP_MS, ms - passed));
      this.settle();
    }
  }

  /** The worker dies with all that it has, and is back. */
  kill(worker: 0 | 1): void {
    this.plane.down(worker);
    this.settle();
    this.worlds[worker].close();
  }

  close(): void {
    for (const world of this.worlds) world.close();
  }

  #worker(self: number, loudest: number): RouterWorld {
    const room = new Mailroom(
      this.#memory,
      self,
      () => undefined,
      (error) => {
        throw error;
      },
    );
    this.#rooms[self] = room;
    return new RouterWorld({ loudest, pipeTo: (worker) => room.pipeTo(worker) });
  }
}

interface Courier extends PipeHandler {
  at(now: number): void;
}

/** As a worker's engine has it: the time is a variable, since what is read from a field is boxed for each call. */
function courier(world: () => RouterWorld): Courier {
  let now = 0;
  return {
    at: (time) => {
      now = time;
    },
    onPiped: (from, bytes, offset, length) => world().sfu.onPiped(from, bytes, offset, length, now),
  };
}
