// The system calls of this process with some of them replaced, so that a test says what the kernel answers.

import { type Libc, libc } from '../../../shared/native/libc.ts';

/** Calls that can be made to fail, or watched; the others go to the kernel. */
type Calls = Partial<Omit<Libc, 'errno'>>;

export class Seam {
  /** Replaces calls as it is set; `fail` is what a replaced one returns to fail. */
  calls: Calls;
  readonly libc: Libc;
  #errno: number | undefined = undefined;

  constructor(calls: Calls = {}) {
    this.calls = calls;
    const real = libc();
    const through: Record<string, (...args: number[]) => number> = {};
    for (const name of Object.keys(real) as (keyof Libc)[]) {
      if (name === 'errno') continue;
      const kernel: (...args: number[]) => number = real[name];
      through[name] = (...args) => {
        this.#errno = undefined;
        const replaced: typeof kernel | undefined = this.calls[name];
        return (replaced ?? kernel)(...args);
      };
    }
    through['errno'] = () => this.#errno ?? real.errno();
    this.libc = through as unknown as Libc;
  }

  /** What a call that fails with that errno returns. */
  fail(errno: number): -1 {
    this.#errno = errno;
    return -1;
  }
}
