// What the engine hands to sendmmsg(2), read from where it points to.

import koffi from 'koffi';
import {
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_IOV,
  MSG_IOVLEN,
  SOL_UDP,
  UDP_SEGMENT,
} from '../../../shared/native/socket-constants.ts';

export interface SentMessage {
  /** Bytes of every piece that it is put together from. */
  readonly pieces: readonly number[];
  /** Bytes of every datagram but the last that the kernel is to cut it into; 0 = it is one. */
  readonly segment: number;
  readonly controlBytes: number;
}

export function messagesAt(address: number, count: number): SentMessage[] {
  return Array.from({ length: count }, (_, i) => messageAt(address + i * MMSGHDR_BYTES));
}

function messageAt(address: number): SentMessage {
  const header = view(address, MMSGHDR_BYTES);
  const iovecs = view(
    Number(header.getBigUint64(MSG_IOV, true)),
    header.getUint32(MSG_IOVLEN, true) * IOVEC_BYTES,
  );
  const pieces: number[] = [];
  for (let at = 0; at < iovecs.byteLength; at += IOVEC_BYTES) {
    pieces.push(iovecs.getUint32(at + 8, true));
  }
  const length = header.getUint32(MSG_CONTROLLEN, true);
  const control = view(Number(header.getBigUint64(MSG_CONTROL, true)), length);
  return { pieces, segment: segmentIn(control), controlBytes: length };
}

function segmentIn(control: DataView): number {
  for (let at = 0; at < control.byteLength; at += (control.getUint32(at, true) + 7) & ~7) {
    const level = control.getUint32(at + 8, true);
    const type = control.getUint32(at + 12, true);
    if (level === SOL_UDP && type === UDP_SEGMENT) return control.getUint16(at + 16, true);
  }
  return 0;
}

function view(address: number, length: number): DataView {
  return new DataView(length === 0 ? new ArrayBuffer(0) : koffi.view(address, length));
}
