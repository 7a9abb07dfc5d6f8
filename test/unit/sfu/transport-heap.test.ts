// A packet's whole way through the media transports, alone in its process so that nothing else allocates: in,
// decrypted, encrypted anew for each receiver where the Linux engine sends it from, and out; RTCP beside it.

import { expect, it } from 'vitest';
import { Arena } from '../../../shared/native/arena.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { RtpWriter } from '../../../sfu/rtp/rtp-writer.ts';
import type { MediaObserver } from '../../../sfu/transport/media-transport.ts';
import { bytesPerTurn } from '../../support/turn/heap.ts';
import { CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';
import { RealNet } from '../../support/sfu/media-net.ts';
import { MediaPeer } from '../../support/sfu/media-peer.ts';
import { MediaWorld, PATIENT } from '../../support/sfu/media-world.ts';
import { rtcpPacket, rtpHeader } from './srtp-fixture.ts';

const BURST = 64;
const PAYLOAD_BYTES = 900;
/** Whole milliseconds: a few packets in each, since nobody may send more, and all of it before consent runs out. */
let clock = 1234;
const PACKETS_PER_MS = 4;
const RTP_PER_RTCP = 8;
const LONG = { timeout: 600_000 };
const idle = (): void => undefined;

/** Forwards to each of the others what it gets, under another SSRC. */
class Forwarder implements MediaObserver {
  readonly to: MediaPeer[] = [];
  readonly onConnected = idle;
  readonly onDisconnected = idle;
  readonly onClosed = idle;
  readonly #writer = new RtpWriter();
  forwarded = 0;
  refused = 0;

  onRtp(arena: Arena, offset: number, length: number, now: number): void {
    const writer = this.#writer.clear().elementU16(1, 7);
    writer.sequenceNumber = (writer.sequenceNumber + 1) & 0xffff;
    for (let i = 0; i < this.to.length; i++) {
      const { transport } = this.to[i]!;
      this.#count(transport.sendRtp(writer, arena, offset + 12, length - 12, now) > 0);
    }
  }

  onRtcp(arena: Arena, offset: number, length: number, now: number): void {
    for (let i = 0; i < this.to.length; i++) {
      this.#count(this.to[i]!.transport.sendRtcp(arena, offset, length, now));
    }
  }

  #count(sent: boolean): void {
    if (sent) this.forwarded++;
    else this.refused++;
  }
}

/** What the peer sends, straight into the server: a peer's socket would allocate. */
class Source {
  readonly #peer: MediaPeer;
  readonly #from: TransportAddress;
  readonly #header = rtpHeader(0xfedcba98, 0);
  readonly #rtcp = rtcpPacket(0xfedcba98, 5);
  #sequenceNumber = 0;

  constructor(peer: MediaPeer) {
    this.#peer = peer;
    this.#from = peer.path.address;
  }

  send(): void {
    const { arena, sender, world } = this.#peer;
    const header = this.#header;
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    for (let i = 0; i < header.length; i++) arena.bytes[i] = header[i]!;
    arena.bytes[2] = this.#sequenceNumber >> 8;
    arena.bytes[3] = this.#sequenceNumber;
    const length = sender!.protectRtp(arena, 0, 12, arena, 4096, PAYLOAD_BYTES);
    world.server.onDatagram(0, this.#from, arena.bytes, 0, length, clock);
    if (this.#sequenceNumber % PACKETS_PER_MS === 0) clock++;
    if (this.#sequenceNumber % RTP_PER_RTCP !== 0) return;
    for (let i = 0; i < this.#rtcp.length; i++) arena.bytes[i] = this.#rtcp[i]!;
    const bytes = sender!.protectRtcp(arena, 0, this.#rtcp.length);
    world.server.onDatagram(0, this.#from, arena.bytes, 0, bytes, clock);
  }
}

/**
 * Where arenas lie high, addresses that OpenSSL is called with are numbers of 16 bytes each: two for a packet that
 * comes in, three for one that goes out, one or two for RTCP. Where they lie low, as on x86-64, nothing is left.
 */
const ADDRESS_BYTES = 16;
/** What the measuring itself costs. */
const NOISE_BYTES = 8;
const RECEIVERS = 3;
const RTP_ADDRESSES = 2 + 3 * RECEIVERS;
const RTCP_ADDRESSES = 2 + 2 * RECEIVERS;

function liesLow(): boolean {
  const arena = new Arena(64);
  arena.free();
  return arena.base < 2 ** 31;
}

it(`a packet to ${RECEIVERS} receivers allocates nothing on its way`, LONG, async () => {
  const clients = contextOf(CERTIFICATE_B, PATIENT);
  const world = await MediaWorld.open(new RealNet('linux', () => clock));
  const { engine } = world.net;
  if (!(engine instanceof LinuxEngine)) throw new Error('another engine');
  const forwarder = new Forwarder();
  for (let i = 0; i < RECEIVERS; i++) {
    forwarder.to.push(await new MediaPeer(world, clients).connect());
  }
  const source = new Source(await new MediaPeer(world, clients, { router: forwarder }).connect());
  let packets = 0;
  const bytes = bytesPerTurn((turns) => {
    for (let i = 0; i < turns; i++) {
      source.send();
      packets++;
      if (packets % BURST === 0) engine.turn(0, idle);
    }
  }, 50_000);
  process.stdout.write(`a packet to ${RECEIVERS} receivers: ${bytes.toFixed(1)} B\n`);
  expect(forwarder.refused).toBe(0);
  expect(forwarder.forwarded).toBeGreaterThan(packets * RECEIVERS);
  expect(world.drops()).toEqual({});
  expect(engine.counters.sent).toBeGreaterThan(packets * RECEIVERS);
  await world.close();
  clients.free();
  const addresses = RTP_ADDRESSES + RTCP_ADDRESSES / RTP_PER_RTCP;
  expect(bytes).toBeLessThan(liesLow() ? NOISE_BYTES : ADDRESS_BYTES * addresses);
});
