// An engine without sockets, under the test's control: what is sent is kept, sockets open when the test
// says so, time is a number. Hands out every datagram at an odd offset in a dirty buffer and scribbles over
// it afterwards, so that a core which keeps a view or an address it was lent, or reads past a length, is
// found out.

import { Arena } from '../../../shared/native/arena.ts';
import type {
  Engine,
  EngineCounters,
  OpenFailure,
  OpenOptions,
  SocketOwner,
} from '../../../shared/net/engine.ts';
import { TimerWheel } from '../../../shared/net/timer-wheel.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { TurnEnds } from '../../../shared/net/turn-ends.ts';

export interface Datagram {
  readonly from: TransportAddress;
  readonly bytes: Buffer;
}

interface FakeSocket {
  readonly id: number;
  readonly address: TransportAddress;
  owner: SocketOwner;
  tag: number;
  open: boolean;
  parked: boolean;
}

interface Travelling extends Datagram {
  readonly to: TransportAddress;
}

const OFFSET = 13;
const DIRT = 0xee;

export class FakeEngine implements Engine {
  /** As on Linux, whoever shares the engine may adopt what another has parked. */
  readonly kind = 'linux';
  readonly canSetDontFragment: boolean;
  readonly counters: EngineCounters = {
    sockets: 0,
    received: 0,
    receiveDropped: 0,
    sent: 0,
    sendDropped: 0,
  };
  now = 5_000_000;
  readonly timers: TimerWheel = new TimerWheel(this.now, (error) => {
    throw error;
  });
  /** While set, sockets stay unopened. */
  holdOpens = false;
  /** What becomes of a socket, where the fake would open it. */
  refuse: (address: TransportAddress) => OpenFailure | undefined = () => undefined;
  /** Counts what is sent and keeps nothing: for measuring the core alone. */
  countOnly = false;
  /** Every address that a socket was asked for, in order. */
  readonly asked: TransportAddress[] = [];
  readonly #sockets = new Map<number, FakeSocket>();
  readonly #byAddress = new Map<string, FakeSocket>();
  readonly #inboxes = new Map<string, Datagram[]>();
  #opening: FakeSocket[] = [];
  #travelling: Travelling[] = [];
  #nextId = 1;
  #outgoing: Arena | undefined = undefined;
  #claimed: { socket: number; to: TransportAddress; length: number } | undefined = undefined;
  readonly #turnEnds = new TurnEnds();
  #arena = new Uint8Array(OFFSET + 65_536 + OFFSET);

  constructor(canSetDontFragment = false) {
    this.canSetDontFragment = canSetDontFragment;
  }

  open(
    address: TransportAddress,
    owner: SocketOwner,
    tag: number,
    options: OpenOptions = {},
  ): number {
    const id = this.#nextId++;
    const parked = options.parked === true;
    const socket: FakeSocket = { id, address: address.copy(), owner, tag, open: false, parked };
    if (socket.address.port === 0) socket.address.port = 20_000 + socket.id;
    this.asked.push(socket.address);
    this.#sockets.set(socket.id, socket);
    if (!parked) this.counters.sockets++;
    this.#opening.push(socket);
    return socket.id;
  }

  adopt(id: number, owner: SocketOwner, tag: number): number {
    const socket = this.#sockets.get(id);
    if (socket?.parked !== true || !socket.open) throw new Error('no such parked socket');
    socket.owner = owner;
    socket.tag = tag;
    socket.parked = false;
    this.counters.sockets++;
    this.#opening.push(socket);
    return id;
  }

  discard(id: number): void {
    if (this.#sockets.get(id)?.parked === true) this.#remove(id);
  }

  close(id: number): void {
    if (this.#sockets.get(id)?.parked === false) this.#remove(id);
  }

  /** Sockets that are held and belong to nobody. */
  get parked(): number {
    return [...this.#sockets.values()].filter((socket) => socket.parked).length;
  }

  #remove(id: number): void {
    const socket = this.#sockets.get(id);
    if (socket === undefined) return;
    this.#sockets.delete(id);
    if (!socket.parked) this.counters.sockets--;
    if (socket.open) this.#byAddress.delete(socket.address.toString());
    socket.open = false;
  }

  send(
    socket: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    if (offset < 0 || length < 0 || offset + length > bytes.length) throw new RangeError('send');
    this.counters.sent++;
    if (this.countOnly) return;
    this.#carry(socket, to, Buffer.from(bytes.slice(offset, offset + length)));
  }

  sendWhole(
    id: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    this.send(id, to, bytes, offset, length);
  }

  sendPrefixed(
    socket: number,
    to: TransportAddress,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    if (offset < 0 || length < 0 || offset + length > bytes.length) throw new RangeError('send');
    this.counters.sent++;
    if (this.countOnly) return;
    const whole = Buffer.alloc(4 + length);
    whole.writeUInt32BE(prefix >>> 0);
    whole.set(bytes.subarray(offset, offset + length), 4);
    this.#carry(socket, to, whole);
  }

  sendHeaded(
    socket: number,
    to: TransportAddress,
    header: Uint8Array,
    headerLength: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: 0 | 1 | 2 | 3,
  ): void {
    if (offset < 0 || length < 0 || offset + length > bytes.length) throw new RangeError('send');
    if (headerLength > Math.min(header.length, 128) || padding > 3) throw new RangeError('header');
    this.counters.sent++;
    if (this.countOnly) return;
    const whole = Buffer.alloc(headerLength + length + padding);
    whole.set(header.subarray(0, headerLength));
    whole.set(bytes.subarray(offset, offset + length), headerLength);
    this.#carry(socket, to, whole);
  }

  get outgoing(): Arena {
    this.#outgoing ??= new Arena(OFFSET + 65_536);
    return this.#outgoing;
  }

  claim(socket: number, to: TransportAddress, length: number): number {
    this.#sendClaimed();
    this.#claimed = { socket, to: to.copy(), length };
    this.outgoing.bytes.fill(DIRT);
    return OFFSET;
  }

  unclaim(): void {
    this.#claimed = undefined;
  }

  #sendClaimed(): void {
    const claimed = this.#claimed;
    this.#claimed = undefined;
    if (claimed === undefined) return;
    this.send(claimed.socket, claimed.to, this.outgoing.bytes, OFFSET, claimed.length);
  }

  atTurnEnd(owner: SocketOwner): void {
    this.#turnEnds.ask(owner);
  }

  #carry(id: number, to: TransportAddress, bytes: Buffer): void {
    this.#sendClaimed();
    const socket = this.#sockets.get(id);
    if (socket?.open !== true || to.port === 0 || socket.address.family !== to.family) {
      this.counters.sendDropped++;
      return;
    }
    this.#travelling.push({ from: socket.address.copy(), to: to.copy(), bytes });
  }

  /** Whether a socket is open at that address. */
  has(address: TransportAddress): boolean {
    return this.#byAddress.has(address.toString());
  }

  /** What arrives at an address that no socket of the core has. */
  inbox(address: TransportAddress): Datagram[] {
    const key = address.toString();
    let inbox = this.#inboxes.get(key);
    if (inbox === undefined) {
      inbox = [];
      this.#inboxes.set(key, inbox);
    }
    return inbox;
  }

  /** All that has come to addresses no socket has, taken out. */
  takeAll(): Datagram[] {
    const all = [...this.#inboxes.values()].flatMap((inbox) => inbox.splice(0));
    if (this.#inboxes.size > 1000) this.#inboxes.clear();
    return all;
  }

  /** Sends from an endpoint of the test; delivered by the next `run`. */
  inject(from: TransportAddress, to: TransportAddress, bytes: Uint8Array): void {
    this.#travelling.push({ from: from.copy(), to: to.copy(), bytes: Buffer.from(bytes) });
  }

  /** Opens what is to be opened and delivers what is on its way, until nothing is left. */
  run(): void {
    for (let rounds = 0; this.#hasWork(); rounds++) {
      if (rounds > 100_000) throw new Error('datagrams go round in circles');
      if (this.#canOpen()) this.openNext();
      for (const datagram of this.#travelling.splice(0)) this.#deliver(datagram);
      this.#turnEnds.call(this.now, (error) => {
        throw error;
      });
      this.#sendClaimed();
    }
  }

  #hasWork(): boolean {
    this.#sendClaimed();
    return this.#travelling.length > 0 || this.#canOpen() || this.#turnEnds.pending;
  }

  get opening(): number {
    return this.#opening.length;
  }

  #canOpen(): boolean {
    return !this.holdOpens && this.#opening.length > 0;
  }

  /** Answers the oldest socket that is still to open. */
  openNext(): void {
    const socket = this.#opening.shift();
    if (socket === undefined || this.#sockets.get(socket.id) !== socket) return;
    const { address } = socket;
    const failure = !socket.open && this.has(address) ? 'in-use' : this.refuse(address);
    if (failure === undefined) {
      socket.open = true;
      this.#byAddress.set(address.toString(), socket);
    } else {
      this.#remove(socket.id);
    }
    socket.owner.onOpened(socket.tag, address.copy(), failure);
  }

  #deliver({ from, to, bytes }: Travelling): void {
    const socket = this.#byAddress.get(to.toString());
    if (socket === undefined) {
      this.inbox(to).push({ from, bytes });
      return;
    }
    if (socket.parked) return;
    this.counters.received++;
    const lent = from.copy();
    this.#arena.fill(DIRT, 0, OFFSET + bytes.length + OFFSET);
    this.#arena.set(bytes, OFFSET);
    socket.owner.onDatagram(socket.tag, lent, this.#arena, OFFSET, bytes.length, this.now);
    this.#arena.fill(DIRT, 0, OFFSET + bytes.length + OFFSET);
    lent.setV6(0xdead, 0xdead, 0xdead, 0xdead, 0xdead);
  }

  /** Hands a datagram to the socket at once and as it is, for measuring the core alone. */
  handOver(
    to: TransportAddress,
    from: TransportAddress,
    bytes: Uint8Array,
    length: number,
    times: number,
  ): void {
    const socket = this.#byAddress.get(to.toString());
    if (socket === undefined) throw new Error('no such socket');
    const { owner, tag } = socket;
    for (let i = 0; i < times; i++) owner.onDatagram(tag, from, bytes, 0, length, this.now);
  }
}
