// A media server under test, and paths to it: by UDP, by a TCP connection and by a relay of the same process.

import type { DtlsContext } from '../../../shared/native/dtls-context.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import type { SfuPath } from '../../../sfu/control.ts';
import { MediaServer, type MediaServerOptions } from '../../../sfu/transport/media-server.ts';
import { address } from '../turn/world.ts';
import { CERTIFICATE_A, type ContextChanges, contextOf } from './dtls-end.ts';
import type { MediaNet } from './media-net.ts';

/** OpenSSL reads the machine's clock: where a test is not about that, however slow, nothing is to be sent again. */
export const PATIENT: ContextChanges = { retransmitMs: 60_000 };

/** One way to the server, as its peer has it. */
export interface Path {
  readonly kind: SfuPath;
  /** What the server sees. */
  readonly address: TransportAddress;
  send(bytes: Uint8Array): void;
  /** All that has come since. */
  take(): Promise<Uint8Array[]>;
}

/** A path that is lost: TCP connections alone have an end. */
export interface StreamPath extends Path {
  readonly id: number;
  close(): void;
}

export interface WorldOptions extends Partial<
  Pick<MediaServerOptions, 'transportsMax' | 'connectingMax'>
> {
  readonly dtls?: ContextChanges;
  /** What is known of relays outside; as it is if left out. */
  readonly relayedAddress?: (from: TransportAddress) => TransportAddress;
}

export class MediaWorld<Net extends MediaNet = MediaNet> {
  readonly net: Net;
  readonly server: MediaServer;
  readonly dtls: DtlsContext;
  readonly listener: TransportAddress = new TransportAddress();
  /** Connections that the server has closed. */
  readonly closedStreams: number[] = [];
  /** What peers free at the end. */
  readonly leavings: (() => void)[] = [];
  readonly #frames = new Map<number, Uint8Array[]>();
  readonly #relayed = new Map<string, Uint8Array[]>();
  #nextStream = 1;

  private constructor(
    net: Net,
    { dtls, relayedAddress = (from) => from, ...bounds }: WorldOptions,
  ) {
    this.net = net;
    this.dtls = contextOf(CERTIFICATE_A, { ...PATIENT, ...dtls });
    this.server = new MediaServer({
      ...bounds,
      dtls: this.dtls,
      engine: net.engine,
      streams: {
        sendFrame: (id, bytes, offset, length) =>
          this.#frames.get(id)?.push(bytes.slice(offset, offset + length)),
        closeStream: (id) => void this.closedStreams.push(id),
      },
      relay: {
        toRelay: (from, to, bytes, offset, length) => {
          if (!from.equals(this.listener)) throw new Error(`sent from ${from.toString()}`);
          this.#relayed.get(to.toString())?.push(bytes.slice(offset, offset + length));
        },
        relayedAddress,
      },
    });
  }

  static async open<Net extends MediaNet>(
    net: Net,
    options: WorldOptions = {},
  ): Promise<MediaWorld<Net>> {
    const world = new MediaWorld(net, options);
    let failure: string | undefined = 'not answered';
    world.server.listen([{ address: address('127.0.0.1', 0) }], ([result]) => {
      failure = result?.failure;
      if (result !== undefined) world.listener.set(result.address);
    });
    await net.settle();
    if (failure !== undefined) throw new Error(`no listener: ${failure}`);
    return world;
  }

  now(): number {
    return this.net.now();
  }

  async path(kind: SfuPath): Promise<Path> {
    if (kind === 'tcp') return this.stream();
    return kind === 'udp' ? this.#udp() : this.#relay();
  }

  async #udp(): Promise<Path> {
    const wire = await this.net.wire();
    return {
      kind: 'udp',
      address: wire.address,
      send: (bytes) => wire.send(bytes, this.listener),
      take: () => wire.take(),
    };
  }

  stream(): StreamPath {
    const id = this.#nextStream++;
    const inbox: Uint8Array[] = [];
    this.#frames.set(id, inbox);
    const remote = address('192.0.2.6', 10_000 + id);
    this.server.openStream(id, remote);
    return {
      kind: 'tcp',
      id,
      address: remote,
      send: (bytes) => this.server.receiveFrame(id, bytes, this.now()),
      take: () => Promise.resolve(inbox.splice(0)),
      close: () => this.server.closeStream(id, this.now()),
    };
  }

  #relay(): Path {
    const relayed = address('203.0.113.9', 49_152 + this.#relayed.size);
    const inbox: Uint8Array[] = [];
    this.#relayed.set(relayed.toString(), inbox);
    const lent = new Uint8Array(65_536);
    return {
      kind: 'relay',
      address: relayed,
      send: (bytes) => {
        lent.set(bytes, 7);
        const from = relayed.copy();
        const to = this.listener.copy();
        this.server.fromRelay(from, to, lent, 7, bytes.length, this.now());
        // Lent for the call alone.
        lent.fill(0xee);
        from.setV4(0, 0);
        to.setV4(0, 0);
      },
      take: () => Promise.resolve(inbox.splice(0)),
    };
  }

  /** What was dropped, without the zeros: by the server, and by its ICE agent. */
  drops(): Record<string, number> {
    const { drops, ice } = this.server.stats();
    const all = [...Object.entries(drops), ...Object.entries(ice.drops)];
    return Object.fromEntries(all.filter(([, count]) => count > 0));
  }

  /** Frees the peers so far, and forgets what they were sent: for runs with very many. */
  forget(): void {
    for (const leave of this.leavings.splice(0)) leave();
    this.closedStreams.length = 0;
    this.#frames.clear();
    this.#relayed.clear();
  }

  /** Throws when something is left. */
  async close(): Promise<void> {
    this.server.close();
    await this.net.settle();
    const { transports, connecting, streams, ice } = this.server.stats();
    this.forget();
    const left = transports + connecting + streams + ice.sessions + this.dtls.sessions;
    this.net.close();
    if (left > 0) throw new Error(`${left} transports, streams and sessions are left after close`);
    this.dtls.free();
  }
}
