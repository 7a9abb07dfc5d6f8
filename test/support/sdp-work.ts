// Work counted instead of timed: how often each piece of the code that reads SDP runs, as V8 counts it, and
// how many characters expressions are run on.

import { Session } from 'node:inspector';
import type { Profiler } from 'node:inspector';
import { setFlagsFromString } from 'node:v8';

const WATCHED = /\/(?:sfu\/sdp\/[^/]+\.ts|sdp-transform\/lib\/[^/]+\.js)$/;

// Optimised code leaves counts out, some more and some less: interpreted, the same text takes the same work.
for (const flag of ['--no-opt', '--no-maglev', '--no-sparkplug']) setFlagsFromString(flag);

interface Work {
  /** Characters of source that ran, each as often as it did. */
  readonly executed: number;
  /** Characters that expressions were run on. */
  readonly characters: number;
}

/** What it took to do that. */
export function workOf(run: () => void): Work {
  const session = new Session();
  session.connect();
  // oxlint-disable-next-line typescript/unbound-method
  const { exec } = RegExp.prototype;
  let characters = 0;
  // What is counted is every search of every library.
  /* oxlint-disable eslint/no-extend-native */
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
    return { executed: executedIn(take(session)), characters };
  } finally {
    RegExp.prototype.exec = exec;
    /* oxlint-enable eslint/no-extend-native */
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

/**
 * How many characters of source ran, each as often as it did. V8 tells ranges inside of each other, and
 * leaves out those that ran as often as what is around them.
 */
function executedIn(scripts: readonly Profiler.ScriptCoverage[]): number {
  let sum = 0;
  for (const { url, functions } of scripts) {
    if (!WATCHED.test(url)) continue;
    for (const { ranges } of functions) {
      const around: Profiler.CoverageRange[] = [];
      for (const range of ranges) {
        while (around.length > 0 && around.at(-1)!.endOffset <= range.startOffset) around.pop();
        const counted = around.at(-1)?.count ?? 0;
        sum += (range.count - counted) * (range.endOffset - range.startOffset);
        around.push(range);
      }
    }
  }
  return sum;
}
