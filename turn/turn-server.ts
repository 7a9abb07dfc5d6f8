// The STUN/TURN server without I/O (RFC 8489, RFC 8656): an engine hands in datagrams and the time, and sends for it.
// Called by an engine through two socket owners, and by its host for start and stop. Allocates: nothing per
// relayed packet.

import { randomBytes } from 'node:crypto';
import { AddressTable } from '../shared/net/address-table.ts';
import type { Engine, SocketOwner } from '../shared/net/engine.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import { StunReader, STUN_OK } from '../shared/stun/reader.ts';
import {
  ATTR_MOBILITY_TICKET,
  CLASS_INDICATION,
  CLASS_REQUEST,
  ERROR_ALLOCATION_MISMATCH,
  ERROR_WRONG_CREDENTIALS,
  METHOD_ALLOCATE,
  METHOD_BINDING,
  METHOD_CHANNEL_BIND,
  METHOD_CONNECT,
  METHOD_CONNECTION_BIND,
  METHOD_CREATE_PERMISSION,
  METHOD_REFRESH,
  METHOD_SEND,
} from '../shared/stun/registry.ts';
import { handleAllocate } from './allocate.ts';
import { AllocationDesk } from './allocation-desk.ts';
import { authenticate } from './authenticate.ts';
import { BindingRequests } from './binding.ts';
import { handleChannelBind } from './channel-bind.ts';
import { handleConnect } from './connect.ts';
import { handleConnectionBind } from './connection-bind.ts';
import { handleCreatePermission } from './create-permission.ts';
import {
  DROP_BAD_FINGERPRINT,
  DROP_NO_ALLOCATION,
  DROP_NOT_STUN,
  DROP_REASONS,
  DROP_UNEXPECTED,
  type DropReason,
} from './drop-reason.ts';
import { Exchange } from './exchange.ts';
import { hasUnknown, knownToTurn, refuseUnknown } from './known-attributes.ts';
import { Listener } from './allocation.ts';
import type { ClientSink, ClientTransport } from './client-sink.ts';
import type { TurnObserver, TurnOptions, TurnRules } from './options.ts';
import type { UserAnswer } from './outside-users.ts';
import type { ListenAt, ListenResult } from './listening.ts';
import { handleRefresh } from './refresh.ts';
import { handleTicket } from './refresh-ticket.ts';
import { RelayPath } from './relay.ts';
import { RelayPool } from './relay-pool.ts';
import { sharedSockets } from './shared-sockets.ts';
import { tcpRelays } from './tcp-allocations.ts';
import type { TcpRelays } from './tcp-relays.ts';
import type { TransportTraffic } from './traffic.ts';
import { TurnState } from './turn-state.ts';

/** RFC 8656 s12: the first byte of ChannelData is 64 to 79 (RFC 7983), and up to 127 for legacy channels. */
const CHANNEL_FIRST_BYTE_MIN = 0x40;

/** What this server has; `Commons.stats` is about those of all workers. */
export interface TurnStats {
  allocations: number;
  reservations: number;
  users: number;
  /** Of these allocations, and payload relayed for all there have been, by the transport of the client. */
  traffic: Record<ClientTransport, TransportTraffic>;
  /** Datagrams handed over inside the process: from one relay to another, or to or from where else it answers. */
  shortCircuited: number;
  /** Whether new allocations are refused. */
  draining: boolean;
  /** By reason. */
  drops: Partial<Record<DropReason, number>>;
}

export class TurnServer {
  /** Where what the sockets of TCP relays say goes (RFC 6062); undefined where there are none. */
  readonly tcp: TcpRelays | undefined;
  /** For who operates the server. */
  readonly desk: AllocationDesk;
  readonly #state: TurnState;
  readonly #relayPath: RelayPath;
  readonly #binding: BindingRequests;
  readonly #reader = new StunReader();
  readonly #exchange: Exchange = new Exchange(this.#reader);
  readonly #knownToTurn: Uint8Array;
  readonly #channelFirstByteMax: number;
  /** By tag; undefined until the socket is open. Behind those that were asked for, the addresses of wildcards. */
  readonly #listeners: (Listener | undefined)[] = [];
  readonly #sockets: number[] = [];
  /** Those of the engine's sockets. */
  readonly #byAddress: AddressTable<Listener> = new AddressTable('host-and-port');
  #closed = false;

  /** @param observer undefined costs nothing */
  constructor(options: TurnOptions, engine: Engine, observer?: TurnObserver) {
    const relays: SocketOwner = {
      onOpened: (tag, _local, failure) => this.#state.pool.onOpened(tag, failure),
      onDatagram: (tag, from, bytes, offset, length, at) => {
        const relay = this.#state.pool.get(tag);
        if (relay === undefined) this.#state.drop(DROP_NO_ALLOCATION);
        else this.#relayPath.fromPeer(relay, from, bytes, offset, length, at);
      },
      onIcmp: (tag, peer, type, code, info, at) => {
        const relay = this.#state.pool.get(tag);
        if (relay !== undefined) this.#relayPath.icmp(relay, peer, type, code, info, at);
      },
    };
    this.tcp = tcpRelays(options, engine, () => this.#state);
    const sharing = sharedSockets(
      () => this.#state,
      () => this.#relayPath,
    );
    const pool = new RelayPool(engine, relays, sharing, options, this.tcp);
    this.#state = new TurnState(options, engine, pool, observer, this.tcp);
    this.desk = new AllocationDesk(this.#state);
    this.#relayPath = new RelayPath(this.#state, randomBytes(12));
    this.#binding = new BindingRequests(this.#state, this.#exchange);
    const takesTokens = options.thirdParty !== undefined;
    const { canSetDontFragment } = engine;
    this.#knownToTurn = knownToTurn(canSetDontFragment, takesTokens, this.tcp !== undefined);
    this.#channelFirstByteMax = options.channelNumberMax >> 8;
  }

  /** Opens the listeners; `done` gets one result for each, in order. */
  listen(listeners: readonly ListenAt[], done: (results: ListenResult[]) => void): void {
    const results: (ListenResult | undefined)[] = listeners.map(() => undefined);
    let pending = listeners.length;
    const owner: SocketOwner = {
      onOpened: (tag, address, failure) => {
        if (failure === undefined) this.#admitListener(tag, this.#sockets[tag]!, address);
        results[tag] = { address, failure };
        pending--;
        if (pending === 0) done(results.filter((result) => result !== undefined));
      },
      // The server's address is part of the 5-tuple: what comes to another is another listener's (RFC 8656 s6).
      onLocal: (_tag, socket, local) => {
        const tag = this.#listeners.length;
        this.#admitListener(tag, socket, local);
        return tag;
      },
      onDatagram: (tag, from, bytes, offset, length, at) => {
        const listener = this.#listeners[tag];
        if (listener !== undefined) this.receive(listener, from, bytes, offset, length, at);
      },
    };
    this.#listeners.length = listeners.length;
    const { engine } = this.#state;
    for (const [tag, { address, socket, dualStack = false }] of listeners.entries()) {
      this.#sockets[tag] =
        socket === undefined
          ? engine.open(address, owner, tag, { dualStack })
          : engine.adopt(socket, owner, tag, { borrowed: true });
    }
    if (pending === 0) done([]);
  }

  /**
   * A listener whose clients are reached through `sink`: who has their connections hands over what comes by `receive`,
   * and tells their ends by `disconnected`. It lives as long as the server.
   */
  admit(transport: ClientTransport, address: TransportAddress, sink: ClientSink): Listener {
    if (!this.#state.policy.isOwn(address)) this.#state.policy.addOwn(address);
    return new Listener(-1, address, transport, sink);
  }

  /**
   * One STUN or ChannelData message of a client of `admit`'s listener. Address and bytes are only good until the call
   * returns. Allocates: nothing per relayed packet.
   */
  receive(
    listener: Listener,
    client: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const first = length === 0 ? 0xff : bytes[offset]!;
    if (first >= CHANNEL_FIRST_BYTE_MIN && first <= this.#channelFirstByteMax) {
      this.#relayPath.channelData(listener, client, bytes, offset, length, now);
      return;
    }
    const reader = this.#reader;
    if (reader.read(bytes, offset, length) !== STUN_OK) return this.#state.drop(DROP_NOT_STUN);
    if (reader.hasFingerprint && !reader.checkFingerprint()) {
      return this.#state.drop(DROP_BAD_FINGERPRINT);
    }
    if (reader.messageClass === CLASS_REQUEST) {
      this.#request(listener, client, now);
    } else if (reader.messageClass === CLASS_INDICATION && reader.method === METHOD_SEND) {
      this.#sendIndication(listener, client, now);
    } else {
      this.#state.drop(DROP_UNEXPECTED);
    }
  }

  /** The connection of that 5-tuple is gone, and its allocation too, unless the client has a ticket (RFC 8016). */
  disconnected(listener: Listener, client: TransportAddress): void {
    const { mobility, options } = this.#state;
    mobility.cancel(listener, client);
    const allocation = listener.allocations.get(client);
    if (allocation === undefined || mobility.survives(allocation, options.clock.monotonic())) {
      return;
    }
    this.#state.delete(allocation, 'disconnected');
  }

  /** Counts what a sink had to drop. */
  drop(reason: number): void {
    this.#state.drop(reason);
  }

  /** As `TurnState.reconfigure`. */
  reconfigure(rules: TurnRules): void {
    this.#state.reconfigure(rules);
  }

  /** Tells another observer from now on, or nobody. */
  observe(observer: TurnObserver | undefined): void {
    this.#state.observer = observer;
  }

  /**
   * While on, there are no new allocations: clients are sent to an alternate server, or told that there is no room.
   * Those that there are go on, and may be refreshed and moved.
   */
  drain(on: boolean): void {
    this.#state.draining = on;
  }

  /**
   * A datagram from another worker to the relay of ours at `to`, or to the listener there from a client that has moved:
   * what its `Neighbours.forward` took.
   */
  fromNeighbour(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    if (this.#relayPath.toOwnRelay(from, to, bytes, offset, length, now)) return;
    const listener = this.#byAddress.get(to);
    if (listener === undefined) return this.#state.drop(DROP_NO_ALLOCATION);
    const { elsewhere } = this.#state;
    elsewhere.paused = true;
    try {
      this.receive(listener, from, bytes, offset, length, now);
    } finally {
      elsewhere.paused = false;
    }
  }

  /**
   * A datagram from where else the process answers, whatever worker has the relay: `from` is registered in the
   * hand-over by this worker, and what clients know; `to` is whom that handed something over, to this worker.
   */
  fromInside(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    this.#relayPath.fromInside(from, to, bytes, offset, length, now);
  }

  /** The relayed transport address of who handed something over; good until the next call. Allocates nothing. */
  relayedAddress(from: TransportAddress): TransportAddress {
    return this.#state.relayedAddress(from);
  }

  /** What was said of a user whom `TurnOptions.askForUser` asked for; it is remembered for so long. */
  userAnswer(username: string, answer: UserAnswer, ttlMs: number, now: number): void {
    for (const { listener, client, bytes } of this.#state.credentials.answer(
      username,
      answer,
      ttlMs,
    )) {
      this.receive(listener, client, bytes, 0, bytes.length, now);
    }
  }

  stats(): TurnStats {
    const state = this.#state;
    const { reservations, users } = state.commons.quota.own;
    for (const { allocation } of state.pool.tcpRelays) allocation?.countTcp(state.traffic);
    return {
      allocations: state.allocations.size,
      reservations,
      users,
      traffic: state.traffic.stats(),
      shortCircuited: state.shortCircuited,
      draining: state.draining,
      drops: Object.fromEntries(DROP_REASONS.map((reason, i) => [reason, state.drops[i] ?? 0])),
    };
  }

  /** Ends all allocations and closes all sockets. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const allocation of this.#state.allocations.values()) {
      this.#state.delete(allocation, 'closed');
    }
    this.#state.endReservations();
    this.#state.pool.few?.closeAll();
    this.#state.elsewhere.close();
    for (const socket of this.#sockets) this.#state.engine.close(socket);
    this.#listeners.length = 0;
  }

  #admitListener(tag: number, socket: number, address: TransportAddress): void {
    const listener = new Listener(socket, address);
    this.#listeners[tag] = listener;
    this.#byAddress.set(address.copy(), listener);
    this.#binding.admit(listener);
    if (!this.#state.policy.isOwn(address)) this.#state.policy.addOwn(address);
  }

  #sendIndication(listener: Listener, client: TransportAddress, now: number): void {
    // RFC 8489 s6.3.2: an indication with an attribute we must understand and do not is discarded.
    if (hasUnknown(this.#reader, this.#knownToTurn)) {
      return this.#state.drop(DROP_UNEXPECTED);
    }
    this.#relayPath.sendIndication(listener, client, this.#reader, now);
  }

  #request(listener: Listener, client: TransportAddress, now: number): void {
    const state = this.#state;
    const { tcp } = this;
    const reader = this.#reader;
    switch (reader.method) {
      case METHOD_BINDING:
        return this.#binding.request(listener, client, now);
      case METHOD_REFRESH:
        if (reader.find(ATTR_MOBILITY_TICKET) < 0) break;
        return this.#ticketRequest(listener, client, now);
      case METHOD_ALLOCATE:
      case METHOD_CREATE_PERMISSION:
      case METHOD_CHANNEL_BIND:
        break;
      case METHOD_CONNECT:
      case METHOD_CONNECTION_BIND:
        if (tcp !== undefined) break;
        return state.drop(DROP_UNEXPECTED);
      default:
        // RFC 8489 s6.3: a method that is not supported is silently discarded.
        return state.drop(DROP_UNEXPECTED);
    }
    const allocation = state.at(listener, client, now);
    if (allocation === undefined) {
      const { bytes, offset, length } = reader;
      if (state.elsewhere.forward(listener, client, bytes, offset, length, now)) return;
    }
    const exchange = this.#exchange.begin(listener, client, allocation, now);
    const credential = authenticate(state, exchange);
    if (credential === undefined) return;
    // RFC 8489 s6.3: unknown attributes are looked at once authentication is done.
    if (refuseUnknown(state, exchange, this.#knownToTurn)) return;
    if (exchange.method === METHOD_ALLOCATE) return handleAllocate(state, exchange, credential);
    if (exchange.method === METHOD_CONNECTION_BIND && tcp !== undefined) {
      return handleConnectionBind(state, tcp, exchange, credential);
    }
    if (allocation === undefined || !allocation.ready) {
      return state.responder.refuse(exchange, ERROR_ALLOCATION_MISMATCH);
    }
    // RFC 8656 s5: nobody but the user who made an allocation may change it.
    if (!allocation.belongsTo(credential)) {
      return state.responder.refuse(exchange, ERROR_WRONG_CREDENTIALS);
    }
    if (exchange.method === METHOD_CONNECT && tcp !== undefined) {
      handleConnect(state, tcp, exchange, allocation);
    } else if (exchange.method === METHOD_REFRESH) {
      allocation.grant = credential.grant;
      handleRefresh(state, exchange, allocation, 'stays');
    } else if (exchange.method === METHOD_CHANNEL_BIND)
      handleChannelBind(state, exchange, allocation);
    else handleCreatePermission(state, exchange, allocation);
  }

  /** Refresh with MOBILITY-TICKET: the allocation is the one that the ticket names, wherever it comes from. */
  #ticketRequest(listener: Listener, client: TransportAddress, now: number): void {
    const state = this.#state;
    const reader = this.#reader;
    const ticket = state.mobility.read(reader.view(reader.find(ATTR_MOBILITY_TICKET)));
    const elsewhere = ticket !== undefined && ticket.worker !== state.commons.self;
    const allocation =
      ticket === undefined || elsewhere ? undefined : state.mobility.find(ticket, now);
    const exchange = this.#exchange.begin(listener, client, allocation, now);
    exchange.elsewhere = elsewhere;
    const credential = authenticate(state, exchange);
    if (credential === undefined || refuseUnknown(state, exchange, this.#knownToTurn)) return;
    handleTicket(state, exchange, credential, ticket);
  }
}
