// The engine on node:dgram: runs wherever Node runs, at one system call and one event per datagram. What leaves a
// socket on 0.0.0.0 or :: has the source address that the kernel chooses, whichever one was asked.
// Allocates: dgram's own message, and one copy per datagram sent, because libuv may send it after the call returned.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { MessagePort } from 'node:worker_threads';
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

/** 64 KiB kernel buffers lose key frames at 2 Mbit/s; 4 MiB hold a burst. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

/** Datagrams of one socket that libuv may hold when the kernel's buffer is full; beyond it they are dropped. */
const SEND_QUEUE_BYTES_MAX = 1024 * 1024;

/** Longer than setTimeout can is no use; a look at the wheel in vain costs nothing. */
const ALARM_MS_MAX = 60_000;

/** Parsed source addresses kept, so that a known flow costs no parsing. Cleared when full. */
const ADDRESS_CACHE_MAX = 8192;

interface OpenSocket {
  readonly socket: Socket;
  owner: SocketOwner;
  tag: number;
  open: boolean;
  parked: boolean;
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
  readonly #options: EngineOptions;
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

  constructor(options: EngineOptions) {
    this.#options = options;
    const wheel = new TimerWheel(options.now(), (error) => options.onFault(error));
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
    const socket = createSocket({
      type: family,
      // Addresses are IP literals already: answering at once makes `send` a synchronous system call.
      lookup: (host, _options, callback) => callback(null, host, address.family),
      ipv6Only: address.family === 6,
    });
    const parked = options.parked === true;
    const entry: OpenSocket = { socket, owner, tag, open: false, parked };
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
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever holds the other port sends commands
    port.on('message', (command: unknown) => onCommand(command as never));
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
    const copy = Buffer.allocUnsafe(length);
    copy.set(bytes.subarray(offset, offset + length));
    this.#transmit(socket, to, copy);
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

  #transmit(socket: number, to: TransportAddress, datagram: Buffer): void {
    const entry = this.#sockets.get(socket);
    if (
      entry === undefined ||
      !entry.open ||
      // Port 0 is what a peer may claim, and dgram throws on it.
      to.port === 0 ||
      entry.socket.getSendQueueSize() > SEND_QUEUE_BYTES_MAX
    ) {
      this.counters.sendDropped++;
      return;
    }
    entry.socket.send(datagram, 0, datagram.length, to.port, to.host, this.#onSent);
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
      this.#options.onFault(error);
    }
  }

  /** dgram may answer inside `bind`; the owner hears of it only after `open` has returned, and not after `close`. */
  #answer(entry: OpenSocket, local: TransportAddress, failure: OpenFailure | undefined): void {
    queueMicrotask(() => {
      if (failure === undefined && !entry.open) return;
      try {
        entry.owner.onOpened(entry.tag, local, failure);
      } catch (error) {
        this.#options.onFault(error);
      }
    });
  }

  #address(host: string, port: number): TransportAddress | undefined {
    let ports = this.#addresses.get(host);
    const known = ports?.get(port);
    if (known !== undefined) return known;
    const address = TransportAddress.parse(host, port);
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
