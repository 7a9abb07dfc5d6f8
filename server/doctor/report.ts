// What the doctor has found, one line a check: its name, what was found, and what to do where it is bad.
// Called by: the doctor and its checks.

export class Report {
  readonly #print: (text: string) => void;
  failures = 0;

  constructor(print: (text: string) => void) {
    this.#print = print;
  }

  ok(check: string, found: string): void {
    this.#print(`ok    ${check.padEnd(10)} ${found}\n`);
  }

  /** What works, and will not for long. */
  warn(check: string, found: string, fix: string): void {
    this.#print(`warn  ${check.padEnd(10)} ${found}: ${fix}\n`);
  }

  fail(check: string, found: string, fix: string): void {
    this.failures++;
    this.#print(`FAIL  ${check.padEnd(10)} ${found}: ${fix}\n`);
  }
}
