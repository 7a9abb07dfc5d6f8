// The media server as a real peer meets it: on a real engine, with TCP connections of node:net, and an answer to the
// peer's offer. What comes is counted, and sent back on the sections that the peer receives by.

import { IceTcp } from '../../../server/media/ice-tcp.ts';
import type { MediaCommand } from '../../../server/media/messages.ts';
import { createLogger } from '../../../shared/log.ts';
import type { Arena } from '../../../shared/native/arena.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import type { SfuPath } from '../../../sfu/control.ts';
import { createDtlsContext } from '../../../sfu/dtls/context.ts';
import { hostCandidates, type IceTransport } from '../../../sfu/ice/candidates.ts';
import { type IceCredentials, newIceCredentials } from '../../../sfu/ice/credentials.ts';
import { rtpHeaderBytes } from '../../../sfu/rtp/rtp-header.ts';
import { RtpWriter } from '../../../sfu/rtp/rtp-writer.ts';
import { makeAnswer } from '../../../sfu/sdp/answer.ts';
import { negotiate } from '../../../sfu/sdp/negotiation.ts';
import { answeredSetup } from '../../../sfu/sdp/transport.ts';
import { MediaServer } from '../../../sfu/transport/media-server.ts';
import type { MediaObserver, MediaTransport } from '../../../sfu/transport/media-transport.ts';
import { accepted, decideAll, LOCAL } from '../sdp.ts';
import { address } from '../turn/world.ts';
import { CERTIFICATE_A } from './dtls-end.ts';
import { RealNet } from './media-net.ts';

/** There is one worker. */
const WORKER = 0;

/** Sends each RTP packet back as it came, but for its SSRC. */
export class Echo implements MediaObserver {
  readonly heard: string[] = [];
  /** Packets by their SSRC. */
  readonly rtp = new Map<number, number>();
  rtcp = 0;
  sent = 0;
  transport: MediaTransport | undefined = undefined;
  /** What goes back under another SSRC; the rest does not. */
  readonly outgoing = new Map<number, number>();
  readonly #writer = new RtpWriter();

  onConnected(): void {
    this.heard.push('connected');
  }

  onDisconnected(): void {
    this.heard.push('disconnected');
  }

  onClosed(reason: string, detail: string): void {
    this.heard.push(`closed ${reason} ${detail}`.trim());
  }

  onRtp(arena: Arena, offset: number, length: number, now: number): void {
    const ssrc = arena.view.getUint32(offset + 8);
    this.rtp.set(ssrc, (this.rtp.get(ssrc) ?? 0) + 1);
    const back = this.outgoing.get(arena.bytes[offset + 1]! & 0x7f);
    if (back === undefined) return;
    const header = rtpHeaderBytes(arena.bytes, offset, length);
    const writer = this.#writer.clear();
    writer.marker = (arena.bytes[offset + 1]! & 0x80) !== 0;
    writer.padding = (arena.bytes[offset]! & 0x20) !== 0;
    writer.payloadType = arena.bytes[offset + 1]! & 0x7f;
    writer.sequenceNumber = arena.view.getUint16(offset + 2);
    writer.timestamp = arena.view.getUint32(offset + 4);
    writer.ssrc = back;
    const bytes = this.transport?.sendRtp(writer, arena, offset + header, length - header, now);
    if (bytes !== undefined && bytes > 0) this.sent++;
  }

  onRtcp(): void {
    this.rtcp++;
  }

  get received(): number {
    return [...this.rtp.values()].reduce((sum, count) => sum + count, 0);
  }
}

export interface AnswerOptions {
  /** By what it can be reached. */
  readonly by: readonly IceTransport[];
  /** Our role in DTLS, where the offer leaves that open. */
  readonly setup?: 'active' | 'passive';
}

export class MediaEndpoint {
  readonly net: RealNet;
  readonly server: MediaServer;
  readonly echo = new Echo();
  readonly tcp: IceTcp;
  readonly #dtls = createDtlsContext(CERTIFICATE_A);
  readonly #udp = new TransportAddress();
  #local: IceCredentials = newIceCredentials();
  #remoteUfrag = '';
  #version = 0;

  private constructor(kind: 'portable' | 'linux') {
    this.net = new RealNet(kind);
    this.server = new MediaServer({
      engine: this.net.engine,
      dtls: this.#dtls,
      streams: {
        sendFrame: (stream, bytes, offset, length) =>
          this.tcp.send(stream, bytes.slice(offset, offset + length)),
        closeStream: (stream) => this.tcp.end(stream),
      },
    });
    this.tcp = new IceTcp({
      log: createLogger({ level: 'silent', format: 'json' }),
      workerOf: (ufrag) => (ufrag === this.#local.ufrag ? WORKER : undefined),
      post: (_worker, command) => this.#onCommand(command),
    });
  }

  static async open(kind: 'portable' | 'linux'): Promise<MediaEndpoint> {
    const endpoint = new MediaEndpoint(kind);
    await endpoint.tcp.listen([{ host: '127.0.0.1', port: 0 }]);
    await new Promise<void>((resolve, reject) => {
      endpoint.server.listen([{ address: address('127.0.0.1') }], ([result]) => {
        if (result === undefined || result.failure !== undefined) reject(new Error('no listener'));
        else endpoint.#udp.set(result.address);
        resolve();
      });
    });
    return endpoint;
  }

  get transport(): MediaTransport | undefined {
    return this.echo.transport;
  }

  get path(): SfuPath | '' {
    return this.transport?.path ?? '';
  }

  /** What was dropped, without the zeros. */
  drops(): Record<string, number> {
    const { drops, ice } = this.server.stats();
    const all = [...Object.entries(drops), ...Object.entries(ice.drops)];
    return Object.fromEntries(all.filter(([, count]) => count > 0));
  }

  /** The answer to an offer, the first one or one that restarts ICE; it takes all and sends in every section it may. */
  answer(text: string, { by, setup = 'passive' }: AnswerOptions): string {
    const offer = accepted(text);
    const { ice: remote, fingerprints, setup: offered } = offer.transport;
    const ours = answeredSetup(offered, setup);
    const now = this.net.now();
    if (this.transport === undefined) {
      const ice = { local: this.#local, remote };
      const opened = this.server.open({ id: 1, ice, fingerprints, setup: ours }, this.echo, now);
      if (typeof opened === 'string') throw new Error(`refused: ${opened}`);
      this.echo.transport = opened;
    } else if (remote.ufrag !== this.#remoteUfrag) {
      this.#local = newIceCredentials();
      if (!this.transport.restart({ local: this.#local, remote }, now)) throw new Error('refused');
    }
    this.#remoteUfrag = remote.ufrag;
    const negotiation = negotiate(offer, decideAll(offer));
    for (const section of negotiation.sections) {
      if (!section.accepted || section.outgoing === undefined) continue;
      const { payloadType } = section.codecs[0]!;
      this.echo.outgoing.set(payloadType, section.outgoing.ssrc);
    }
    const [tcp] = this.tcp.endpoints;
    const listeners = by.map((transport) => ({
      transport,
      address: transport === 'udp' ? this.#udp : address(tcp!.host, tcp!.port),
    }));
    return makeAnswer(negotiation, {
      ...LOCAL,
      origin: { ...LOCAL.origin, version: this.#version++ },
      ice: this.#local,
      candidates: hostCandidates(listeners),
      fingerprint: CERTIFICATE_A.fingerprint,
      setup: ours,
    });
  }

  /** Resolves when it holds; who waits in vain is told what the endpoint has heard. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!(await holds())) {
      if (performance.now() > deadline) {
        const { heard, received, rtcp, sent } = this.echo;
        const drops = this.drops();
        throw new Error(`never: ${JSON.stringify({ heard, received, rtcp, sent, drops })}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async close(): Promise<void> {
    this.server.close();
    await this.net.settle();
    await this.tcp.close();
    this.net.close();
    this.#dtls.free();
  }

  #onCommand(command: MediaCommand): void {
    if (command.type === 'stream.open') {
      const { host, port } = command.remote;
      this.server.openStream(command.stream, address(host, port));
    } else if (command.type === 'stream.frame') {
      this.server.receiveFrame(command.stream, command.bytes, this.net.now());
    } else if (command.type === 'stream.close') {
      this.server.closeStream(command.stream, this.net.now());
    }
  }
}
