// How large the newest key frame of a stream is, or was, with each of its spatial layers: what whoever begins with one
// has to wait for. Called by: Publication, `measure`. Allocates: nothing but when it is made.

import { SPATIAL_LAYERS_MAX, spatialLayer } from '../rtp/packet-layers.ts';
import type { MediaPacket } from './media-packet.ts';

export class KeyFrameBytes {
  readonly #bytes = new Float64Array(SPATIAL_LAYERS_MAX);
  #timestamp = 0;
  #isKnown = false;

  /** A packet that has come. */
  take({ keyFrame, timestamp, layers, payloadBytes }: MediaPacket): void {
    if (keyFrame && !(this.#isKnown && timestamp === this.#timestamp)) {
      this.#isKnown = true;
      this.#timestamp = timestamp;
      this.#bytes.fill(0);
    }
    if (!this.#isKnown || timestamp !== this.#timestamp) return;
    for (let s = spatialLayer(layers); s < SPATIAL_LAYERS_MAX; s++) this.#bytes[s]! += payloadBytes;
  }

  /** Of that spatial layer and all below it; 0 where none has come. */
  upTo(spatial: number): number {
    return this.#bytes[spatial]!;
  }
}
