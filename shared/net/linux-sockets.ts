// The sockets of one Linux engine: opened, adopted from another thread, closed, and the answers still to give.
// Called by: the Linux engine.

import type { Libc } from '../native/libc.ts';
import { EPOLLIN } from '../native/socket-constants.ts';
import { type WaitingDatagram, WAITS_FOR_NOTHING } from './backlog.ts';
import type { DescriptorLedger } from './descriptor-ledger.ts';
import type { AdoptOptions, OpenFailure, OpenOptions, SocketOwner } from './engine.ts';
import type { Epoll } from './epoll.ts';
import { SocketOpener } from './linux-socket.ts';
import { descriptorOf, localIndexOf, LocalSockets, type Sender } from './local-sockets.ts';
import { type AddressFamily, TransportAddress } from './transport-address.ts';

/** What `open` returns for a socket that there is not: no send or close finds one under it. */
const NO_SOCKET = -1;

/** What is asked for at once where datagrams come in bursts: a look too many costs less than a turn. */
const BURST = 8;

/** What IP_TTL and IPV6_UNICAST_HOPS take for the default (ip(7), ipv6(7)). */
const SYSTEM_TTL = -1;

export class LinuxSocket implements Sender {
  readonly base: LinuxSocket = this;
  readonly source = undefined;
  readonly fd: number;
  readonly owner: SocketOwner;
  readonly tag: number;
  readonly family: AddressFamily;
  readonly lowersTtl: boolean;
  /** Closed by whoever opened it. */
  readonly borrowed: boolean;
  /** Of a wildcard socket whose owner wants to know where it was asked. */
  readonly locals: LocalSockets | undefined;
  /** What the kernel would not take yet, oldest first; and what the bounds count it as. */
  backlog: WaitingDatagram[] = [];
  backlogBytes = 0;
  /** One of WAITS_FOR_*. */
  waits: number = WAITS_FOR_NOTHING;
  /** TTL of the datagrams that its own was last set for; 0 = the system's. */
  ttl = 0;
  /** The fewest datagrams or GRO runs to ask for. */
  readonly wantLeast: number;
  /** How many to ask for: as many as came last time, and more while it is busy. */
  want: number;

  constructor(
    fd: number,
    local: TransportAddress,
    owner: SocketOwner,
    tag: number,
    options: AdoptOptions,
  ) {
    this.fd = fd;
    this.owner = owner;
    this.tag = tag;
    this.family = local.family;
    this.lowersTtl = options.lowersTtl === true;
    this.borrowed = options.borrowed === true;
    this.wantLeast = options.bursts === true ? BURST : 1;
    this.want = this.wantLeast;
    const tells = local.isUnspecified && owner.onLocal !== undefined;
    this.locals = tells ? new LocalSockets(this, local.port) : undefined;
  }
}

export interface OpenAnswer {
  readonly owner: SocketOwner;
  readonly tag: number;
  readonly local: TransportAddress;
  readonly failure: OpenFailure | undefined;
}

export class LinuxSockets {
  readonly opener: SocketOpener;
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #ledger: DescriptorLedger | undefined;
  readonly #byFd: (LinuxSocket | undefined)[] = [];
  #answers: OpenAnswer[] = [];
  /** How many are open, those that are parked not among them. */
  size = 0;

  constructor(libc: Libc, epoll: Epoll, ledger: DescriptorLedger | undefined) {
    this.#libc = libc;
    this.#epoll = epoll;
    this.#ledger = ledger;
    this.opener = new SocketOpener(libc);
    ledger?.own(epoll.descriptor);
  }

  get(fd: number): LinuxSocket | undefined {
    return this.#byFd[fd];
  }

  /** What a number that `send` was given stands for. */
  sender(id: number): Sender | undefined {
    const index = localIndexOf(id);
    return index === undefined ? this.#byFd[id] : this.#byFd[descriptorOf(id)]?.locals?.at(index);
  }

  open(address: TransportAddress, owner: SocketOwner, tag: number, options: OpenOptions): number {
    const local = address.copy();
    const opened = this.opener.open(local, {
      gro: true,
      reusePort: options.reusePort === true,
      dualStack: options.dualStack === true,
    });
    if ('failure' in opened) {
      this.#answers.push({ owner, tag, local, failure: opened.failure });
      return NO_SOCKET;
    }
    const { fd } = opened;
    this.#ledger?.own(fd);
    if (options.parked !== true) return this.#watch(fd, local, owner, tag, options);
    this.#answers.push({ owner, tag, local, failure: undefined });
    return fd;
  }

  adopt(fd: number, owner: SocketOwner, tag: number, options: AdoptOptions): number {
    const local = new TransportAddress();
    this.opener.local(fd, local);
    if (options.borrowed !== true) this.#ledger?.own(fd);
    return this.#watch(fd, local, owner, tag, options);
  }

  discard(fd: number): void {
    this.#ledger?.disown(fd);
    this.#libc.close(fd);
  }

  /** What is queued for it must have been sent. */
  close(socket: LinuxSocket): void {
    this.#byFd[socket.fd] = undefined;
    this.size--;
    this.#epoll.remove(socket.fd);
    if (!socket.borrowed) this.discard(socket.fd);
  }

  /**
   * One hop less than the datagram came with that is handed on (RFC 8656 s21.1.7); the system's for one that came with
   * 0, by a stream say. What is queued must be sent.
   */
  lowerTtl(socket: LinuxSocket, ttl: number): void {
    socket.ttl = ttl;
    const lowered = ttl === 0 ? SYSTEM_TTL : Math.max(1, ttl - 1);
    this.opener.setTtl(socket.fd, socket.family, lowered);
  }

  /** Answers that nobody has been given yet, taken out. */
  takeAnswers(): OpenAnswer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  get answersWait(): boolean {
    return this.#answers.length > 0;
  }

  /** Closes all of them, and the epoll that watches them. */
  free(): void {
    for (const socket of this.#byFd) if (socket !== undefined) this.close(socket);
    this.#ledger?.disown(this.#epoll.descriptor);
    this.#epoll.free();
    this.opener.free();
  }

  #watch(
    fd: number,
    local: TransportAddress,
    owner: SocketOwner,
    tag: number,
    options: AdoptOptions,
  ): number {
    if (!this.#epoll.add(fd, EPOLLIN)) {
      if (options.borrowed !== true) this.discard(fd);
      this.#answers.push({ owner, tag, local, failure: 'unavailable' });
      return NO_SOCKET;
    }
    this.#byFd[fd] = new LinuxSocket(fd, local, owner, tag, options);
    this.size++;
    if (owner.onIcmp !== undefined) this.opener.reportIcmp(fd, local.family);
    this.#answers.push({ owner, tag, local, failure: undefined });
    return fd;
  }
}
