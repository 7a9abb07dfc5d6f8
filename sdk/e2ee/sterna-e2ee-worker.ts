// The worker that every encoded frame goes through. Nothing is passed on that was not sealed or opened: whatever goes
// wrong, the frame is dropped. Loaded by frame-transforms.ts; the same name in a build, whose page loads it by that.

import type { Bytes } from './bytes.ts';
import { FrameVault } from './frame-vault.ts';
import { KeyFrameWish } from './key-frame-wish.ts';
import type { FromWorker, ToWorker, TransformOptions } from './worker-messages.ts';

interface EncodedFrame {
  data: ArrayBuffer;
  /** Of pictures alone. */
  readonly type?: string;
  getMetadata(): { readonly mimeType?: string };
}

/** W3C webrtc-encoded-transform; TypeScript has workers and pages in libraries that exclude each other. */
interface Transformer {
  readonly options: TransformOptions;
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  sendKeyFrameRequest(): Promise<void>;
}

interface Scope {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
  onrtctransform: ((event: { readonly transformer: Transformer }) => void) | null;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the global scope of a worker
const scope = globalThis as unknown as Scope;
const vault = new FrameVault({
  onUsedUp: () => scope.postMessage({ type: 'used-up' }),
  onLack: (sid) => scope.postMessage({ type: 'lacks', sid }),
});
/** By receiver. */
const wishes = new Map<number, KeyFrameWish>();

type Step = (frame: EncodedFrame) => Promise<Bytes | null>;

function sealing({ options }: Transformer): Step {
  return async (frame) => {
    if (options.role !== 'send') return null;
    // Another codec would have been negotiated against what was offered, and its packetizer might look inside.
    const { mimeType } = frame.getMetadata();
    if (mimeType !== undefined && !mimeType.toLowerCase().endsWith(`/${options.codec}`))
      return null;
    return vault.seal(options.codec, new Uint8Array(frame.data));
  };
}

function opening(transformer: Transformer): Step {
  const { options } = transformer;
  if (options.role !== 'receive') return async () => null;
  const { receiver, kind } = options;
  if (kind === 'audio') {
    return async (frame) => vault.open(receiver, new Uint8Array(frame.data), performance.now());
  }
  const wish = new KeyFrameWish(() => {
    transformer.sendKeyFrameRequest().catch(() => undefined);
  });
  wishes.set(receiver, wish);
  return async (frame) => {
    const now = performance.now();
    const opened = await vault.open(receiver, new Uint8Array(frame.data), now);
    if (!opened) wish.miss();
    return opened && wish.admits(frame.type === 'key', now) ? opened : null;
  };
}

scope.onrtctransform = ({ transformer }) => {
  const step = transformer.options.role === 'send' ? sealing(transformer) : opening(transformer);
  const stream = new TransformStream<EncodedFrame, EncodedFrame>({
    transform: async (frame, controller) => {
      try {
        const changed = await step(frame);
        if (!changed) return;
        frame.data = changed.buffer;
        controller.enqueue(frame);
      } catch {
        // Dropped.
      }
    },
  });
  transformer.readable
    .pipeThrough(stream)
    .pipeTo(transformer.writable)
    .catch(() => undefined)
    .finally(() => end(transformer.options));
};

function end(options: TransformOptions): void {
  if (options.role === 'send') return;
  wishes.delete(options.receiver);
  vault.end(options.receiver);
}

function askWho(shows: (receiver: number) => boolean): void {
  for (const [receiver, wish] of wishes) if (shows(receiver)) wish.askIfMissing(performance.now());
}

async function take(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'reset':
      vault.reset();
      break;
    case 'send-key':
      await vault.useSendKey(message.chain);
      break;
    case 'receive-key': {
      const { sid, chain } = message;
      const isNew = await vault.useReceiveKey(sid, chain, performance.now());
      if (isNew) askWho((receiver) => vault.shows(receiver, sid));
      break;
    }
    case 'forget':
      vault.forget(message.sid);
      break;
    case 'show':
      vault.show(message.receiver, message.sid);
      askWho((receiver) => receiver === message.receiver);
      break;
  }
}

scope.addEventListener('message', ({ data }) => {
  take(data).catch(() => undefined);
});
scope.postMessage({ type: 'ready' });
