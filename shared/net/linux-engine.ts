// The engine on Linux's batched calls: epoll, recvmmsg with GRO, sendmmsg with GSO. Its thread blocks in epoll_wait
// and never returns to libuv while it runs; an eventfd wakes it for commands. Allocates: nothing per packet.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Arena } from '../native/arena.ts';
import { libc, type Libc } from '../native/libc.ts';
import { EPOLLERR, EPOLLIN, EPOLLOUT } from '../native/socket-constants.ts';
import { Backlogs } from './backlog.ts';
import type { DescriptorLedger } from './descriptor-ledger.ts';
import type {
  AdoptOptions,
  EngineCounters,
  EngineLoop,
  EngineOptions,
  OpenOptions,
  SocketOwner,
} from './engine.ts';
import { Epoll } from './epoll.ts';
import { ErrorQueue } from './error-queue.ts';
import { GsoLimits } from './gso-limits.ts';
import { type LinuxSocket, LinuxSockets } from './linux-sockets.ts';
import type { Sender } from './local-sockets.ts';
import type { Mail } from './mailroom.ts';
import { PacketInfo } from './packet-info.ts';
import { ReceiveRing } from './receive-ring.ts';
import { SendQueue } from './send-queue.ts';
import { TimerWheel } from './timer-wheel.ts';
import { TransportAddress } from './transport-address.ts';
import { TurnEnds } from './turn-ends.ts';

const SLOTS = 64;
/** Slots that one socket may fill in a turn: a flooded socket cannot starve another. */
const SLOTS_PER_TURN = 32;
/** With GRO a slot holds up to 64 datagrams, so a socket that gets such fills fewer slots: about this many in a turn. */
const DATAGRAMS_PER_TURN = 512;
/** ICMP errors that one socket may report in a turn. */
const ERRORS_PER_TURN = 16;
/** Commands taken in a turn: whoever asks much does not keep datagrams waiting. */
const COMMANDS_PER_TURN = 64;
/** The largest that IP's length field allows; what is beyond is nothing to bother the kernel with. */
const DATAGRAM_BYTES_MAX = 65_535;
/** The largest UDP payload over IPv4. */
const CLAIM_BYTES_MAX = 65_507;

/** The longest that the loop blocks: what reaches a thread only while it runs JavaScript, a debugger say, gets in. */
const IDLE_MS_MAX = 1000;

export interface LinuxEngineOptions extends EngineOptions {
  /** The system calls it makes; those of this process where nothing else is said. */
  readonly libc?: Libc;
  /** Where it notes the descriptors it opens. */
  readonly ledger?: DescriptorLedger;
  readonly mail?: Mail;
}

export class LinuxEngine implements EngineLoop {
  readonly kind = 'linux';
  readonly canSetDontFragment = true;
  readonly counters: EngineCounters = {
    sockets: 0,
    received: 0,
    receiveDropped: 0,
    sent: 0,
    sendDropped: 0,
  };
  readonly timers: TimerWheel;
  readonly #ring: ReceiveRing;
  readonly #queue: SendQueue<Sender>;
  readonly #backlogs: Backlogs;
  readonly #gsoLimits: GsoLimits;
  readonly #epoll: Epoll;
  readonly #sockets: LinuxSockets;
  readonly #wakeFd: number;
  readonly #from = new TransportAddress();
  readonly #info = new PacketInfo();
  readonly #errors: ErrorQueue;
  readonly #options: EngineOptions;
  readonly #mail: Mail | undefined;
  readonly #turnEnds = new TurnEnds();
  readonly #onFault: (error: unknown) => void;
  /** TTL of the datagram that is being handled; 0 = none. */
  #ttl = 0;
  #stopped = false;

  /** @param wakeFd an eventfd that wakes the loop; whoever made it closes it */
  constructor(options: LinuxEngineOptions, wakeFd: number) {
    const calls = options.libc ?? libc();
    this.#ring = new ReceiveRing(calls, SLOTS);
    this.#epoll = new Epoll(calls);
    this.#errors = new ErrorQueue(calls);
    this.#options = options;
    this.#onFault = (error) => {
      // It may not have been written.
      this.#queue.unclaim();
      options.onFault(error);
    };
    this.timers = new TimerWheel(options.now(), this.#onFault);
    this.#mail = options.mail;
    this.#wakeFd = wakeFd;
    this.#sockets = new LinuxSockets(calls, this.#epoll, options.ledger);
    this.#backlogs = new Backlogs(this.#epoll, this.#sockets, this.counters, () => options.now());
    this.#gsoLimits = new GsoLimits(this.#sockets.opener.canSegment());
    this.#queue = new SendQueue(calls, this.#ring.arena, this.#backlogs, this.#gsoLimits);
    this.#epoll.add(wakeFd, EPOLLIN);
  }

  open(
    address: TransportAddress,
    owner: SocketOwner,
    tag: number,
    options: OpenOptions = {},
  ): number {
    const fd = this.#sockets.open(address, owner, tag, options);
    this.counters.sockets = this.#sockets.size;
    return fd;
  }

  adopt(fd: number, owner: SocketOwner, tag: number, options: AdoptOptions = {}): number {
    const adopted = this.#sockets.adopt(fd, owner, tag, options);
    this.counters.sockets = this.#sockets.size;
    return adopted;
  }

  discard(fd: number): void {
    this.#sockets.discard(fd);
  }

  close(id: number): void {
    const socket = this.#sockets.get(id);
    if (socket === undefined) return;
    this.#queue.flush();
    this.#backlogs.drop(socket);
    this.#sockets.close(socket);
    this.counters.sockets = this.#sockets.size;
  }

  send(id: number, to: TransportAddress, bytes: Uint8Array, offset: number, length: number): void {
    const socket = this.#sender(id, to, length);
    if (socket !== undefined) this.#queue.put(socket, to, bytes, offset, length);
  }

  sendPrefixed(
    id: number,
    to: TransportAddress,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const socket = this.#sender(id, to, 4 + length);
    if (socket !== undefined) this.#queue.putPrefixed(socket, to, prefix, bytes, offset, length);
  }

  sendHeaded(
    id: number,
    to: TransportAddress,
    header: Uint8Array,
    headerLength: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: 0 | 1 | 2 | 3,
  ): void {
    const socket = this.#sender(id, to, headerLength + length + padding);
    if (socket === undefined) return;
    this.#queue.putHeaded(socket, to, header, headerLength, bytes, offset, length, padding);
  }

  /** Costs two more system calls than `send`: the DF bit is an option of the socket, not of a datagram. */
  sendWhole(
    id: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const socket = this.#sockets.sender(id)?.base;
    this.#queue.flush();
    // Later it would go without the bit.
    if (socket === undefined || this.#backlogs.holdsBack(socket)) {
      this.counters.sendDropped++;
      return;
    }
    this.#sockets.opener.setDontFragment(socket.fd, socket.family, true);
    this.send(id, to, bytes, offset, length);
    this.#queue.flush();
    this.#sockets.opener.setDontFragment(socket.fd, socket.family, false);
    this.#backlogs.drop(socket);
  }

  get outgoing(): Arena {
    return this.#queue.outgoing;
  }

  claim(id: number, to: TransportAddress, length: number): number {
    const total = length >= 0 && length <= CLAIM_BYTES_MAX ? length : Infinity;
    const socket = this.#sender(id, to, total);
    return socket === undefined ? -1 : this.#queue.claim(socket, to, length);
  }

  unclaim(): void {
    this.#queue.unclaim();
  }

  atTurnEnd(owner: SocketOwner): void {
    this.#turnEnds.ask(owner);
  }

  /**
   * One turn: delivers answers, waits for datagrams or the next timer for at most `waitMs`, handles them, sends what
   * came of it.
   */
  turn(waitMs: number, onWake: () => void): void {
    this.#deliverAnswers();
    this.#queue.flush();
    const mayBlock = !this.#turnEnds.pending && (this.#mail === undefined || this.#mail.rest());
    const wait = mayBlock ? this.timers.nextIn(this.#options.now(), waitMs) : 0;
    const count = this.#epoll.wait(this.#backlogs.waitMs(wait));
    const now = this.#options.now();
    this.timers.advance(now);
    this.#mail?.deliver(now);
    this.#backlogs.retryDue(now, this.#queue);
    this.#gsoLimits.forget(now);
    for (let i = 0; i < count; i++) this.#ready(i, now, onWake);
    this.#turnEnds.call(now, this.#onFault);
    this.#queue.flush();
    this.#ring.reset();
    this.#mail?.flush();
    this.counters.sent = this.#queue.sent;
  }

  /**
   * Takes the thread over until `stop`: commands come through `port`, whose sender also writes to `wakeFd`.
   */
  run(port: MessagePort, onCommand: (command: never) => void): void {
    const onWake = (): void => {
      for (let n = 0; n < COMMANDS_PER_TURN; n++) {
        const received = receiveMessageOnPort(port);
        if (received === undefined) return;
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever holds the other port sends commands
        this.#guard(() => onCommand(received.message as never));
      }
      this.#epoll.raise(this.#wakeFd);
    };
    // Descriptors belong to the process, not to the thread: whatever ends the loop, they are given back.
    try {
      while (!this.#stopped) this.turn(IDLE_MS_MAX, onWake);
      this.#queue.flush();
    } finally {
      this.free();
      port.close();
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Closes every socket and gives all memory back. Nothing may be called afterwards. */
  free(): void {
    this.#queue.flush();
    this.#sockets.free();
    this.counters.sockets = this.#sockets.size;
    this.#ring.free();
    this.#queue.free();
    this.#errors.free();
  }

  #ready(i: number, now: number, onWake: () => void): void {
    const fd = this.#epoll.fd(i);
    const events = this.#epoll.events(i);
    if (fd === this.#wakeFd) {
      this.#epoll.drain(fd);
      this.#guard(onWake);
      return;
    }
    const socket = this.#sockets.get(fd);
    if (socket === undefined) return;
    if ((events & EPOLLOUT) !== 0) this.#backlogs.retryWritable(socket, this.#queue);
    if ((events & EPOLLERR) !== 0) this.#reportIcmp(socket, now);
    if ((events & EPOLLIN) !== 0 && this.#isOpen(socket)) this.#receive(socket, now);
  }

  #reportIcmp(socket: LinuxSocket, now: number): void {
    const errors = this.#errors;
    for (let n = 0; n < ERRORS_PER_TURN && this.#isOpen(socket); n++) {
      const got = errors.next(socket.fd);
      if (got < 0) return;
      if (got === 0) continue;
      try {
        const { peer, type, code, info } = errors;
        socket.owner.onIcmp?.(socket.tag, peer, type, code, info, now);
      } catch (error) {
        this.#onFault(error);
      }
    }
  }

  #receive(socket: LinuxSocket, now: number): void {
    const ring = this.#ring;
    if (ring.room < SLOTS_PER_TURN) {
      this.#turnEnds.call(now, this.#onFault);
      this.#queue.flush();
      ring.reset();
      if (!this.#isOpen(socket)) return;
    }
    const first = ring.receive(socket.fd, socket.want);
    const { count } = ring;
    let datagrams = 0;
    const from = this.#from;
    const info = this.#info;
    for (let slot = first; slot < first + count && this.#isOpen(socket); slot++) {
      if (!ring.from(slot, from)) continue;
      ring.info(slot, info);
      const length = ring.length(slot);
      const segment = info.segmentBytes || length;
      const tag = this.#tagOf(socket, info);
      if (tag === undefined) {
        this.counters.receiveDropped += length === 0 ? 1 : Math.ceil(length / segment);
        continue;
      }
      this.#queue.tos = info.tos;
      this.#ttl = info.ttl;
      const start = ring.offset(slot);
      let done = 0;
      do {
        const size = Math.min(segment, length - done);
        this.counters.received++;
        try {
          socket.owner.onDatagram(tag, from, ring.arena.bytes, start + done, size, now);
        } catch (error) {
          this.#onFault(error);
        }
        done += size;
        datagrams++;
      } while (done < length && this.#isOpen(socket));
    }
    this.#queue.tos = 0;
    this.#ttl = 0;
    // One more than needed is a wasted look by the kernel, one less a wasted turn: so follow the load.
    const busy = count < socket.want ? count : socket.want * 4;
    const most = Math.floor((DATAGRAMS_PER_TURN * count) / Math.max(1, datagrams));
    socket.want = Math.max(socket.wantLeast, Math.min(busy, most, SLOTS_PER_TURN));
  }

  /** What a datagram is delivered with; undefined when nobody takes what is sent to that address. */
  #tagOf({ locals, tag }: LinuxSocket, info: PacketInfo): number | undefined {
    if (locals === undefined || !info.hasLocal) return tag;
    if (info.isMulticast) return undefined;
    try {
      return locals.tagOf(info.local);
    } catch (error) {
      this.#onFault(error);
      return undefined;
    }
  }

  /** Its owner may close it while a burst for it is handed out. */
  #isOpen(socket: LinuxSocket): boolean {
    return this.#sockets.get(socket.fd) === socket;
  }

  /** The socket to send from, set up for what is sent on; undefined, and counted, when nothing can be sent. */
  #sender(id: number, to: TransportAddress, total: number): Sender | undefined {
    const sender = this.#sockets.sender(id);
    // Port 0 is what anybody may claim to be at, and nobody is.
    if (sender === undefined || to.port === 0 || total > DATAGRAM_BYTES_MAX) {
      this.counters.sendDropped++;
      return undefined;
    }
    const { base } = sender;
    const ttl = this.#ttl;
    if (base.lowersTtl && ttl !== base.ttl) {
      this.#queue.flush();
      this.#sockets.lowerTtl(base, ttl);
    }
    return sender;
  }

  #deliverAnswers(): void {
    while (this.#sockets.answersWait) {
      for (const { owner, tag, local, failure } of this.#sockets.takeAnswers()) {
        this.#guard(() => owner.onOpened(tag, local, failure));
      }
    }
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#onFault(error);
    }
  }
}
