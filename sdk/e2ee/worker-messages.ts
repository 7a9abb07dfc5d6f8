// What the page and the worker tell each other.

import type { FrameCodec } from './frame-codec.ts';
import type { ChainKey } from './media-key.ts';

export type ToWorker =
  | { readonly type: 'reset' }
  | { readonly type: 'send-key'; readonly chain: ChainKey }
  | { readonly type: 'receive-key'; readonly sid: string; readonly chain: ChainKey }
  | { readonly type: 'forget'; readonly sid: string }
  | { readonly type: 'show'; readonly receiver: number; readonly sid: string };

/** `used-up`: another key is wanted soon. `lacks`: frames of that participant have a key that it has not told. */
export type FromWorker =
  | { readonly type: 'ready' | 'used-up' }
  | { readonly type: 'lacks'; readonly sid: string };

/** What an RTCRtpScriptTransform is given. */
export type TransformOptions =
  | { readonly role: 'send'; readonly codec: FrameCodec }
  | { readonly role: 'receive'; readonly receiver: number; readonly kind: 'audio' | 'video' };
