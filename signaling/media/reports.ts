// Questions to media workers about transports: each has an answer after a while, or is given up. A worker is asked
// about a few transports at a time, since it forwards nothing while it counts up what it knows.
// Called by: RoomStats; the switchboard, its owner, with what workers say. Allocates: for each question.

import type { SfuEvent, TransportReport } from '../../sfu/control.ts';
import type { MediaPlace } from '../media-plane.ts';

/** A worker takes some 100 us for them, each with slots for a dozen others. */
const AT_ONCE = 8;

/** For all of a question: whoever asks waits no longer. */
const ANSWER_MS = 2000;

interface Question {
  readonly place: MediaPlace;
  readonly remaining: number[];
  readonly reports: TransportReport[];
  readonly timer: NodeJS.Timeout;
  resolve(reports: readonly TransportReport[] | null): void;
}

export class Reports {
  readonly #questions = new Map<number, Question>();
  #number = 0;

  /** Of those that are there; null where the worker is dead or too slow. */
  ask(place: MediaPlace, ids: readonly number[]): Promise<readonly TransportReport[] | null> {
    const number = ++this.#number;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(number, null), ANSWER_MS).unref();
      this.#questions.set(number, { place, remaining: [...ids], reports: [], timer, resolve });
      this.#goOn(number);
    });
  }

  answered({ request, transports }: Extract<SfuEvent, { type: 'sfu.report' }>): void {
    this.#questions.get(request)?.reports.push(...transports);
    this.#goOn(request);
  }

  /** The worker is another one now, which knows nothing. */
  lost(place: MediaPlace): void {
    for (const [number, question] of this.#questions) {
      if (question.place === place) this.#end(number, null);
    }
  }

  #goOn(number: number): void {
    const question = this.#questions.get(number);
    if (question === undefined) return;
    const { place, remaining, reports } = question;
    const ids = remaining.splice(0, AT_ONCE);
    if (ids.length === 0) this.#end(number, reports);
    else place.send({ type: 'sfu.report', request: number, ids });
  }

  #end(number: number, reports: readonly TransportReport[] | null): void {
    const question = this.#questions.get(number);
    if (question === undefined) return;
    this.#questions.delete(number);
    clearTimeout(question.timer);
    question.resolve(reports);
  }
}
