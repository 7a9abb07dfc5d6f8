// Data of applications, between what they hand over and the messages that carry it in Base64.

import type { RelayedDataMessage } from '../signaling/protocol.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { SternaClientError } from './errors.ts';
import type { Participant } from './participant.ts';
import type { RequestBody } from './request-ledger.ts';
import type { DataDetail } from './room-events.ts';

export interface SendDataOptions {
  /** Sids; everybody else in the room when left out. */
  to?: string | readonly string[];
  topic?: string;
}

/** @throws SternaClientError TOO_LARGE above `bytesMax`. */
export function dataRequest(
  payload: Uint8Array | string,
  { to, topic }: SendDataOptions,
  bytesMax: number,
): RequestBody {
  const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
  if (bytes.length > bytesMax) throw new SternaClientError('TOO_LARGE');
  return {
    type: 'data',
    payload: encodeBase64(bytes),
    ...(to === undefined ? {} : { to: typeof to === 'string' ? [to] : [...to] }),
    ...(topic === undefined ? {} : { topic }),
  };
}

/** Null for what is not Base64. */
export function dataDetail(
  { from, topic, payload: text, direct }: RelayedDataMessage,
  participant: Participant | undefined,
): DataDetail | null {
  const payload = decodeBase64(text);
  return payload && { from, participant, topic, payload, direct };
}
