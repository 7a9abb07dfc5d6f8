// A small chart of one or two lines over the last minutes, as SVG: colours are the page's, and who cannot see it is
// told the present values. Called by: overview-view.ts. Allocates: two paths at each update.

import { make } from '../dom.ts';
import { setText } from './keyed-list.ts';
import type { Point } from './series.ts';

const WIDTH = 300;
const HEIGHT = 80;
const SVG = 'http://www.w3.org/2000/svg';
/** What the width stands for. */
const SPAN_MS = 300_000;

export interface ChartOptions {
  readonly title: string;
  readonly lines: readonly { readonly name: string; readonly read: (point: Point) => number }[];
  readonly format: (value: number) => string;
  /** The top of the scale where nothing is higher. */
  readonly least: number;
}

export class Chart {
  readonly element: HTMLElement = make('figure', 'chart');
  readonly #options: ChartOptions;
  readonly #svg = document.createElementNS(SVG, 'svg');
  readonly #paths: readonly SVGPathElement[];
  readonly #values: readonly HTMLElement[];
  readonly #top: HTMLElement;

  constructor(options: ChartOptions) {
    const { title, lines } = options;
    this.#options = options;
    this.#svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.#svg.setAttribute('preserveAspectRatio', 'none');
    this.#svg.setAttribute('role', 'img');
    this.#svg.setAttribute('aria-label', `${title}: nothing yet`);
    this.#paths = lines.map((_, i) => {
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('class', `line line-${i}`);
      path.setAttribute('vector-effect', 'non-scaling-stroke');
      return path;
    });
    this.#svg.append(...this.#paths);
    const caption = make('figcaption');
    caption.append(make('span', 'chart-title', title));
    this.#values = lines.map(({ name }, i) => {
      const value = make('b', '', '–');
      const entry = make('span', `legend legend-${i}`);
      entry.append(make('span', '', lines.length > 1 ? name : ''), value);
      caption.append(entry);
      return value;
    });
    this.#top = make('span', 'chart-top');
    this.#top.setAttribute('aria-hidden', 'true');
    const plot = make('div', 'plot');
    plot.append(this.#svg, this.#top);
    this.element.append(caption, plot);
  }

  show(points: readonly Point[]): void {
    const { title, lines, format, least } = this.#options;
    const last = points.at(-1);
    if (last === undefined) return;
    const highest = Math.max(...lines.flatMap(({ read }) => points.map(read)));
    const top = Math.max(least, highest * 1.1);
    for (const [i, { read }] of lines.entries()) {
      this.#paths[i]!.setAttribute('d', pathOf(points, read, top, last.at));
      setText(this.#values[i]!, format(read(last)));
    }
    setText(this.#top, format(top));
    this.#svg.dataset['points'] = String(points.length);
    const now = lines.map(({ name, read }) => `${name} ${format(read(last))}`).join(', ');
    this.#svg.setAttribute('aria-label', `${title}: ${now}`);
  }

  /** Nothing is known any more. */
  clear(): void {
    for (const path of this.#paths) path.removeAttribute('d');
    for (const value of this.#values) setText(value, '–');
    setText(this.#top, '');
    delete this.#svg.dataset['points'];
  }
}

/** The newest is at the right edge; where the page was hidden there is a gap as wide as that took. */
function pathOf(
  points: readonly Point[],
  read: (point: Point) => number,
  top: number,
  until: number,
): string {
  const at = (point: Point): string => {
    const x = WIDTH * (1 - (until - point.at) / SPAN_MS);
    const y = HEIGHT - 1 - ((HEIGHT - 3) * Math.max(0, read(point))) / top;
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  return `M${points.map(at).join('L')}`;
}
