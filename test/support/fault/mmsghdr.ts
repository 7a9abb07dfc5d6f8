// What a program hands to sendmmsg(2), read from its memory: whom each message is for, and whether it is a GSO send.

import koffi from 'koffi';
import type { Pointer } from '../../../shared/native/arena.ts';
import {
  AF_INET,
  CMSGHDR_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_NAME,
  SOL_UDP,
  UDP_SEGMENT,
} from '../../../shared/native/socket-constants.ts';

export interface OutgoingMessage {
  /** Port of the destination. */
  readonly port: number;
  /** Bytes of each datagram of a GSO send; 0 for a lone datagram. */
  readonly segment: number;
}

export function outgoing(messages: Pointer, index: number): OutgoingMessage {
  const header = view(messages + index * MMSGHDR_BYTES, MMSGHDR_BYTES);
  const name = view(pointerAt(header, MSG_NAME), 4);
  const family = name.getUint16(0, true);
  if (family !== AF_INET) throw new Error(`address family ${family}`);
  const controlLength = header.getUint32(MSG_CONTROLLEN, true);
  const control = view(pointerAt(header, MSG_CONTROL), controlLength);
  let segment = 0;
  for (let at = 0; at + CMSGHDR_BYTES < controlLength;) {
    const level = control.getUint32(at + 8, true);
    const type = control.getUint32(at + 12, true);
    if (level === SOL_UDP && type === UDP_SEGMENT) {
      segment = control.getUint16(at + CMSGHDR_BYTES, true);
    }
    at += (control.getUint32(at, true) + 7) & ~7;
  }
  return { port: name.getUint16(2), segment };
}

/** Port that sendto(2) is given. */
export function portOf(sockaddr: Pointer): number {
  return view(sockaddr, 4).getUint16(2);
}

function view(address: Pointer, length: number): DataView {
  return new DataView(koffi.view(address, Math.max(1, length)));
}

function pointerAt(header: DataView, offset: number): Pointer {
  return Number(header.getBigUint64(offset, true));
}
