// Work counted instead of timed: how often each block of the code that reads SDP runs, as V8 counts it, and how many
// characters expressions are run on.

import { Session } from 'node:inspector';
import type { Profiler } from 'node:inspector';

const WATCHED = /\/(?:sfu\/sdp\/[^/]+\.ts|sdp-transform\/lib\/[^/]+\.js)$/;

/** The blocks that ran, and the characters that expressions were run on, while `run` ran. */
export function workOf(run: () => void): { blocks: number; characters: number } {
  const session = new Session();
  session.connect();
  // oxlint-disable-next-line typescript/unbound-method
  const { exec } = RegExp.prototype;
  let characters = 0;
  try {
    post(session, 'Profiler.enable');
    post(session, 'Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    // `test`, `match` and `split` come here too. A search from `lastIndex` on is of one place.
    RegExp.prototype.exec = function counted(this: RegExp, text: string): RegExpExecArray | null {
      characters += this.sticky ? 1 : text.length;
      return exec.call(this, text);
    };
    run();
    RegExp.prototype.exec = exec;
    return { blocks: blocksOf(take(session)), characters };
  } finally {
    RegExp.prototype.exec = exec;
    session.disconnect();
  }
}

function post(session: Session, method: string, parameters?: object): void {
  session.post(method, parameters, (error) => {
    if (error !== null) throw error;
  });
}

function take(session: Session): Profiler.ScriptCoverage[] {
  const taken: Profiler.ScriptCoverage[] = [];
  // Answered before `post` returns.
  session.post('Profiler.takePreciseCoverage', (error, { result }) => {
    if (error !== null) throw error;
    taken.push(...result);
  });
  return taken;
}

function blocksOf(scripts: readonly Profiler.ScriptCoverage[]): number {
  return scripts
    .filter(({ url }) => WATCHED.test(url))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0);
}
