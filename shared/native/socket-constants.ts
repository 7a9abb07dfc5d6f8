// Numbers of the Linux socket interface: socket(7), ip(7), ipv6(7), udp(7), epoll(7), eventfd(2).
// The same on x86-64 and arm64, which is where koffi's engine runs.

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;

export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_REUSEADDR = 2;
export const SO_REUSEPORT = 15;

export const SOL_IP = 0;
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVERR = 11;
export const IP_RECVTTL = 12;
export const IP_RECVTOS = 13;
export const IP_PMTUDISC_DONT = 0;
export const IP_PMTUDISC_DO = 2;

export const SOL_IPV6 = 41;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_RECVERR = 25;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
export const IPV6_RECVTCLASS = 66;
export const IPV6_TCLASS = 67;

/** struct in_pktinfo: interface (4), local address (4), destination (4). struct in6_pktinfo: address (16), interface (4). */
export const IN_PKTINFO_BYTES = 12;
export const IN6_PKTINFO_BYTES = 20;

/** struct sock_extended_err: errno (4), origin, type, code, padding (1 each), info (4), data (4). */
export const SO_EE_ORIGIN_LOCAL = 1;
export const SO_EE_ORIGIN_ICMP = 2;
export const SO_EE_ORIGIN_ICMP6 = 3;

export const SOL_TCP = 6;
export const TCP_NODELAY = 1;
export const TCP_FASTOPEN = 23;

export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;
/** Datagrams that one GSO send may carry (UDP_MAX_SEGMENTS in the kernel before 6.2; larger since). */
export const UDP_SEGMENTS_MAX = 64;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_ERRQUEUE = 0x2000;

export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;

export const EFD_NONBLOCK = 0x800;
export const EFD_CLOEXEC = 0x80000;

/** struct epoll_event is packed on x86-64 alone. */
export const EPOLL_EVENT_BYTES: 12 | 16 = process.arch === 'x64' ? 12 : 16;
export const EPOLL_EVENT_DATA: 4 | 8 = process.arch === 'x64' ? 4 : 8;

/** struct mmsghdr: struct msghdr (56 bytes), msg_len, padding. */
export const MMSGHDR_BYTES = 64;
export const MSG_NAME = 0;
export const MSG_NAMELEN = 8;
export const MSG_IOV = 16;
export const MSG_IOVLEN = 24;
export const MSG_CONTROL = 32;
export const MSG_CONTROLLEN = 40;
export const MSG_FLAGS = 48;
export const MSG_LEN = 56;

export const IOVEC_BYTES = 16;
/** struct sockaddr_in is 16 bytes, sockaddr_in6 28. */
export const SOCKADDR_BYTES = 32;
/** struct cmsghdr: length (8), level (4), type (4); the data follows, padded to 8. */
export const CMSGHDR_BYTES = 16;
