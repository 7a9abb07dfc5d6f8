// Puts the worker between encoders, decoders and the network: an RTCRtpScriptTransform on both ends of a transceiver,
// in the very task in which that is made. Chromium gives up the way through a transform when none is set by then,
// and sends clear frames ever after. Owned by room-crypto.ts.

import type { MediaCrypto } from '../encryption.ts';
import type { FrameCodec } from './frame-codec.ts';
import type { ToWorker, TransformOptions } from './worker-messages.ts';

export class FrameTransforms implements MediaCrypto {
  readonly #worker: Worker;
  readonly #receivers = new WeakMap<RTCRtpReceiver, number>();
  #last = 0;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  guard({ sender, receiver }: RTCRtpTransceiver, codec: 'vp8' | 'vp9' = 'vp8'): void {
    if (this.#receivers.has(receiver)) return;
    this.#last += 1;
    this.#receivers.set(receiver, this.#last);
    const kind = receiver.track.kind === 'audio' ? 'audio' : 'video';
    const frames: FrameCodec = kind === 'audio' ? 'opus' : codec;
    sender.transform = this.#transform({ role: 'send', codec: frames });
    receiver.transform = this.#transform({ role: 'receive', receiver: this.#last, kind });
  }

  show(receiver: RTCRtpReceiver, sid: string): void {
    const number = this.#receivers.get(receiver);
    if (number !== undefined) this.tell({ type: 'show', receiver: number, sid });
  }

  tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #transform(options: TransformOptions): RTCRtpScriptTransform {
    return new RTCRtpScriptTransform(this.#worker, options);
  }
}
