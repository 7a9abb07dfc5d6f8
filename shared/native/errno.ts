// errno values of Linux by name (errno(3)); the same on every architecture that Node supports.

export const EPERM = 1;
export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOSPC = 28;
export const EMSGSIZE = 90;
export const ENOPROTOOPT = 92;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETUNREACH = 101;
export const ENOBUFS = 105;
export const ECONNREFUSED = 111;
export const EHOSTUNREACH = 113;

const NAMES: ReadonlyMap<number, string> = new Map([
  [EPERM, 'EPERM'],
  [EINTR, 'EINTR'],
  [EIO, 'EIO'],
  [EAGAIN, 'EAGAIN'],
  [ENOMEM, 'ENOMEM'],
  [EACCES, 'EACCES'],
  [EINVAL, 'EINVAL'],
  [ENFILE, 'ENFILE'],
  [EMFILE, 'EMFILE'],
  [ENOSPC, 'ENOSPC'],
  [EMSGSIZE, 'EMSGSIZE'],
  [ENOPROTOOPT, 'ENOPROTOOPT'],
  [EADDRINUSE, 'EADDRINUSE'],
  [EADDRNOTAVAIL, 'EADDRNOTAVAIL'],
  [ENETUNREACH, 'ENETUNREACH'],
  [ENOBUFS, 'ENOBUFS'],
  [ECONNREFUSED, 'ECONNREFUSED'],
  [EHOSTUNREACH, 'EHOSTUNREACH'],
]);

export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}
