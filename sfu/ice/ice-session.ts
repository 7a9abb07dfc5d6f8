// One ICE session of a lite agent (RFC 8445 s7.3.2, s8.2): the addresses its peer has checked from, the one
// it nominated, and its consent (RFC 7675). Changed by IceLite alone; read by the media transport. Allocates:
// a tuple for each new address, credentials for each restart.

import type { TransportAddress } from '../../shared/net/transport-address.ts';
import type { IceCredentials } from './credentials.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';
import { CHECKS_AT_ONCE_MAX, CHECKS_PER_SECOND_MAX, CONSENT_MS } from './limits.ts';

/**
 * `checking`: there was a valid check, but no nomination yet. `connected`: a pair is nominated, or the owner has
 * selected the one that it has heard from, and it has consent. `disconnected`: consent was lost; a check from
 * elsewhere or an ICE restart brings the session back.
 */
export type IceState = 'new' | 'checking' | 'connected' | 'disconnected' | 'closed';

/** What a media transport hears of its session. A check has been answered before any of these is called. */
export interface IceObserver {
  /** The state has become `checking`: DTLS may be sent to this tuple. */
  onChecked(tuple: IceTuple, now: number): void;
  /** The peer nominated this pair, the first one or another: media goes there from now on. */
  onSelected(tuple: IceTuple, now: number): void;
  /** The state has become `disconnected`: nothing may be sent. */
  onConsentLost(now: number): void;
}

/** Stands between a session and whoever moves its datagrams. */
export interface IceFilter {
  /** Of what is authentic. False: it goes on. True: it is dropped, or comes again later. */
  takes(
    socket: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): boolean;
  send(
    socket: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void;
}

/** A pair that the peer has checked: the socket it reached and the address it came from. */
export class IceTuple<Owner extends IceObserver = IceObserver> {
  readonly session: IceSession<Owner>;
  readonly socket: number;
  readonly remote: TransportAddress;
  /** When the last valid check came. */
  checkedAt: number;
  /** Number of the credentials that the last valid check used. */
  generation: number;
  /** Whether the peer has ever nominated it. */
  wasNominated = false;
  /** RFC 7675 s5.1: these credentials are of no use here any more; a restart brings new ones. */
  consentLost = false;

  constructor(
    session: IceSession<Owner>,
    socket: number,
    remote: TransportAddress,
    now: number,
    generation: number,
  ) {
    this.session = session;
    this.socket = socket;
    this.remote = remote;
    this.checkedAt = now;
    this.generation = generation;
  }
}

/** The credentials of a session between two restarts (RFC 8445 s9). */
export interface IceGeneration<Owner extends IceObserver = IceObserver> {
  readonly session: IceSession<Owner>;
  /** Counts up with every restart. */
  readonly number: number;
  readonly local: IceCredentials;
  readonly remote: IceCredentials;
  readonly localUfrag: Uint8Array;
  /** RFC 8489 s9.1.1: the key of the short-term mechanism is the password. */
  readonly key: Uint8Array;
}

export class IceSession<Owner extends IceObserver = IceObserver> {
  readonly owner: Owner;
  state: IceState = 'new';
  /**
   * The selected pair; before the nomination the pair checked last; nothing before the first check and
   * without consent.
   */
  path: IceTuple<Owner> | undefined = undefined;
  readonly tuples: IceTuple<Owner>[] = [];
  /** Credentials that are valid, oldest first. */
  readonly generations: IceGeneration<Owner>[] = [];
  /** Checks whose integrity is looked at. */
  readonly checks = new TokenBucket(CHECKS_PER_SECOND_MAX, CHECKS_AT_ONCE_MAX);
  /** What its owner has put in the way of its datagrams; all of them go by without. */
  filter: IceFilter | undefined = undefined;
  /** Restarts so far. */
  restarts = 0;

  constructor(owner: Owner) {
    this.owner = owner;
  }

  /** Our credentials since the last restart. */
  get local(): IceCredentials | undefined {
    return this.generations.at(-1)?.local;
  }

  /** The peer's since the last restart. The password is not used: a lite agent sends no checks. */
  get remote(): IceCredentials | undefined {
    return this.generations.at(-1)?.remote;
  }

  /** The pair that media goes to (RFC 8445 s8.2). */
  get selected(): IceTuple<Owner> | undefined {
    return this.state === 'connected' ? this.path : undefined;
  }

  /**
   * Where media may be sent at this moment: the selected pair, as long as there is consent (RFC 7675 s5.1).
   * To be asked for every batch; allocates nothing.
   */
  destination(now: number): IceTuple<Owner> | undefined {
    const { path } = this;
    if (path === undefined || this.state !== 'connected') return undefined;
    return now < path.checkedAt + CONSENT_MS ? path : undefined;
  }
}

/** Whether `bytes` has `text` at `offset`; there must be room for it. */
export function startsWith(bytes: Uint8Array, offset: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[offset + i] !== text[i]) return false;
  return true;
}
