// The SFU inside a media worker: its transports behind the worker's sockets, and the commands and events about them.
// Called by: the worker. Made where the SFU is switched on.

import type { DtlsContext } from '../../shared/native/dtls-context.ts';
import type { Engine } from '../../shared/net/engine.ts';
import { createDtlsContext } from '../../sfu/dtls/context.ts';
import { type MediaListenResult, MediaServer } from '../../sfu/transport/media-server.ts';
import type { MediaCommand, MediaEvent, SfuWorkerData, SfuWorkerStats } from './messages.ts';
import { addressOf } from './sfu-addresses.ts';

export class WorkerSfu {
  readonly #data: SfuWorkerData;
  readonly #dtls: DtlsContext;
  readonly #server: MediaServer;

  constructor(data: SfuWorkerData, engine: Engine, post: (event: MediaEvent) => void) {
    this.#data = data;
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
            bytes: bytes.slice(offset, offset + length),
          }),
        closeStream: (stream) => post({ type: 'stream.close', stream }),
      },
    });
  }

  listen(done: (results: MediaListenResult[]) => void): void {
    const at = this.#data.listen.map((endpoint) => ({ address: addressOf(endpoint) }));
    this.#server.listen(at, done);
  }

  onCommand(command: Exclude<MediaCommand, { type: 'stats' | 'stop' }>, now: number): void {
    if (command.type === 'stream.open') {
      this.#server.openStream(command.stream, addressOf(command.remote));
    } else if (command.type === 'stream.frame') {
      this.#server.receiveFrame(command.stream, command.bytes, now);
    } else if (command.type === 'stream.close') this.#server.closeStream(command.stream, now);
  }

  stats(): SfuWorkerStats {
    return { server: this.#server.stats() };
  }

  close(): void {
    this.#server.close();
    this.#dtls.free();
  }
}
