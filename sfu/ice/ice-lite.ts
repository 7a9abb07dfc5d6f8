// The lite ICE agent (RFC 8445 s2.5): answers the connectivity checks of full agents, sends none of its own.
// Validates where peers are, follows nominations (s7.3.2, s8.2), restarts (s9), consent (RFC 7675). Sans-I/O.
// Called by: the media worker. Allocates: per check what node:crypto needs for two HMACs; nothing for what
// is dropped before its HMAC.

import type { TransportAddress } from '../../shared/net/transport-address.ts';
import { ATTR_USE_CANDIDATE } from '../../shared/stun/registry.ts';
import { CheckResponder, type IceSink } from './check-responder.ts';
import { ConnectivityCheck, NO_FAULT } from './connectivity-check.ts';
import { ConsentQueue } from './consent-queue.ts';
import { type IceCredentials, LOCAL_UFRAG_CHARS, newIceCredentials } from './credentials.ts';
import {
  DROP_CONSENT_LOST,
  DROP_TUPLE_TAKEN,
  ICE_DROP_REASONS,
  type IceDropReason,
} from './drop-reason.ts';
import { type IceGeneration, type IceObserver, IceSession, IceTuple } from './ice-session.ts';
import {
  CONSENT_MS,
  GENERATIONS_PER_SESSION_MAX,
  PATH_QUIET_MS,
  SESSIONS_MAX,
  TUPLES_PER_SESSION_MAX,
} from './limits.ts';
import { TupleTable } from './tuple-table.ts';
import { UfragRegistry } from './ufrag-registry.ts';

/**
 * What `handleCheck` returns for an answered check, with success or an error; what is not below zero is a DROP_ reason.
 */
export const CHECK_ANSWERED = -1;
/** The check is authentic, and its session's filter has taken it. */
export const CHECK_TAKEN = -2;

export interface IceStats {
  readonly sessions: number;
  /** Checks answered with success. */
  readonly answered: number;
  /** Checks that were authentic, and answered 400, 420 or 487. */
  readonly refused: number;
  readonly drops: Readonly<Partial<Record<IceDropReason, number>>>;
}

export class IceLite<Owner extends IceObserver = IceObserver> {
  readonly #responder: CheckResponder;
  readonly #sessionsMax: number;
  readonly #sessions = new Set<IceSession<Owner>>();
  readonly #ufrags = new UfragRegistry<Owner>();
  readonly #tuples = new TupleTable<Owner>();
  readonly #consents = new ConsentQueue<IceSession<Owner>>();
  readonly #check = new ConnectivityCheck<Owner>(this.#ufrags);
  /** By reason, as in drop-reason.ts. */
  readonly #drops = new Float64Array(ICE_DROP_REASONS.length);
  #answered = 0;
  #refused = 0;

  constructor(sink: IceSink, sessionsMax = SESSIONS_MAX) {
    this.#responder = new CheckResponder(sink);
    this.#sessionsMax = sessionsMax;
  }

  /**
   * Begins a session with the credentials of an offer. Ours may have been chosen before, by who wrote the
   * answer. Undefined when there are too many sessions, or one with our username fragment.
   */
  open(
    owner: Owner,
    remote: IceCredentials,
    local: IceCredentials = newIceCredentials(),
  ): IceSession<Owner> | undefined {
    if (this.#sessions.size >= this.#sessionsMax) return undefined;
    const session = new IceSession(owner);
    if (!this.#addGeneration(session, remote, local)) return undefined;
    this.#sessions.add(session);
    return session;
  }

  /**
   * ICE restart (RFC 8445 s9): new credentials on both sides. The old ones stay valid until the first valid
   * check with the new ones, and media goes where it went until the peer nominates anew. Returns ours;
   * undefined when the session is closed or our username fragment in use.
   */
  restart(
    session: IceSession<Owner>,
    remote: IceCredentials,
    local: IceCredentials = newIceCredentials(),
  ): IceCredentials | undefined {
    if (!this.#sessions.has(session)) return undefined;
    session.restarts++;
    if (!this.#addGeneration(session, remote, local)) return undefined;
    const { generations } = session;
    // The oldest may be the ones in use: what goes is a restart that was overtaken before its first check.
    if (generations.length > GENERATIONS_PER_SESSION_MAX) {
      for (const overtaken of generations.splice(1, 1)) this.#ufrags.delete(overtaken);
    }
    return local;
  }

  /**
   * The peer has finished a handshake over the path: it is there, and takes what comes. False when there is none.
   * Departs from RFC 8445 s7.3.2, by which a lite agent sends nothing before the nomination: to lite agents Chromium
   * nominates with a later check, some 50 ms after it could use the pair. A nomination still moves media elsewhere.
   */
  selectPath(session: IceSession<Owner>): boolean {
    if (session.state === 'checking') session.state = 'connected';
    return session.state === 'connected';
  }

  /** Idempotent; the owner hears nothing of this session afterwards. */
  close(session: IceSession<Owner>): void {
    if (!this.#sessions.delete(session)) return;
    for (const generation of session.generations.splice(0)) this.#ufrags.delete(generation);
    for (const tuple of session.tuples.splice(0)) this.#tuples.delete(tuple);
    this.#consents.delete(session);
    session.path = undefined;
    session.state = 'closed';
  }

  /** A socket is gone, such as a TCP connection: so is what was validated on it. */
  closeSocket(socket: number, now: number): void {
    for (const tuple of this.#tuples.of(socket)) this.#forget(tuple, now);
  }

  /**
   * The validated tuple that a datagram came from, and with it its session and owner; undefined for anybody
   * else, whose DTLS and SRTP are to be dropped. Allocates nothing.
   */
  find(socket: number, from: TransportAddress): IceTuple<Owner> | undefined {
    const tuple = this.#tuples.get(socket, from);
    return tuple === undefined || tuple.consentLost ? undefined : tuple;
  }

  /** Whether DTLS and SRTP from there are of this session. */
  isValid(session: IceSession<Owner>, socket: number, from: TransportAddress): boolean {
    return this.find(socket, from)?.session === session;
  }

  /**
   * Handles one datagram or frame that looks like STUN. Whatever is not an authentic check is dropped and
   * counted: without an answer there is nothing to amplify and nothing to learn (departs from RFC 8489
   * s9.1.3, which would have 400 and 401 sent). Returns CHECK_ANSWERED, CHECK_TAKEN or the DROP_ reason.
   */
  handleCheck(
    socket: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): number {
    const outcome = this.#handle(socket, from, bytes, offset, length, now);
    if (outcome >= 0) this.#drops[outcome]!++;
    return outcome;
  }

  #handle(
    socket: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): number {
    // Late as the owner's clock may be, nobody gets back consent that has run out.
    if (this.#consents.isDue(now)) this.expire(now);
    const check = this.#check;
    const reason = check.read(bytes, offset, length, now);
    const { generation } = check;
    if (generation === undefined) return reason;
    const { filter } = generation.session;
    if (filter?.takes(socket, from, bytes, offset, length, now) === true) return CHECK_TAKEN;
    const fault = check.fault();
    if (fault !== NO_FAULT) {
      this.#refused++;
      this.#responder.refuse(socket, from, check, generation.key, fault, filter);
      return CHECK_ANSWERED;
    }
    const tuple = this.#tuples.get(socket, from);
    if (tuple !== undefined) {
      const obstacle = this.#obstacle(tuple, generation, now);
      if (obstacle !== CHECK_ANSWERED) return obstacle;
    }
    this.#answered++;
    this.#responder.succeed(socket, from, check.message, generation.key, filter);
    this.#accept(generation, socket, from, check.message.find(ATTR_USE_CANDIDATE) >= 0, now);
    return CHECK_ANSWERED;
  }

  /** Why what is known of the address stands against the check; CHECK_ANSWERED when nothing does. */
  #obstacle(tuple: IceTuple<Owner>, generation: IceGeneration<Owner>, now: number): number {
    if (tuple.session === generation.session) {
      const lost = tuple.consentLost && tuple.generation >= generation.number;
      return lost ? DROP_CONSENT_LOST : CHECK_ANSWERED;
    }
    // A peer may fake its address: it takes nothing from a session whose checks still come.
    if (now < tuple.checkedAt + CONSENT_MS) return DROP_TUPLE_TAKEN;
    this.#forget(tuple, now);
    return CHECK_ANSWERED;
  }

  #accept(
    generation: IceGeneration<Owner>,
    socket: number,
    from: TransportAddress,
    nominated: boolean,
    now: number,
  ): void {
    const { session } = generation;
    this.#retireBefore(generation);
    let tuple = this.#tuples.get(socket, from);
    if (tuple === undefined) {
      tuple = new IceTuple(session, socket, from.copy(), now, generation.number);
      this.#makeRoom(session, now);
      session.tuples.push(tuple);
      this.#tuples.add(tuple);
    }
    tuple.checkedAt = now;
    tuple.generation = generation.number;
    tuple.consentLost = false;
    tuple.wasNominated ||= nominated;
    this.#follow(tuple, nominated || this.#returnsTo(tuple, now), now);
  }

  /**
   * Firefox nominates several pairs, as RFC 5245 s8.1.1.2 let it, settles on the best of them and says so only by
   * checking that one alone from then on: without this consent would end with the pair that it nominated last.
   */
  #returnsTo(tuple: IceTuple<Owner>, now: number): boolean {
    const { state, path } = tuple.session;
    if (!tuple.wasNominated || state !== 'connected' || path === undefined) return false;
    return path !== tuple && now - path.checkedAt >= PATH_QUIET_MS;
  }

  /** Moves the session on: last, because the owner hears of it and may close the session. */
  #follow(tuple: IceTuple<Owner>, nominated: boolean, now: number): void {
    const { session } = tuple;
    const { state, path, owner } = session;
    const selects = nominated && (state !== 'connected' || path !== tuple);
    if (nominated || state !== 'connected') session.path = tuple;
    if (session.path === tuple) this.#consents.refresh(session, now);
    if (selects) {
      session.state = 'connected';
      owner.onSelected(tuple, now);
    } else if (state === 'new' || state === 'disconnected') {
      session.state = 'checking';
      owner.onChecked(tuple, now);
    }
  }

  /** RFC 8445 s9: once the peer uses the new credentials, the old ones are void. */
  #retireBefore(generation: IceGeneration<Owner>): void {
    const { generations } = generation.session;
    while (generations.length > 1 && generations[0] !== generation) {
      for (const old of generations.splice(0, 1)) this.#ufrags.delete(old);
    }
  }

  /** Replaces the tuple checked longest ago, but never the path. */
  #makeRoom(session: IceSession<Owner>, now: number): void {
    if (session.tuples.length < TUPLES_PER_SESSION_MAX) return;
    let oldest: IceTuple<Owner> | undefined;
    for (const tuple of session.tuples) {
      if (tuple === session.path) continue;
      if (oldest === undefined || tuple.checkedAt < oldest.checkedAt) oldest = tuple;
    }
    if (oldest !== undefined) this.#forget(oldest, now);
  }

  /** Does nothing when the session has been closed: it has no tuples left. */
  #forget(tuple: IceTuple<Owner>, now: number): void {
    const { session } = tuple;
    session.tuples.splice(session.tuples.indexOf(tuple), 1);
    this.#tuples.delete(tuple);
    if (session.path === tuple) this.#disconnect(session, now);
  }

  #disconnect(session: IceSession<Owner>, now: number): void {
    this.#consents.delete(session);
    session.path = undefined;
    session.state = 'disconnected';
    session.owner.onConsentLost(now);
  }

  /** When `expire` has something to do; Infinity when it never will. */
  get nextDeadline(): number {
    return this.#consents.deadline;
  }

  /** Ends sending to whoever has not checked for 30 s (RFC 7675 s5.1). */
  expire(now: number): void {
    for (;;) {
      const session = this.#consents.takeExpired(now);
      if (session === undefined) return;
      if (session.path !== undefined) session.path.consentLost = true;
      this.#disconnect(session, now);
    }
  }

  stats(): IceStats {
    return {
      sessions: this.#sessions.size,
      answered: this.#answered,
      refused: this.#refused,
      drops: Object.fromEntries(ICE_DROP_REASONS.map((reason, i) => [reason, this.#drops[i] ?? 0])),
    };
  }

  #addGeneration(
    session: IceSession<Owner>,
    remote: IceCredentials,
    local: IceCredentials,
  ): boolean {
    if (local.ufrag.length !== LOCAL_UFRAG_CHARS) {
      throw new RangeError(`a local username fragment has ${LOCAL_UFRAG_CHARS} characters`);
    }
    const generation: IceGeneration<Owner> = {
      session,
      number: session.restarts,
      local,
      remote,
      localUfrag: Buffer.from(local.ufrag),
      key: Buffer.from(local.password),
    };
    if (!this.#ufrags.add(generation)) return false;
    session.generations.push(generation);
    return true;
  }
}
