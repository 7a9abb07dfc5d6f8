// Finds out what this kernel lets the Linux engine do, by trying it on a socket of its own.

import { libc } from '../native/libc.ts';
import {
  IP_PKTINFO,
  IP_RECVERR,
  SOL_IP,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from '../native/socket-constants.ts';
import { SocketOpener } from './linux-socket.ts';
import { TransportAddress } from './transport-address.ts';

/** Whether each is there; without GRO or GSO the engine runs on with one datagram a time. */
export interface LinuxCapabilities {
  udpGro: boolean;
  udpSegment: boolean;
  ipRecvErr: boolean;
  ipPktInfo: boolean;
}

/** Throws an Error that says what is missing where the engine cannot run at all. */
export function probeLinux(): LinuxCapabilities {
  const c = libc();
  const epoll = c.epoll_create1(0);
  if (epoll < 0) throw new Error('epoll is not allowed here');
  c.close(epoll);
  const opener = new SocketOpener(c);
  try {
    const opened = opener.open(new TransportAddress().setV4(0x7f000001, 0), {});
    if ('failure' in opened) throw new Error('no UDP socket can be opened on 127.0.0.1');
    const { fd } = opened;
    const capabilities = {
      udpGro: opener.set(fd, SOL_UDP, UDP_GRO, 1),
      udpSegment: opener.set(fd, SOL_UDP, UDP_SEGMENT, 1200),
      ipRecvErr: opener.set(fd, SOL_IP, IP_RECVERR, 1),
      ipPktInfo: opener.set(fd, SOL_IP, IP_PKTINFO, 1),
    };
    c.close(fd);
    return capabilities;
  } finally {
    opener.free();
  }
}
