// How allocations change their 5-tuples (RFC 8016 s3.2): a Refresh with a ticket announces the new one, and the first
// data from there takes it into use; until then the old one has everything. Called by: the handlers, and the data path
// where a 5-tuple has no allocation. Allocates: nothing per relayed packet.

import type { TransportAddress } from '../shared/net/transport-address.ts';
import { type Allocation, Listener, type Move } from './allocation.ts';
import type { ClientSink } from './client-sink.ts';
import type { Exchange } from './exchange.ts';
import { OLD_TICKET_LIFETIME_MS } from './limits.ts';
import { newTicketId, type Ticket, TicketSeal } from './ticket.ts';

/** For clients whose connection has ended: what peers send meanwhile is lost. */
const NOWHERE: ClientSink = {
  send: () => undefined,
  sendPrefixed: () => undefined,
  sendHeaded: () => undefined,
};

export class Mobility {
  readonly #seal: TicketSeal;
  readonly #self: number;
  /** Ends what has expired, and says whether that was all of it. */
  readonly #expire: (allocation: Allocation, now: number) => boolean;
  /** Those that have a ticket, by the identifier in it. */
  readonly #allocations = new Map<string, Allocation>();

  /** @param self the number of this worker */
  constructor(
    secret: Uint8Array,
    self: number,
    expire: (allocation: Allocation, now: number) => boolean,
  ) {
    this.#seal = new TicketSeal(secret);
    this.#self = self;
    this.#expire = expire;
  }

  /** Gives an allocation its first ticket (RFC 8016 s3.1.2). */
  enrol(allocation: Allocation): void {
    const id = newTicketId();
    const ticket = this.#seal.seal({ worker: this.#self, id, serial: 0 });
    allocation.mobility = { id, serial: 0, ticket, move: undefined };
    this.#allocations.set(id, allocation);
  }

  /** What a ticket says; undefined for what is none of ours. */
  read(bytes: Uint8Array): Ticket | undefined {
    return this.#seal.open(bytes);
  }

  /** The allocation that a ticket of this worker names, however old the ticket is. */
  find({ id }: Ticket, now: number): Allocation | undefined {
    return this.#living(this.#allocations.get(id), now);
  }

  /** The allocation that is to move to that 5-tuple. */
  expected(listener: Listener, client: TransportAddress, now: number): Allocation | undefined {
    return this.#living(listener.arriving.get(client), now);
  }

  /**
   * Announces the 5-tuple of the request as the next one of the allocation, with a new ticket. There is one at a time:
   * another that was announced before, and never used, is forgotten.
   */
  depart(allocation: Allocation, exchange: Exchange): void {
    const { mobility } = allocation;
    if (mobility === undefined) return;
    this.#abandon(mobility.move);
    const { bytes, transactionOffset } = exchange.reader;
    const move: Move = {
      listener: exchange.listener,
      client: exchange.client.copy(),
      transaction: bytes.slice(transactionOffset, transactionOffset + 12),
      arrivedAt: -1,
    };
    mobility.serial++;
    mobility.ticket = this.#seal.seal({ worker: this.#self, ...mobility });
    mobility.move = move;
    move.listener.arriving.set(move.client, allocation);
    // The old connection has ended already: nothing keeps the allocation there.
    if (allocation.listener.sink === NOWHERE) this.#take(allocation, move, exchange.now);
  }

  /**
   * Data has come from a 5-tuple without an allocation: the one that is to move there, which from now on is there alone
   * (RFC 8016 s3.2.2). Allocates nothing.
   */
  arrive(listener: Listener, client: TransportAddress, now: number): Allocation | undefined {
    const allocation = this.expected(listener, client, now);
    const move = allocation?.mobility?.move;
    if (allocation !== undefined && move !== undefined) this.#take(allocation, move, now);
    return allocation;
  }

  /**
   * Whether the request is the last one that moved the allocation, once more, with the ticket that it used up. Until
   * the 5-tuple is in use any request from there counts as it: a client that no answer has reached has no other ticket.
   */
  isRepeated(allocation: Allocation, ticket: Ticket, exchange: Exchange): boolean {
    const { mobility } = allocation;
    const move = mobility?.move;
    if (mobility === undefined || move === undefined) return false;
    const { listener, client, reader, now } = exchange;
    if (ticket.serial !== mobility.serial - 1) return false;
    if (move.listener !== listener || !move.client.equals(client)) return false;
    if (move.arrivedAt < 0) return true;
    return (
      reader.transactionIs(move.transaction, 0) && now - move.arrivedAt < OLD_TICKET_LIFETIME_MS
    );
  }

  /**
   * The connection of an allocation's 5-tuple has ended. True when it lives on: where it was to move to, or nowhere
   * until its client shows the ticket. It counts against the quota as before.
   */
  survives(allocation: Allocation, now: number): boolean {
    const { mobility, listener, client } = allocation;
    if (mobility === undefined) return false;
    const { move } = mobility;
    if (move !== undefined && move.arrivedAt < 0) {
      this.#take(allocation, move, now);
      return true;
    }
    listener.allocations.delete(client);
    allocation.listener = new Listener(-1, listener.address, listener.transport, NOWHERE);
    return true;
  }

  /** The connection of a 5-tuple that an allocation was to move to has ended. */
  cancel(listener: Listener, client: TransportAddress): void {
    this.#abandon(listener.arriving.get(client)?.mobility?.move);
  }

  /** For the end of an allocation. */
  forget({ mobility }: Allocation): void {
    if (mobility === undefined) return;
    this.#abandon(mobility.move);
    this.#allocations.delete(mobility.id);
  }

  #living(allocation: Allocation | undefined, now: number): Allocation | undefined {
    return allocation === undefined || this.#expire(allocation, now) ? undefined : allocation;
  }

  #abandon(move: Move | undefined): void {
    if (move !== undefined && move.arrivedAt < 0) move.listener.arriving.delete(move.client);
  }

  #take(allocation: Allocation, move: Move, now: number): void {
    move.listener.arriving.delete(move.client);
    allocation.listener.allocations.delete(allocation.client);
    allocation.listener = move.listener;
    allocation.client = move.client;
    allocation.listener.allocations.set(allocation.client, allocation);
    move.arrivedAt = now;
  }
}
