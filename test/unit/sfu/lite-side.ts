// The lite side of a real connection on the loopback: one socket, one session and an SDP answer. Over UDP on
// the portable engine, over TCP on node:net with RFC 4571 framing. Nobody answers DTLS; it is counted.

import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { formatCandidate, hostCandidates, type IceTransport } from '../../../sfu/ice/candidates.ts';
import {
  type IceCredentials,
  newIceCredentials,
  parseIceCredentials,
} from '../../../sfu/ice/credentials.ts';
import { IceLite } from '../../../sfu/ice/ice-lite.ts';
import type { IceSink } from '../../../sfu/ice/check-responder.ts';
import type { IceSession } from '../../../sfu/ice/ice-session.ts';
import { DATAGRAM_DTLS, DATAGRAM_STUN, demultiplex } from '../../../sfu/demultiplex.ts';
import { Deframer, writeFrame } from '../../../sfu/tcp-framing.ts';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { address, Owner } from './ice-world.ts';

const PACKET_BYTES_MAX = 1500;

interface Transport extends IceSink {
  readonly kind: IceTransport;
  readonly listening: TransportAddress;
  close(): Promise<void>;
}

/** The lite side: one transport, one session, and what of DTLS came from validated tuples. */
export class LiteSide {
  readonly owner = new Owner();
  ice!: IceLite<Owner>;
  session: IceSession<Owner> | undefined = undefined;
  transport!: Transport;
  dtls = 0;
  readonly refused: string[] = [];

  async start(kind: IceTransport): Promise<void> {
    this.transport = kind === 'udp' ? await udp(this) : await tcp(this);
    this.ice = new IceLite<Owner>(this.transport);
  }

  onPacket(
    socket: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const kind = demultiplex(bytes[offset]);
    if (kind === DATAGRAM_STUN) {
      this.ice.handleCheck(socket, from, bytes, offset, length, performance.now());
    } else if (kind === DATAGRAM_DTLS && this.isOurs(socket, from)) {
      this.dtls++;
    } else {
      this.refused.push(`${bytes[offset]} from ${from.toString()}`);
    }
  }

  isOurs(socket: number, from: TransportAddress): boolean {
    return this.session !== undefined && this.ice.isValid(this.session, socket, from);
  }

  /** The answer to an offer, the first one or one that restarts ICE: lite, with one candidate. */
  answer(offer: string): string {
    const remote = credentialsIn(offer);
    const local = newIceCredentials();
    if (this.session === undefined) this.session = this.ice.open(this.owner, remote, local);
    else this.ice.restart(this.session, remote, local);
    const { kind, listening } = this.transport;
    const candidates = hostCandidates([{ transport: kind, address: listening }]);
    return sdp(local, candidates.map(formatCandidate));
  }
}

async function udp(side: LiteSide): Promise<Transport> {
  const engine = new PortableEngine({
    now: () => performance.now(),
    onFault: (error) => {
      throw error;
    },
  });
  let socket = 0;
  const listening = await new Promise<TransportAddress>((resolve) => {
    socket = engine.open(
      address('127.0.0.1', 0),
      {
        onOpened: (_tag, local) => resolve(local.copy()),
        onDatagram: (_tag, from, bytes, offset, length) =>
          side.onPacket(socket, from, bytes, offset, length),
      },
      0,
    );
  });
  return {
    kind: 'udp',
    listening,
    send: (to, remote, bytes, offset, length) => engine.send(to, remote, bytes, offset, length),
    close: () => Promise.resolve(engine.close(socket)),
  };
}

async function tcp(side: LiteSide): Promise<Transport> {
  const connections = new Map<number, Socket>();
  let next = 100;
  const server: Server = createServer((connection) => {
    const number = next++;
    const from = address(connection.remoteAddress!, connection.remotePort!);
    connections.set(number, connection);
    const deframer = new Deframer(
      {
        onFrame: (bytes, offset, length) => side.onPacket(number, from, bytes, offset, length),
      },
      PACKET_BYTES_MAX,
    );
    connection.on('data', (chunk) => {
      if (!deframer.push(chunk, 0, chunk.length)) connection.destroy();
    });
    connection.on('error', () => connection.destroy());
    connection.on('close', () => side.ice.closeSocket(number, performance.now()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    kind: 'tcp',
    listening: address('127.0.0.1', (server.address() as AddressInfo).port),
    send: (to, _remote, bytes, offset, length) => {
      const frame = new Uint8Array(length + 2);
      connections.get(to)?.write(frame.subarray(0, writeFrame(frame, 0, bytes, offset, length)));
    },
    close: async () => {
      for (const connection of connections.values()) connection.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function credentialsIn(offer: string): IceCredentials {
  const [ufrag = '', password = ''] = ['ufrag', 'pwd'].map(
    (name) => new RegExp(`a=ice-${name}:(\\S+)`).exec(offer)?.[1] ?? '',
  );
  const credentials = parseIceCredentials(ufrag, password);
  if (credentials === undefined) throw new Error(`no credentials in ${offer}`);
  return credentials;
}

function sdp({ ufrag, password }: IceCredentials, candidates: readonly string[]): string {
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=ice-lite',
    'a=group:BUNDLE 0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sendrecv',
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    'a=ice-options:ice2',
    'a=setup:passive',
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
    'a=sctp-port:5000',
    ...candidates.map((line) => `a=${line}`),
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}
