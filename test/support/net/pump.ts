// Has a Linux engine take its turns from the event loop of a test, instead of blocking a thread.

import type { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import type { Wake } from '../../../shared/net/wake.ts';

/** Gives the engine a turn whenever the event loop has one; returns what ends that, and frees both. */
export function pump(engine: LinuxEngine, wake: Wake): () => void {
  let running = true;
  const turn = (): void => {
    if (!running) return;
    engine.turn(0, () => undefined);
    setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    running = false;
    engine.free();
    wake.close();
  };
}
