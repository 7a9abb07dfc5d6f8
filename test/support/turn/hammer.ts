// A thread that hammers the commons together with others, as servers would in their worst hour, and checks at every
// step what must hold: no unit, port or socket is two threads' at a time. Bundled and started by hammer-threads.ts.

import { randomInt } from 'node:crypto';
import { workerData } from 'node:worker_threads';
import { Commons } from '../../../turn/index.ts';
import { SharedLock } from '../../../turn/shared-lock.ts';
import type { ParkedRelay } from '../../../turn/shared-reservations.ts';
import { address } from './world.ts';
import {
  ALLOCATED,
  BEGUN,
  BY_NETWORK,
  PACKET_BYTES,
  BANDWIDTH_CALLS,
  BANDWIDTH_PHASES_MS,
  BANDWIDTH_USERS,
  CAP_CALLS,
  CAP_NETWORKS,
  CAP_PHASES_MS,
  DONE,
  DYING,
  FIRST_PORT,
  type HammerData,
  HELD,
  HELD_TOTAL,
  PER_USER,
  REFUSED,
  SOCKETS,
  STARTED,
  TAKEN_UP,
  TOKEN_SLOTS,
  TOKEN_WORDS,
  TOKENS,
  TOTAL,
  USERS,
} from './truth.ts';

interface Made {
  readonly user: number;
  readonly account: number;
  readonly port: number;
  /** In the bandwidth. */
  readonly slot: number;
}

/** States of a token's slot; a thread that is busy with it writes minus its number. */
const EMPTY = 0;
const FULL = 1;

class Hammer {
  readonly #commons: Commons;
  readonly #truth: Int32Array;
  readonly #self: number;
  readonly #mortal: boolean;
  readonly #made: Made[] = [];

  constructor(commons: Commons, truth: Int32Array, mortal: boolean) {
    this.#commons = commons;
    this.#truth = truth;
    this.#self = commons.self + 1;
    this.#mortal = mortal;
  }

  turn(): void {
    const what = randomInt(20);
    if (what < 5) this.#allocate(randomInt(USERS), 1);
    else if (what < 10) this.#allocate(randomInt(USERS), 2);
    else if (what < 15) this.#end();
    else if (what < 19) this.#takeUp();
    else this.#expire();
  }

  endAll(): void {
    this.#expire();
    while (this.#made.length > 0) this.#end();
  }

  #allocate(user: number, units: 1 | 2): void {
    const { keys, quota, ports, reservations } = this.#commons;
    const account = quota.take(keys.of(`user ${user}`), units, PER_USER);
    if (account < 0) {
      Atomics.add(this.#truth, REFUSED, 1);
      return;
    }
    this.#hold(user, units);
    const port = units === 2 ? ports.takePair(0, randomInt) : ports.take(0, false, randomInt);
    if (port === undefined) {
      this.#hold(user, -units);
      quota.give(account, units);
      return;
    }
    this.#open(port);
    ports.setLive(0, port);
    if (units === 2) {
      this.#open(port + 1);
      // What is reserved is in nobody's hands: the truth does not count it until it is taken up.
      this.#hold(user, -1);
      const relay = { socket: port + 1, host: 0, port: port + 1 };
      this.#publish(user, reservations.hold(relay, account, true, 0));
    }
    this.#admit(user, account, port);
    Atomics.add(this.#truth, ALLOCATED, 1);
  }

  #end(): void {
    const { bandwidth, quota, ports } = this.#commons;
    if (this.#made.length === 0) return;
    const [{ user, account, port, slot }] = this.#made.splice(randomInt(this.#made.length), 1) as [
      Made,
    ];
    this.#close(port);
    ports.release(0, port);
    this.#hold(user, -1);
    bandwidth.close(slot);
    quota.give(account, 1);
  }

  #takeUp(): void {
    const { keys, ports, reservations } = this.#commons;
    const published = this.#look();
    if (published === undefined) return;
    const { user, token } = published;
    let port = 0;
    const account = reservations.take(token, keys.of(`user ${user}`), true, 0, (relay) => {
      port = relay.port;
      this.#adopt(relay);
    });
    if (account < 0) return;
    this.#hold(user, 1);
    ports.setLive(0, port);
    this.#admit(user, account, port);
    Atomics.add(this.#truth, TAKEN_UP, 1);
  }

  /** Of the bandwidth there are many more users than have room. */
  #admit(user: number, account: number, port: number): void {
    const slot = this.#commons.bandwidth.open(`user ${user}, ${randomInt(100)}`);
    this.#made.push({ user, account, port, slot });
  }

  #expire(): void {
    const { ports, reservations } = this.#commons;
    for (const { host, port } of reservations.expire(Infinity)) {
      this.#close(port);
      ports.release(host, port);
    }
  }

  /** Counted after it was taken and before it is given back: never more than there is, if it is right. */
  #hold(user: number, units: number): void {
    const ofUser = Atomics.add(this.#truth, HELD + user, units) + units;
    const ofAll = Atomics.add(this.#truth, HELD_TOTAL, units) + units;
    // What the dead held is not taken off the truth.
    if (this.#mortal) return;
    if (ofUser > PER_USER || ofAll > TOTAL) throw new Error(`quota: ${ofUser}, ${ofAll}`);
    if (ofUser < 0 || ofAll < 0) throw new Error(`given back twice: ${ofUser}, ${ofAll}`);
  }

  #open(port: number): void {
    const before = Atomics.exchange(this.#truth, SOCKETS + port - FIRST_PORT, this.#self);
    if (before !== 0) throw new Error(`port ${port} is of ${before}, and of ${this.#self}`);
  }

  #adopt({ socket, port }: ParkedRelay): void {
    if (socket !== port) throw new Error(`socket ${socket} at port ${port}`);
    const before = Atomics.exchange(this.#truth, SOCKETS + port - FIRST_PORT, this.#self);
    if (before === 0) throw new Error(`port ${port} was closed before it was adopted`);
  }

  #close(port: number): void {
    const before = Atomics.exchange(this.#truth, SOCKETS + port - FIRST_PORT, 0);
    if (before !== this.#self) throw new Error(`${this.#self} closed port ${port} of ${before}`);
  }

  /** Leaves a token where other threads find it, if there is room. */
  #publish(user: number, token: Uint8Array): void {
    const at = TOKENS + randomInt(TOKEN_SLOTS) * TOKEN_WORDS;
    const state = Atomics.load(this.#truth, at);
    if (state < 0 || Atomics.compareExchange(this.#truth, at, state, -this.#self) !== state) return;
    const words = new DataView(token.buffer);
    this.#truth[at + 1] = user;
    this.#truth[at + 2] = words.getInt32(0);
    this.#truth[at + 3] = words.getInt32(4);
    Atomics.store(this.#truth, at, FULL);
  }

  /** A token that somebody left; half of the time it stays for another thread to try as well. */
  #look(): { user: number; token: Uint8Array } | undefined {
    const at = TOKENS + randomInt(TOKEN_SLOTS) * TOKEN_WORDS;
    if (Atomics.compareExchange(this.#truth, at, FULL, -this.#self) !== FULL) return undefined;
    const token = new Uint8Array(8);
    const words = new DataView(token.buffer);
    const user = this.#truth[at + 1]!;
    words.setInt32(0, this.#truth[at + 2]!);
    words.setInt32(4, this.#truth[at + 3]!);
    Atomics.store(this.#truth, at, randomInt(2) === 0 ? FULL : EMPTY);
    return { user, token };
  }
}

/** Asks the cap for two networks at the times that all threads ask at. */
function askCap({ unauthenticatedCap: cap }: Commons, truth: Int32Array): void {
  const sources = CAP_NETWORKS.map((host) => address(host, 9));
  for (const [phase, now] of CAP_PHASES_MS.entries()) {
    while (Atomics.load(truth, STARTED) <= phase) Atomics.wait(truth, STARTED, phase, 1000);
    for (let n = 0; n < CAP_CALLS; n++) {
      for (const [network, source] of sources.entries()) {
        if (cap.allow(source, now)) Atomics.add(truth, BY_NETWORK + network, 1);
      }
    }
    Atomics.add(truth, DONE, 1);
  }
}

/** Asks for packets of each user at the times that all threads ask at. */
function spendBandwidth({ bandwidth }: Commons, truth: Int32Array): void {
  const slots = BANDWIDTH_USERS.map((user) => bandwidth.open(user));
  for (const [phase, now] of BANDWIDTH_PHASES_MS.entries()) {
    while (Atomics.load(truth, STARTED) <= phase) Atomics.wait(truth, STARTED, phase, 1000);
    for (let n = 0; n < BANDWIDTH_CALLS; n++) {
      for (const [user, slot] of slots.entries()) {
        if (!bandwidth.take(slot, PACKET_BYTES, now)) continue;
        Atomics.add(truth, BY_NETWORK, 1);
        if (user === 0) Atomics.add(truth, BY_NETWORK + 1, 1);
      }
    }
    Atomics.add(truth, DONE, 1);
  }
  for (const slot of slots) bandwidth.close(slot);
}

function waitForDeath(truth: Int32Array): never {
  Atomics.store(truth, DYING, 1);
  for (;;) Atomics.wait(truth, DYING, 1);
}

/** Dies in the middle of taking a reservation up. */
function dieTakingUp(commons: Commons, truth: Int32Array, token: Uint8Array, late: boolean): void {
  const { keys, reservations } = commons;
  reservations.take(token, keys.of('user 0'), true, 0, ({ port }) => {
    if (late) Atomics.store(truth, SOCKETS + port - FIRST_PORT, commons.self + 1);
    waitForDeath(truth);
  });
}

function hammerAway(commons: Commons, truth: Int32Array, turns: number, mortal: boolean): void {
  const hammer = new Hammer(commons, truth, mortal);
  while (Atomics.load(truth, STARTED) === 0) Atomics.wait(truth, STARTED, 0, 1000);
  Atomics.add(truth, BEGUN, 1);
  for (let n = 0; n < turns; n++) hammer.turn();
  hammer.endAll();
}

function play({ memory, self, part, turns, token, truth: shared }: HammerData): void {
  const truth = new Int32Array(shared);
  const commons = new Commons(memory, self);
  if (part === 'cap') askCap(commons, truth);
  else if (part === 'bandwidth') spendBandwidth(commons, truth);
  else if (part === 'dies-with-lock') {
    new SharedLock(memory.lock, self).hold(() => waitForDeath(truth));
  } else if (part === 'dies-before-adopting') dieTakingUp(commons, truth, token, false);
  else if (part === 'dies-after-adopting') dieTakingUp(commons, truth, token, true);
  else hammerAway(commons, truth, turns, part === 'mortal');
}

play(workerData as HammerData);
