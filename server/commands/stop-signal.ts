// The signal that ends a command in order; a second one ends it at once. Called by: serve.ts, load.ts.

/** 128 + the number of the signal, as shells count it. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Resolves with its name. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const [signal, code] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        resolve(signal);
        for (const next of Object.keys(SIGNALS)) {
          process.removeAllListeners(next);
          process.on(next, () => process.exit(code));
        }
      });
    }
  });
}
