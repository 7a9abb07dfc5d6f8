// Sets up what the load generator sends over: clients with a peer each, pairs of clients, or an echo without TURN.
// RFC 8656 s10 (Send indications), s12 (channels).

import type { LinuxEngine } from '../../shared/net/linux-engine.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import {
  ATTR_DATA,
  ATTR_XOR_PEER_ADDRESS,
  CLASS_INDICATION,
  METHOD_SEND,
} from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import { type Course, Lane } from './lane.ts';
import type { LoadMethod } from './load-options.ts';
import type { Sockets } from './sockets.ts';
import type { OnArrival, Traffic } from './traffic.ts';
import { ALLOCATE, bindChannel, GIVE_UP, permit, type Request, TurnClient } from './turn-client.ts';

/** RFC 8656 s12: channel numbers are 0x4000 to 0x4fff; a client of ours has one channel. */
const CHANNEL_NUMBER = 0x4000;
/** Requests under way at once while flows are set up. */
const CONCURRENT = 32;
const RESEND_MS = 500;
const SETUP_MS_MAX = 20_000;

export interface FlowOptions {
  readonly flows: number;
  readonly bytes: number;
  readonly method: LoadMethod;
}

/** A flow is a client and a peer, with a lane each way. Ends with the clients, which give their allocations up. */
export function relayFlows(
  sockets: Sockets,
  server: TransportAddress,
  traffic: Traffic,
  options: FlowOptions,
): TurnClient[] {
  const { engine } = sockets;
  const clients: TurnClient[] = [];
  const peers: PlainSocket[] = [];
  for (let i = 0; i < options.flows; i++) {
    clients.push(new TurnClient(sockets, server, traffic.receiver(2 * i + 1)));
    peers.push(new PlainSocket(sockets, traffic.receiver(2 * i)));
  }
  engine.turn(0, ignore);
  runAll(engine, clients, (_client, i) => {
    const peer = peers[i]!.local;
    const reach = options.method === 'send' ? permit(peer) : bindChannel(CHANNEL_NUMBER, peer);
    return [ALLOCATE, reach];
  });
  for (const [i, client] of clients.entries()) {
    const { socket, local } = peers[i]!;
    const up =
      options.method === 'send'
        ? sendCourse(client.socket, server, local, options.bytes)
        : channelCourse(client.socket, server, options.bytes);
    addLane(engine, traffic, up);
    addLane(engine, traffic, plainCourse(socket, client.relayed, options.bytes));
  }
  return clients;
}

/** A flow is two clients, each the other's peer through its relayed transport address. */
export function pairedFlows(
  sockets: Sockets,
  server: TransportAddress,
  traffic: Traffic,
  options: FlowOptions,
): TurnClient[] {
  const { engine } = sockets;
  const clients: TurnClient[] = [];
  for (let i = 0; i < 2 * options.flows; i++) {
    clients.push(new TurnClient(sockets, server, traffic.receiver(i ^ 1)));
  }
  engine.turn(0, ignore);
  runAll(engine, clients, () => [ALLOCATE]);
  runAll(engine, clients, (_client, i) => [bindChannel(CHANNEL_NUMBER, clients[i ^ 1]!.relayed)]);
  for (const client of clients) {
    addLane(engine, traffic, channelCourse(client.socket, server, options.bytes));
  }
  return clients;
}

/** A flow is a socket whose datagrams come back. There are no clients. */
export function echoFlows(
  sockets: Sockets,
  server: TransportAddress,
  traffic: Traffic,
  options: FlowOptions,
): TurnClient[] {
  const { engine } = sockets;
  for (let i = 0; i < options.flows; i++) {
    const { socket } = new PlainSocket(sockets, traffic.receiver(i));
    addLane(engine, traffic, plainCourse(socket, server, options.bytes));
  }
  engine.turn(0, ignore);
  return [];
}

/** Has every client send its requests. Throws Error when one is refused, or the server falls silent. */
export function runAll(
  engine: LinuxEngine,
  clients: readonly TurnClient[],
  steps: (client: TurnClient, index: number) => readonly Request[],
): void {
  let next = 0;
  let finished = 0;
  const startNext = (): void => {
    const index = next++;
    const client = clients[index];
    if (client === undefined) return;
    client.run(steps(client, index), () => {
      finished++;
      startNext();
    });
  };
  for (let i = 0; i < CONCURRENT; i++) startNext();
  const start = performance.now();
  let resendAt = start + RESEND_MS;
  while (finished < clients.length) {
    engine.turn(10, ignore);
    const now = performance.now();
    if (now - start > SETUP_MS_MAX) throw new Error('the server does not answer');
    if (now < resendAt) continue;
    for (const client of clients) client.resend();
    resendAt = now + RESEND_MS;
  }
  const refused = clients.find((client) => client.failure !== 0);
  if (refused !== undefined) throw new Error(`the server refused with ${refused.failure}`);
}

/** Ends the allocations, so that the next run meets an empty server. */
export function giveUpAll(engine: LinuxEngine, clients: readonly TurnClient[]): void {
  runAll(engine, clients, () => [GIVE_UP]);
}

class PlainSocket {
  readonly local: TransportAddress = new TransportAddress();
  readonly socket: number;

  constructor(sockets: Sockets, onArrival: OnArrival) {
    this.socket = sockets.open({
      onOpened: (_tag, local) => void this.local.set(local),
      onDatagram: (_tag, _from, bytes, offset, length) => onArrival(bytes, offset, length),
    });
  }
}

function addLane(engine: LinuxEngine, traffic: Traffic, course: Course): void {
  traffic.lanes.push(new Lane(engine, traffic.lanes.length, course));
}

function plainCourse(socket: number, to: TransportAddress, bytes: number): Course {
  return { socket, to, prefix: undefined, datagram: new Uint8Array(bytes), payloadAt: 0 };
}

function channelCourse(socket: number, to: TransportAddress, bytes: number): Course {
  return { ...plainCourse(socket, to, bytes), prefix: CHANNEL_NUMBER * 0x1_0000 + bytes };
}

function sendCourse(
  socket: number,
  to: TransportAddress,
  peer: TransportAddress,
  bytes: number,
): Course {
  const datagram = new Uint8Array(bytes + 64);
  const transaction = new Uint8Array(12).fill(1);
  const payload = new Uint8Array(bytes);
  const writer = new StunWriter();
  writer
    .start(datagram, 0, METHOD_SEND, CLASS_INDICATION, transaction, 0)
    .xorAddress(ATTR_XOR_PEER_ADDRESS, peer);
  const payloadAt = writer.position + 4;
  const length = writer.data(ATTR_DATA, payload, 0, bytes).finish();
  return { socket, to, prefix: undefined, datagram: datagram.slice(0, length), payloadAt };
}

function ignore(): void {}
