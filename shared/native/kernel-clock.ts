// Whether something keeps this machine's clock right: what the kernel thinks of it (adjtimex(2)).
// Called by: the doctor.

import { Arena } from './arena.ts';
import { libc } from './libc.ts';

/** Of struct timex on 64-bit Linux; `modes`, its first field, is zero: nothing is changed. */
const TIMEX_BYTES = 208;

/** The state of a clock that nobody has set by another one for long. */
const TIME_ERROR = 5;

/** Throws where the system cannot be asked. */
export function isClockSynchronized(): boolean {
  const timex = new Arena(TIMEX_BYTES);
  try {
    const state = libc().adjtimex(timex.base);
    if (state < 0) throw new Error('the kernel does not tell');
    return state !== TIME_ERROR;
  } finally {
    timex.free();
  }
}
