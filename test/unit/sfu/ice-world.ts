// An IceLite without a network, and full agents that check it. Checks are put together byte by byte, not by
// the codec under test; every answer is read back and judged.

import { randomBytes } from 'node:crypto';
import { IceLite } from '../../../sfu/ice/ice-lite.ts';
import type { IceCredentials } from '../../../sfu/ice/credentials.ts';
import type { IceObserver, IceSession, IceTuple } from '../../../sfu/ice/ice-session.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  type AttributeSource,
  fingerprinted,
  type Hash,
  message,
  sign,
  text,
  u32,
} from '../../support/turn/message.ts';
import { ReceivedMessage } from '../../support/turn/received.ts';

export const BINDING = 0x0001;
export const USERNAME = 0x0006;
export const PRIORITY = 0x0024;
export const USE_CANDIDATE = 0x0025;
export const ICE_CONTROLLED = 0x8029;
export const ICE_CONTROLLING = 0x802a;
export const XOR_MAPPED_ADDRESS = 0x0020;

/** The number of the socket that everything arrives on unless a test says otherwise. */
export const SOCKET = 3;

export const address = (host: string, port: number): TransportAddress =>
  TransportAddress.parse(host, port)!;

interface Sent {
  readonly socket: number;
  readonly to: string;
  readonly message: ReceivedMessage;
}

/** The owner of a session: writes down what it hears. */
export class Owner implements IceObserver {
  readonly heard: string[] = [];
  session: IceSession<Owner> | undefined = undefined;

  onChecked(tuple: IceTuple): void {
    this.heard.push(`checked ${tuple.socket} ${tuple.remote.toString()}`);
  }

  onSelected(tuple: IceTuple): void {
    this.heard.push(`selected ${tuple.socket} ${tuple.remote.toString()}`);
  }

  onConsentLost(): void {
    this.heard.push('consent lost');
  }
}

export class World {
  readonly sent: Sent[] = [];
  readonly ice: IceLite<Owner>;
  now = 1000.5;

  constructor(sessionsMax?: number) {
    this.ice = new IceLite<Owner>(
      {
        send: (socket, to, bytes, offset, length) => {
          const copy = Buffer.from(bytes.subarray(offset, offset + length));
          this.sent.push({ socket, to: to.toString(), message: new ReceivedMessage(copy) });
        },
      },
      sessionsMax,
    );
  }

  /** A session and its peer, which has not checked yet. */
  peer(host = '198.51.100.7', port = 40_000): Peer {
    const owner = new Owner();
    const remote = remoteCredentials();
    const session = this.ice.open(owner, remote);
    if (session === undefined) throw new Error('no session');
    owner.session = session;
    return new Peer(this, session, remote, address(host, port));
  }

  /** Moves time on and tells the agent, as its owner would. */
  pass(ms: number): void {
    this.now += ms;
    if (this.now >= this.ice.nextDeadline) this.ice.expire(this.now);
  }

  /** Which drops were counted, without the zeros. */
  drops(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(this.ice.stats().drops).filter(([, count]) => count > 0),
    );
  }
}

export const remoteCredentials = (): IceCredentials => ({
  ufrag: randomBytes(3).toString('base64'),
  password: randomBytes(18).toString('base64'),
});

export interface CheckOptions {
  readonly nominate?: boolean;
  readonly username?: string;
  readonly password?: string;
  /** Instead of PRIORITY, ICE-CONTROLLING and USE-CANDIDATE. */
  readonly attributes?: readonly AttributeSource[];
  readonly type?: number;
  readonly hash?: Hash | 'none';
  readonly fingerprint?: boolean;
}

/** A full agent in the controlling role, as far as its checks go. */
export class Peer {
  readonly world: World;
  readonly session: IceSession<Owner>;
  readonly owner: Owner;
  credentials: IceCredentials;
  local: IceCredentials;
  from: TransportAddress;
  socket = SOCKET;

  constructor(
    world: World,
    session: IceSession<Owner>,
    credentials: IceCredentials,
    from: TransportAddress,
  ) {
    this.world = world;
    this.session = session;
    this.owner = session.owner;
    this.credentials = credentials;
    this.local = session.local!;
    this.from = from;
  }

  get username(): string {
    return `${this.local.ufrag}:${this.credentials.ufrag}`;
  }

  build(options: CheckOptions = {}): Uint8Array {
    const { nominate = false, hash = 'sha1', fingerprint = true, type = BINDING } = options;
    const attributes = options.attributes ?? [
      u32(PRIORITY, 0x6e001fff),
      [ICE_CONTROLLING, randomBytes(8)],
      ...(nominate ? [[USE_CANDIDATE, []] as const] : []),
    ];
    const plain = message(type, randomBytes(12), [
      text(USERNAME, options.username ?? this.username),
      ...attributes,
    ]);
    const key = Buffer.from(options.password ?? this.local.password);
    const signed = hash === 'none' ? plain : sign(plain, hash, key);
    return fingerprint ? fingerprinted(signed) : signed;
  }

  /** Hands bytes over as if they came from this peer. */
  deliver(bytes: Uint8Array): number {
    const { world, socket, from } = this;
    const before = from.toString();
    const outcome = world.ice.handleCheck(socket, from, bytes, 0, bytes.length, world.now);
    if (from.toString() !== before) throw new Error('the source address was written to');
    return outcome;
  }

  /** What comes back for some bytes; undefined for silence. */
  exchange(bytes: Uint8Array): ReceivedMessage | undefined {
    const { sent } = this.world;
    const before = sent.length;
    this.deliver(bytes);
    if (sent.length > before + 1) throw new Error('more than one answer');
    const answer = sent[before];
    if (answer === undefined) return undefined;
    if (answer.socket !== this.socket || answer.to !== this.from.toString()) {
      throw new Error(`answered on ${answer.socket} to ${answer.to}`);
    }
    return answer.message;
  }

  /** A check and what became of it: `success`, an error code, or `silence`. */
  check(options: CheckOptions = {}): string {
    return this.exchange(this.build(options))?.outcome ?? 'silence';
  }

  nominate(options: CheckOptions = {}): string {
    return this.check({ ...options, nominate: true });
  }

  /** ICE restart as a new offer and answer make it. */
  restart(): void {
    this.credentials = remoteCredentials();
    const local = this.world.ice.restart(this.session, this.credentials);
    if (local === undefined) throw new Error('no restart');
    this.local = local;
  }

  moveTo(host: string, port: number, socket = this.socket): this {
    this.from = address(host, port);
    this.socket = socket;
    return this;
  }

  /** Where media goes now, or `nowhere`. */
  get destination(): string {
    const tuple = this.session.destination(this.world.now);
    return tuple === undefined ? 'nowhere' : `${tuple.socket} ${tuple.remote.toString()}`;
  }

  get isValid(): boolean {
    return this.world.ice.isValid(this.session, this.socket, this.from);
  }
}
