// The engine on node:dgram: runs wherever Node runs, at one system call and one event per datagram. What leaves a
// socket on 0.0.0.0 or :: has the source address that the kernel chooses, whichever one was asked. What IPv4 sends to a
// socket for both families comes mapped into IPv6, and is told as what it is.
// Allocates: dgram's own message, and one copy per datagram sent, because libuv may send it after the call returned.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { MessagePort } from 'node:worker_threads';
import type { Arena } from '../native/arena.ts';
import type {
  EngineCounters,
  EngineLoop,
  EngineOptions,
  OpenFailure,
  OpenOptions,
  SocketOwner,
} from './engine.ts';
import { TimerWheel, type Timers } from './timer-wheel.ts';
import { TransportAddress } from './transport-address.ts';
import { TurnEnds } from './turn-ends.ts';

/** 64 KiB kernel buffers lose key frames at 2 Mbit/s; 4 MiB hold a burst. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

/** Datagrams of one socket that libuv may hold when the kernel's buffer is full; beyond it they are dropped. */
const SEND_QUEUE_BYTES_MAX = 1024 * 1024;

/** Longer than setTimeout can is no use; a look at the wheel in vain costs nothing. */
const ALARM_MS_MAX = 60_000;

/** The largest UDP payload over IPv4. */
const CLAIM_BYTES_MAX = 65_507;

/** No socket has that number. */
const NO_SOCKET = 0;

/** Parsed source addresses kept, so that a known flow costs no parsing. Cleared when full. */
const ADDRESS_CACHE_MAX = 8192;

interface OpenSocket {
  readonly socket: Socket;
  owner: SocketOwner;
  tag: number;
  open: boolean;
  parked: boolean;
  /** Takes IPv4 as well, which dgram wants mapped into IPv6 where it sends. */
  readonly dualStack: boolean;
}

export interface PortableEngineOptions extends EngineOptions {
  /**
   * Where datagrams are written that are claimed, each of them at its beginning. Whoever makes it frees it: an arena
   * needs native code, and this engine does without.
   */
  readonly outgoing?: Arena;
}

export class PortableEngine implements EngineLoop {
  readonly kind = 'portable';
  readonly canSetDontFragment = false;
  readonly counters: EngineCounters = {
    sockets: 0,
    received: 0,
    receiveDropped: 0,
    sent: 0,
    sendDropped: 0,
  };
  readonly #options: PortableEngineOptions;
  readonly #onFault: (error: unknown) => void;
  readonly #sockets = new Map<number, OpenSocket>();
  readonly #addresses = new Map<string, Map<number, TransportAddress>>();
  #addressCount = 0;
  readonly #wheel: TimerWheel;
  readonly timers: Timers;
  /** When the wheel is looked at next, and the time-out that does it. */
  #alarmAt = Infinity;
  #alarm: NodeJS.Timeout | undefined = undefined;
  #nextId = 1;
  #stop: (() => void) | undefined = undefined;
  /** What was claimed last and is still to be copied: by which socket, how long, and where to. */
  #claimedBy = NO_SOCKET;
  #claimedLength = 0;
  readonly #claimedTo = new TransportAddress();
  readonly #turnEnds = new TurnEnds();

  constructor(options: PortableEngineOptions) {
    this.#options = options;
    this.#onFault = (error) => {
      // It may not have been written.
      this.unclaim();
      options.onFault(error);
    };
    const wheel = new TimerWheel(options.now(), this.#onFault);
    this.#wheel = wheel;
    this.timers = {
      schedule: (timer, at) => {
        wheel.schedule(timer, at);
        this.#setAlarm();
      },
      cancel: (timer) => wheel.cancel(timer),
    };
  }

  open(
    address: TransportAddress,
    owner: SocketOwner,
    tag: number,
    options: OpenOptions = {},
  ): number {
    const id = this.#nextId++;
    const family = address.family === 4 ? 'udp4' : 'udp6';
    const dualStack = options.dualStack === true;
    const socket = createSocket({
      type: family,
      // Addresses are IP literals already: answering at once makes `send` a synchronous system call.
      lookup: (host, _options, callback) => callback(null, host, address.family),
      ipv6Only: address.family === 6 && !dualStack,
    });
    const parked = options.parked === true;
    const entry: OpenSocket = { socket, owner, tag, open: false, parked, dualStack };
    this.#sockets.set(id, entry);
    if (!parked) this.counters.sockets++;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (entry.open || this.#sockets.get(id) !== entry) return;
      this.#remove(id);
      this.#answer(entry, address, failureOf(error));
    });
    socket.on('message', (message, from) => this.#receive(entry, message, from));
    socket.bind({ address: address.host, port: address.port, exclusive: true }, () => {
      if (this.#sockets.get(id) !== entry) return;
      entry.open = true;
      enlargeBuffers(socket);
      const local = address.copy();
      local.port = socket.address().port;
      this.#answer(entry, local, undefined);
    });
    return id;
  }

  /** Serves commands from this thread's event loop, as sockets and timers are served anyway, until `stop`. */
  run(port: MessagePort, onCommand: (command: never) => void): void {
    port.on('message', (command: unknown) => {
      try {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever holds the other port sends commands
        onCommand(command as never);
      } catch (error) {
        this.#onFault(error);
      }
    });
    this.#stop = () => port.close();
  }

  /** Has the event loop look at the wheel when its next timer may be due. That keeps no process alive. */
  #setAlarm(): void {
    const now = this.#options.now();
    const wait = this.#wheel.nextIn(now, ALARM_MS_MAX);
    if (this.#alarmAt <= now + wait) return;
    clearTimeout(this.#alarm);
    this.#alarmAt = now + wait;
    this.#alarm = setTimeout(() => {
      this.#alarmAt = Infinity;
      this.#wheel.advance(this.#options.now());
      if (!this.#wheel.empty) this.#setAlarm();
    }, wait).unref();
  }

  /** Ends `run`. Sockets are closed by their owners. */
  stop(): void {
    this.#stop?.();
  }

  adopt(socket: number, owner: SocketOwner, tag: number): number {
    const entry = this.#sockets.get(socket);
    if (entry?.parked !== true) throw new Error('no such parked socket');
    entry.owner = owner;
    entry.tag = tag;
    entry.parked = false;
    this.counters.sockets++;
    const local = TransportAddress.parse(entry.socket.address().address);
    if (local === undefined) throw new Error('a socket without an address');
    local.port = entry.socket.address().port;
    this.#answer(entry, local, undefined);
    return socket;
  }

  discard(socket: number): void {
    if (this.#sockets.get(socket)?.parked === true) this.#remove(socket);
  }

  close(socket: number): void {
    this.#sendClaimed();
    if (this.#sockets.get(socket)?.parked === false) this.#remove(socket);
  }

  #remove(socket: number): void {
    const entry = this.#sockets.get(socket);
    if (entry === undefined) return;
    this.#sockets.delete(socket);
    entry.open = false;
    if (!entry.parked) this.counters.sockets--;
    entry.socket.close();
  }

  send(
    socket: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    this.#transmit(socket, to, copyOf(bytes, offset, length));
  }

  sendPrefixed(
    socket: number,
    to: TransportAddress,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const copy = Buffer.allocUnsafe(4 + length);
    copy.writeUInt32BE(prefix >>> 0, 0);
    copy.set(bytes.subarray(offset, offset + length), 4);
    this.#transmit(socket, to, copy);
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
    const copy = Buffer.allocUnsafe(headerLength + length + padding);
    copy.set(header.subarray(0, headerLength));
    copy.set(bytes.subarray(offset, offset + length), headerLength);
    copy.fill(0, headerLength + length);
    this.#transmit(socket, to, copy);
  }

  get outgoing(): Arena {
    const { outgoing } = this.#options;
    if (outgoing === undefined) throw new Error('the engine was given no arena');
    return outgoing;
  }

  claim(socket: number, to: TransportAddress, length: number): number {
    this.#sendClaimed();
    const most = Math.min(CLAIM_BYTES_MAX, this.outgoing.bytes.length);
    if (!(length >= 0 && length <= most) || !this.#takes(this.#sockets.get(socket), to)) {
      this.counters.sendDropped++;
      return -1;
    }
    this.#claimedBy = socket;
    this.#claimedLength = length;
    this.#claimedTo.set(to);
    // It runs when the engine's caller is done, before any other event.
    queueMicrotask(this.#sendClaimed);
    return 0;
  }

  unclaim(): void {
    this.#claimedBy = NO_SOCKET;
  }

  atTurnEnd(owner: SocketOwner): void {
    if (!this.#turnEnds.pending) setImmediate(this.#endTurn);
    this.#turnEnds.ask(owner);
  }

  readonly #endTurn = (): void => {
    this.#turnEnds.call(this.#options.now(), this.#onFault);
  };

  readonly #sendClaimed = (): void => {
    const socket = this.#claimedBy;
    if (socket === NO_SOCKET) return;
    this.#claimedBy = NO_SOCKET;
    const datagram = copyOf(this.outgoing.bytes, 0, this.#claimedLength);
    this.#transmit(socket, this.#claimedTo, datagram);
  };

  #transmit(socket: number, to: TransportAddress, datagram: Buffer): void {
    this.#sendClaimed();
    const entry = this.#sockets.get(socket);
    if (!this.#takes(entry, to)) {
      this.counters.sendDropped++;
      return;
    }
    const host = entry.dualStack && to.family === 4 ? `::ffff:${to.host}` : to.host;
    entry.socket.send(datagram, 0, datagram.length, to.port, host, this.#onSent);
  }

  #takes(entry: OpenSocket | undefined, to: TransportAddress): entry is OpenSocket {
    return (
      entry?.open === true &&
      // Port 0 is what a peer may claim, and dgram throws on it.
      to.port !== 0 &&
      entry.socket.getSendQueueSize() <= SEND_QUEUE_BYTES_MAX
    );
  }

  readonly #onSent = (error: Error | null): void => {
    if (error === null) this.counters.sent++;
    else this.counters.sendDropped++;
  };

  #receive(entry: OpenSocket, message: Buffer, remote: RemoteInfo): void {
    if (!entry.open || entry.parked) return;
    this.counters.received++;
    const from = this.#address(remote.address, remote.port);
    if (from === undefined) return;
    try {
      entry.owner.onDatagram(entry.tag, from, message, 0, message.length, this.#options.now());
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** dgram may answer inside `bind`; the owner hears of it only after `open` has returned, and not after `close`. */
  #answer(entry: OpenSocket, local: TransportAddress, failure: OpenFailure | undefined): void {
    queueMicrotask(() => {
      if (failure === undefined && !entry.open) return;
      try {
        entry.owner.onOpened(entry.tag, local, failure);
      } catch (error) {
        this.#onFault(error);
      }
    });
  }

  #address(host: string, port: number): TransportAddress | undefined {
    let ports = this.#addresses.get(host);
    const known = ports?.get(port);
    if (known !== undefined) return known;
    const address = TransportAddress.parse(host, port)?.unmap();
    if (address === undefined) return undefined;
    if (this.#addressCount >= ADDRESS_CACHE_MAX) {
      this.#addresses.clear();
      this.#addressCount = 0;
      ports = undefined;
    }
    if (ports === undefined) {
      ports = new Map();
      this.#addresses.set(host, ports);
    }
    ports.set(port, address);
    this.#addressCount++;
    return address;
  }
}

function copyOf(bytes: Uint8Array, offset: number, length: number): Buffer {
  const copy = Buffer.allocUnsafe(length);
  copy.set(bytes.subarray(offset, offset + length));
  return copy;
}

function failureOf(error: NodeJS.ErrnoException): OpenFailure {
  return error.code === 'EADDRINUSE' ? 'in-use' : 'unavailable';
}

/** The kernel caps what it grants (net.core.rmem_max); asking never fails on Linux, elsewhere it may. */
function enlargeBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
    socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    // The default size works, with more loss in bursts.
  }
}
