// The SFU as the main thread has it: its certificate, where it is reached by UDP and TCP, and the way between
// signaling, TCP connections and the media workers. Called by: the media host, and signaling through `plane`.

import { systemClock } from '../../shared/clock.ts';
import { parseListenerUrl } from '../../shared/config/network-values.ts';
import type { Logger } from '../../shared/log.ts';
import type { PipeEvent, SfuEvent } from '../../sfu/control.ts';
import { createDtlsCertificate, type DtlsCertificate } from '../../sfu/dtls/certificate.ts';
import { IceTcp } from './ice-tcp.ts';
import type {
  Endpoint,
  ListenerState,
  MediaCommand,
  SfuWorkerData,
  StreamEvent,
} from './messages.ts';
import { mediaCandidates, mediaEndpoints, type SfuSettings } from './sfu-addresses.ts';
import { SfuPlane } from './sfu-plane.ts';

export class SfuHost {
  readonly plane: SfuPlane;
  readonly #settings: SfuSettings;
  readonly #certificate: DtlsCertificate = createDtlsCertificate(systemClock.wall());
  readonly #tcp: IceTcp | undefined;
  /** By worker; with the real ports once it listens, which it gets again when it is started anew. */
  readonly #endpoints: Endpoint[][];
  readonly #heard = new Set<number>();

  constructor(
    settings: SfuSettings,
    log: Logger,
    workers: number,
    post: (worker: number, command: MediaCommand) => void,
  ) {
    this.#settings = settings;
    this.#endpoints = Array.from({ length: workers }, (_, i) => mediaEndpoints(settings, i));
    this.plane = new SfuPlane({
      workers,
      fingerprint: this.#certificate.fingerprint,
      transportsMax: settings.maxTransports,
      participantsPerWorker: settings.participantsPerWorker,
      send: post,
    });
    if (settings.tcp) {
      this.#tcp = new IceTcp({ log, workerOf: (ufrag) => this.plane.workerOf(ufrag), post });
    }
  }

  /** Opens the TCP listeners. Throws SternaError LISTENER_UNAVAILABLE. */
  async listen(): Promise<void> {
    const { addresses, tcpPort } = this.#settings;
    await this.#tcp?.listen(addresses.map((host) => ({ host, port: tcpPort })));
  }

  dataFor(worker: number): SfuWorkerData {
    return {
      certificate: this.#certificate,
      listen: this.#endpoints[worker] ?? [],
      announce: this.#settings.announce,
      transportsMax: this.#settings.maxTransports,
      loudest: this.#settings.loudest,
    };
  }

  onListening(worker: number, media: readonly ListenerState[]): void {
    const endpoints = media.map(({ url }) => {
      const { host, port } = parseListenerUrl(url);
      return { host, port };
    });
    this.#endpoints[worker] = endpoints;
    const tcp = this.#tcp?.endpoints ?? [];
    this.plane.setCandidates(worker, mediaCandidates(this.#settings.announce, endpoints, tcp));
    if (this.#heard.has(worker)) {
      this.#tcp?.lost(worker);
      this.plane.lost(worker);
    }
    this.#heard.add(worker);
  }

  onMedia(worker: number, event: SfuEvent | PipeEvent | StreamEvent): void {
    if (event.type === 'stream.frame') this.#tcp?.send(event.stream, event.bytes);
    else if (event.type === 'stream.close') this.#tcp?.end(event.stream);
    else this.plane.event(worker, event);
  }

  /** Ends the TCP connections. */
  async close(): Promise<void> {
    await this.#tcp?.close();
  }
}
