// The allocations of all media workers as one list; an id is the number of the worker, and its number there.
// Called by: the server entry's API. Allocates: an answer.

import type { AllocationDetails, AllocationReport } from '../../turn/index.ts';
import type { MediaWorker } from './media-worker.ts';

type OfWorker<Report> = Omit<Report, 'id'> & { readonly id: string; readonly worker: number };

export interface AllocationList {
  readonly allocations: readonly OfWorker<AllocationReport>[];
  /** What to list on from; null where this was the end. */
  readonly next: string | null;
  /** Workers that did not answer: what they have is not in the list. */
  readonly unanswered: readonly number[];
}

/** What `Allocations` says of one that it cannot tell of. */
export type AllocationFailure = 'no-allocation' | 'unavailable';

interface Id {
  readonly worker: number;
  readonly number: number;
}

export class Allocations {
  readonly #workers: readonly Pick<MediaWorker, 'ask'>[];

  constructor(workers: readonly Pick<MediaWorker, 'ask'>[]) {
    this.#workers = workers;
  }

  /**
   * Those behind the id `after`, the oldest of the first worker first. Undefined for an `after` that is no id; one whose
   * allocation has ended is still good.
   */
  async list(after: string | undefined, max: number): Promise<AllocationList | undefined> {
    const from = after === undefined ? { worker: 0, number: 0 } : readId(after);
    if (from === undefined) return undefined;
    const behind = [...this.#workers.entries()].filter(([worker]) => worker >= from.worker);
    const unanswered: number[] = [];
    // One more than fits tells whether there is a next page.
    const pages = await Promise.all(
      behind.map(async ([worker, thread]) => {
        const first = worker === from.worker ? from.number : 0;
        try {
          const { page } = await thread.ask({ type: 'allocations', after: first, max: max + 1 });
          return page.map((report) => named(report, worker));
        } catch {
          unanswered.push(worker);
          return [];
        }
      }),
    );
    const found = pages.flat();
    const allocations = found.slice(0, max);
    const next = found.length > max ? (allocations.at(-1)?.id ?? null) : null;
    return { allocations, next, unanswered: unanswered.toSorted((a, b) => a - b) };
  }

  async describe(id: string): Promise<OfWorker<AllocationDetails> | AllocationFailure> {
    const found = this.#find(id);
    if (found === undefined) return 'no-allocation';
    const { thread, worker, number } = found;
    try {
      const { allocation } = await thread.ask({ type: 'allocation', allocation: number });
      return allocation === undefined ? 'no-allocation' : named(allocation, worker);
    } catch {
      return 'unavailable';
    }
  }

  /** Ends it; its client is not told, and finds out with its next request. */
  async end(id: string): Promise<'ended' | AllocationFailure> {
    const found = this.#find(id);
    if (found === undefined) return 'no-allocation';
    try {
      const { ended } = await found.thread.ask({
        type: 'end-allocation',
        allocation: found.number,
      });
      return ended ? 'ended' : 'no-allocation';
    } catch {
      return 'unavailable';
    }
  }

  #find(text: string): (Id & { readonly thread: Pick<MediaWorker, 'ask'> }) | undefined {
    const id = readId(text);
    const thread = id && this.#workers[id.worker];
    return thread && { ...id, thread };
  }
}

function named<Report extends { readonly id: number }>(
  report: Report,
  worker: number,
): OfWorker<Report> {
  const { id, ...rest } = report;
  return { id: `${worker}-${id}`, worker, ...rest };
}

function readId(text: string): Id | undefined {
  const [, worker, number] = /^(\d{1,3})-(\d{1,16})$/.exec(text) ?? [];
  return worker === undefined ? undefined : { worker: Number(worker), number: Number(number) };
}
