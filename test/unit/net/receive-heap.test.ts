// What a datagram that comes in and goes out again costs in memory, alone in its process so that nothing else
// allocates.

import { expect, it } from 'vitest';
import type { SocketOwner } from '../../../shared/net/engine.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { LinuxWorld } from '../../support/net/linux-world.ts';
import { bytesPerTurn } from '../../support/turn/heap.ts';
import { address as at } from '../../support/turn/world.ts';

const BURST = 64;
const TURNS = 100_000;

const idle = (): void => undefined;

/** Sends everything back with a header, from the address it was sent to. */
class Echo implements SocketOwner {
  readonly local = at('0.0.0.0');
  readonly #world: LinuxWorld;
  readonly #header = new Uint8Array(48);
  readonly #sockets: number[] = [];

  constructor(world: LinuxWorld) {
    this.#world = world;
  }

  onOpened(_tag: number, local: TransportAddress): void {
    this.local.set(local);
  }

  onLocal(_tag: number, socket: number): number {
    return this.#sockets.push(socket) - 1;
  }

  onDatagram(tag: number, from: TransportAddress, bytes: Uint8Array, offset: number, n: number) {
    const { engine } = this.#world;
    engine.sendHeaded(this.#sockets[tag]!, from, this.#header, 48, bytes, offset, n, 3);
  }
}

it.each(['127.0.0.1', '::1'])(
  'a wildcard socket asked at %s allocates nothing per datagram',
  (host) => {
    const world = new LinuxWorld();
    const echo = new Echo(world);
    let back = 0;
    const counting: SocketOwner = { onOpened: () => undefined, onDatagram: () => void back++ };
    world.engine.open(at(host.includes(':') ? '::' : '0.0.0.0'), echo, 1);
    const id = world.engine.open(at(host), counting, 2);
    world.turn();
    const to = at(host, echo.local.port);
    const payload = new Uint8Array(60);
    const run = (turns: number): void => {
      for (let sent = 0; sent < turns; sent += BURST) {
        for (let i = 0; i < BURST; i++) world.engine.send(id, to, payload, 0, 60);
        world.engine.turn(0, idle);
        world.engine.turn(0, idle);
      }
    };
    // On a busy machine the compiler may need more than one round.
    let bytes = bytesPerTurn(run, TURNS);
    for (let round = 0; round < 4 && bytes >= 4; round++) bytes = bytesPerTurn(run, TURNS);
    process.stdout.write(`there and back by ${host}: ${bytes.toFixed(2)} B\n`);
    expect(world.engine.counters.receiveDropped).toBe(0);
    expect(back).toBeGreaterThanOrEqual(TURNS);
    world.close();
    expect(bytes).toBeLessThan(4);
  },
);
