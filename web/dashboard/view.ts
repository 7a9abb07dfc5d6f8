// A part of the page that one address shows. Called by: main.ts, which asks for what the view shows and hands it over.

import type { Api } from './api.ts';

export interface View {
  /** What its heading says. */
  readonly title: string;
  readonly element: HTMLElement;
  /** Asks for what it shows, and shows it; what it shows of others it is told by them. */
  load(api: Api, signal: AbortSignal): Promise<void>;
}
