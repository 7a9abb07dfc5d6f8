// What a packet costs that is piped to another media worker, in rooms that span workers, beside one that is forwarded
// to a subscriber: nanoseconds of the worker's thread, in memory alone. What the kernel takes of a forwarded one comes
// on top of it. `npm run bench:pipe`; `-- --small` is the short run of the test suite.

import { pathToFileURL } from 'node:url';
import { Arena } from '../shared/native/arena.ts';
import { Mailroom } from '../shared/net/mailroom.ts';
import { TimerWheel } from '../shared/net/timer-wheel.ts';
import type { LinkReport, MediaSetup } from '../sfu/control.ts';
import type { RtpWriter } from '../sfu/rtp/rtp-writer.ts';
import type { AgreedSection } from '../sfu/sdp/negotiation.ts';
import { Sfu, type SfuTransport } from '../sfu/sfu.ts';
import { AEAD_AES_128_GCM } from '../sfu/srtp/profile.ts';
import { SrtpSender } from '../sfu/srtp/sender.ts';
import type { MediaObserver } from '../sfu/transport/media-transport.ts';

/** Nanoseconds a packet, medians. */
export interface PipeFigures {
  /** Of each further subscriber: header and encryption. */
  readonly forwardedNs: number;
  /** Of each further worker, in the one that has the publisher, and in that worker before it forwards any. */
  readonly outNs: number;
  readonly inNs: number;
}

const PACKET_BYTES = 1100;
const PER_TURN = 4;
const PUBLICATION = 7;
const PUBLISHER_SSRC = 0x1234;
const SECRET = Buffer.alloc(28, 0xa5);

const packet = new Arena(2048);

class Peer implements SfuTransport {
  readonly state = 'connected';
  readonly path = 'udp';
  readonly observer: MediaObserver;
  readonly #sender = new SrtpSender(
    AEAD_AES_128_GCM,
    { key: SECRET.subarray(0, 16), salt: SECRET.subarray(16) },
    4,
  );
  readonly #out = new Arena(2048);

  constructor(observer: MediaObserver) {
    this.observer = observer;
  }

  sendRtp(header: RtpWriter, from: Arena, offset: number, length: number): number {
    const { headerBytes } = header;
    header.write(this.#out.bytes, 0);
    return this.#sender.protectRtp(this.#out, 0, headerBytes, from, offset, length);
  }

  sendRtcp(): boolean {
    return true;
  }

  impair(): void {
    throw new Error('nobody asks');
  }

  restart(): boolean {
    return true;
  }

  report(): LinkReport {
    throw new Error('nobody asks');
  }

  close(): void {
    this.#sender.close();
    this.#out.free();
  }
}

function fail(error: unknown): never {
  throw error;
}

class BenchWorker {
  readonly sfu: Sfu;
  readonly mailroom: Mailroom;
  readonly peers: Peer[] = [];
  now = 1000;
  readonly #onPiped = {
    onPiped: (worker: number, bytes: Uint8Array, offset: number, length: number): void =>
      this.sfu.onPiped(worker, bytes, offset, length, this.now),
  };

  constructor(memory: ReturnType<typeof Mailroom.memory>, self: number) {
    this.mailroom = new Mailroom(memory, self, () => undefined, fail);
    this.sfu = new Sfu({
      transports: {
        open: (_setup, observer) => {
          const peer = new Peer(observer);
          this.peers.push(peer);
          return peer;
        },
      },
      timers: new TimerWheel(this.now, fail),
      emit: () => undefined,
      atTurnEnd: () => undefined,
      wallMs: () => 0,
      random: () => 0.5,
      pipeTo: (worker) => this.mailroom.pipeTo(worker),
    });
  }

  open(id: number, media: MediaSetup, publication = 0): Peer {
    const credentials = { ufrag: 'abcd', password: 'x'.repeat(24) };
    this.sfu.handle(
      {
        type: 'sfu.open',
        id,
        room: 'room',
        ice: { local: credentials, remote: credentials },
        fingerprints: [],
        setup: 'passive',
        media,
        slots: [{ mid: '0', publication }],
      },
      this.now,
    );
    return this.peers.at(-1)!;
  }

  take(): void {
    this.mailroom.deliverPiped(this.#onPiped, Number.MAX_SAFE_INTEGER);
    this.sfu.onTurnEnd(this.now);
  }
}

const codec = {
  name: 'VP8',
  format: 'VP8',
  payloadType: 96,
  rtxPayloadType: 97,
  clockRate: 90_000,
  channels: 1,
  parameters: '',
  feedback: ['nack', 'nack pli'],
} as const;

function section(direction: 'recvonly' | 'sendonly', ssrc: number): AgreedSection {
  return {
    accepted: true,
    mid: '0',
    kind: 'video',
    protocol: 'UDP/TLS/RTP/SAVPF',
    direction,
    rtcpRsize: true,
    extmapAllowMixed: true,
    codecs: [codec],
    extensions: [{ id: 1, name: 'mid', direction: undefined }],
    simulcast: [],
    streams: direction === 'recvonly' ? [{ ssrc, rtxSsrc: ssrc + 1 }] : [],
    outgoing:
      direction === 'sendonly'
        ? { ssrc, rtxSsrc: ssrc + 1, cname: 'c', msid: { stream: 's', track: 't' } }
        : undefined,
  };
}

const CAMERA: MediaSetup = {
  sections: [section('recvonly', PUBLISHER_SSRC)],
  publications: [{ publication: PUBLICATION, mid: '0', muted: false }],
};

/** A camera here, so many subscribers here, and perhaps one in another worker; the two costs of a packet. */
function measure(
  subscribers: number,
  isPiped: boolean,
  turns: number,
): [here: number, there: number] {
  const memory = Mailroom.memory(2, true);
  const [home, away] = [new BenchWorker(memory, 0), new BenchWorker(memory, 1)];
  const publisher = home.open(1, CAMERA);
  for (let i = 0; i < subscribers; i++) {
    const media = { sections: [section('sendonly', 0x9000 + 2 * i)], publications: [] };
    home.open(10 + i, media, PUBLICATION).observer.onConnected(home.now);
  }
  if (isPiped) {
    away.sfu.handle({ type: 'sfu.mirror', id: 1, room: 'room', home: 0, media: CAMERA }, away.now);
    // It never connects: what is measured there is all that comes before forwarding.
    away.open(100, { sections: [section('sendonly', 0x8000)], publications: [] }, PUBLICATION);
    const pipe = { type: 'sfu.pipe', publication: PUBLICATION, worker: 1, isOpen: true } as const;
    home.sfu.handle(pipe, home.now);
  }
  const { bytes, view } = packet;
  bytes.fill(0);
  bytes.set([0x80, 0xe0], 0);
  view.setUint32(8, PUBLISHER_SSRC);
  // RFC 7741: a packet of a key frame, without a picture ID.
  bytes[12] = 0x10;
  let sequence = 0;
  const here: number[] = [];
  const there: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    home.now = away.now = 1000 + turn / 100;
    const begin = performance.now();
    for (let i = 0; i < PER_TURN; i++) {
      view.setUint16(2, ++sequence & 0xffff);
      view.setUint32(4, sequence);
      publisher.observer.onRtp(packet, 0, PACKET_BYTES, home.now);
    }
    home.sfu.onTurnEnd(home.now);
    home.mailroom.flush();
    const sent = performance.now();
    away.take();
    here.push(sent - begin);
    there.push(performance.now() - sent);
  }
  home.sfu.close(home.now);
  away.sfu.close(away.now);
  return [median(here), median(there)];
}

/** Nanoseconds a packet; the first half is for the compiler. */
function median(turnMs: readonly number[]): number {
  const late = turnMs.slice(turnMs.length >> 1).toSorted((a, b) => a - b);
  return (late[late.length >> 1]! * 1e6) / PER_TURN;
}

const FEW = 1;
const MANY = 21;

export function run(isSmall: boolean): PipeFigures {
  const turns = isSmall ? 500 : 40_000;
  const [few] = measure(FEW, false, turns);
  const [many] = measure(MANY, false, turns);
  const [alone, nothing] = measure(0, false, turns);
  const [piped, taken] = measure(0, true, turns);
  return {
    forwardedNs: (many - few) / (MANY - FEW),
    outNs: piped - alone,
    inNs: taken - nothing,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { forwardedNs, outNs, inNs } = run(process.argv.includes('--small'));
  process.stdout.write(
    `A video packet of ${PACKET_BYTES} bytes, nanoseconds, without the kernel:\n` +
      `  to one more subscriber       ${forwardedNs.toFixed(0)}\n` +
      `  to one more worker           ${outNs.toFixed(0)}\n` +
      `  taken there, from the pipe   ${inNs.toFixed(0)}\n`,
  );
}
