// Data of applications, between what they hand over and the messages that carry it in Base64.

import type { RelayedDataMessage } from '../signaling/protocol.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { SternaClientError } from './errors.ts';
import type { Person } from './person.ts';
import type { RequestBody } from './request-ledger.ts';
import type { DataDetail } from './room-events.ts';

export interface SendDataOptions {
  /** Sids; everybody else in the room when left out. */
  to?: string | readonly string[];
  topic?: string;
}

/** The SDK's own: applications neither send nor hear them. */
const RESERVED = 'sterna.';
export const RPC_TOPIC = 'sterna.rpc';
export const ENCRYPTION_TOPIC = 'sterna.e2ee';

export function isReserved(topic: string | undefined): boolean {
  return topic?.startsWith(RESERVED) === true;
}

/** @throws SternaClientError BAD_MESSAGE for a topic of the SDK's own. */
export function refuseReserved(topic: string | undefined): void {
  if (!isReserved(topic)) return;
  throw new SternaClientError('BAD_MESSAGE', `Topics that begin with ${RESERVED} are reserved`);
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
export function dataDetail<P extends Person>(
  { from, topic, payload: text, direct }: RelayedDataMessage,
  participant: P | undefined,
): DataDetail<P> | null {
  const payload = decodeBase64(text);
  return payload && { from, participant, topic, payload, direct };
}
