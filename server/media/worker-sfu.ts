// The SFU inside a media worker: its transports behind the worker's sockets, and the commands and events about them.
// Called by: the worker. Made where the SFU is switched on.

import { randomInt } from 'node:crypto';
import type { DtlsContext } from '../../shared/native/dtls-context.ts';
import { systemClock } from '../../shared/clock.ts';
import type { Engine, SocketOwner } from '../../shared/net/engine.ts';
import type { HandOver, HandOverReceiver } from '../../shared/net/hand-over.ts';
import type { Mailroom } from '../../shared/net/mailroom.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import type { TurnServer } from '../../turn/index.ts';
import type { PipeCommand, SfuCommand } from '../../sfu/control.ts';
import { createDtlsContext } from '../../sfu/dtls/context.ts';
import { Sfu } from '../../sfu/index.ts';
import type { RoomSummary } from '../../sfu/router/room-summary.ts';
import { type MediaListenResult, MediaServer } from '../../sfu/transport/media-server.ts';
import type { MediaEvent, SfuWorkerData, SfuWorkerStats, StreamCommand } from './messages.ts';
import { addressOf, mediaCandidates } from './sfu-addresses.ts';

/** As many as fit into what node:crypto gives without a thread. */
const RANDOM_RANGE = 2 ** 47;

export interface WorkerSfuParts {
  readonly engine: Engine;
  readonly handOver: HandOver;
  /** The way to the other workers; undefined where there are none. */
  readonly mailroom: Mailroom | undefined;
  readonly turn: TurnServer;
  readonly post: (event: MediaEvent) => void;
}

export class WorkerSfu {
  readonly #data: SfuWorkerData;
  readonly #dtls: DtlsContext;
  readonly #server: MediaServer;
  readonly #sfu: Sfu;
  /** Has no sockets of its own: what it does at the end of a turn is forward what came in it. */
  readonly #turn: SocketOwner = {
    onOpened: () => undefined,
    onDatagram: () => undefined,
    onTurnEnd: (now) => this.#sfu.onTurnEnd(now),
  };
  readonly #handOver: HandOver;
  readonly #receiver: HandOverReceiver = {
    onHandedOver: (from, to, bytes, offset, length, now) =>
      this.#server.fromRelay(from, to, bytes, offset, length, now),
  };

  constructor(data: SfuWorkerData, parts: WorkerSfuParts) {
    const { engine, handOver, mailroom, post, turn } = parts;
    this.#data = data;
    this.#handOver = handOver;
    this.#dtls = createDtlsContext(data.certificate);
    this.#server = new MediaServer({
      engine,
      dtls: this.#dtls,
      transportsMax: data.transportsMax,
      streams: {
        sendFrame: (stream, bytes, offset, length) =>
          post({
            type: 'stream.frame',
            stream,
            bytes: new Uint8Array(bytes.subarray(offset, offset + length)),
          }),
        closeStream: (stream) => post({ type: 'stream.close', stream }),
      },
      relay: {
        toRelay: (from, to, bytes, offset, length) =>
          turn.fromInside(from, to, bytes, offset, length, systemClock.monotonic()),
        relayedAddress: (from) => turn.relayedAddress(from),
      },
    });
    this.#sfu = new Sfu({
      transports: this.#server,
      loudest: data.loudest,
      timers: engine.timers,
      emit: post,
      atTurnEnd: () => engine.atTurnEnd(this.#turn),
      wallMs: () => systemClock.wall(),
      random: () => randomInt(RANDOM_RANGE) / RANDOM_RANGE,
      pipeTo: (worker) => mailroom?.pipeTo(worker),
    });
  }

  listen(done: (results: MediaListenResult[]) => void): void {
    const at = this.#data.listen.map((endpoint) => ({ address: addressOf(endpoint) }));
    this.#server.listen(at, (results) => {
      for (const address of this.#announced(results)) {
        this.#handOver.register(address, this.#receiver);
      }
      done(results);
    });
  }

  /** What clients are told, and so what a relay of this process is asked to send to. */
  #announced(results: readonly MediaListenResult[]): TransportAddress[] {
    const endpoints = results
      .filter(({ failure }) => failure === undefined)
      .map(({ address: { host, port } }) => ({ host, port }));
    return mediaCandidates(this.#data.announce, endpoints, []).map(({ address }) => address);
  }

  onCommand(command: SfuCommand | PipeCommand | StreamCommand, now: number): void {
    if (command.type === 'stream.open') {
      this.#server.openStream(command.stream, addressOf(command.remote));
    } else if (command.type === 'stream.frame') {
      this.#server.receiveFrame(command.stream, command.bytes, now);
    } else if (command.type === 'stream.close') this.#server.closeStream(command.stream, now);
    else this.#sfu.handle(command, now);
  }

  /** What another worker wrote into its ring to this one. */
  onPiped(worker: number, bytes: Uint8Array, offset: number, length: number, now: number): void {
    this.#sfu.onPiped(worker, bytes, offset, length, now);
  }

  stats(): SfuWorkerStats {
    return { server: this.#server.stats(), router: this.#sfu.stats() };
  }

  rooms(): RoomSummary[] {
    return this.#sfu.summaries();
  }

  close(): void {
    this.#sfu.close(systemClock.monotonic());
    this.#server.close();
    this.#dtls.free();
  }
}
