// The server at a glance: the numbers that matter as tiles and charts, then the nodes with their media workers.
// Called by: main.ts.

import { byId, make } from '../dom.ts';
import type { Actions } from './actions.ts';
import type { NodeList, NodeNumbers, WorkerNumbers } from './answers.ts';
import { Chart } from './chart.ts';
import type { ChartOptions } from './chart.ts';
import { bits, bytes, count, duration, ms, percent, perSecond, several } from './format.ts';
import { badgesIn, KeyedList, makeRow, makeTable, setBadges, setText } from './keyed-list.ts';
import type { Badge, Shown } from './keyed-list.ts';
import type { Point, Series } from './series.ts';

const CHARTS: readonly ChartOptions[] = [
  {
    title: 'Media packets',
    lines: [
      { name: 'in', read: (point) => point.packetsIn },
      { name: 'out', read: (point) => point.packetsOut },
    ],
    format: perSecond,
    least: 100,
  },
  {
    title: 'Media traffic',
    lines: [
      { name: 'in', read: (point) => point.bitsIn },
      { name: 'out', read: (point) => point.bitsOut },
    ],
    format: bits,
    least: 1e6,
  },
  {
    title: 'Busy threads',
    lines: [
      { name: 'main', read: (point) => point.mainCpu },
      { name: 'busiest worker', read: (point) => point.workerCpu },
    ],
    format: percent,
    least: 1,
  },
  {
    title: 'Main thread is late',
    lines: [
      { name: '99 %', read: (point) => point.loopP99 },
      { name: 'most', read: (point) => point.loopMax },
    ],
    format: ms,
    least: 20,
  },
  {
    title: 'Signaling',
    lines: [
      { name: 'joins', read: (point) => point.joins },
      { name: 'refusals', read: (point) => point.refusals },
    ],
    format: perSecond,
    least: 1,
  },
  {
    title: 'Loss',
    lines: [
      { name: 'asked again', read: (point) => point.nacks },
      { name: 'sent again', read: (point) => point.resent },
    ],
    format: perSecond,
    least: 10,
  },
  {
    title: 'TURN traffic',
    lines: [{ name: 'relayed', read: (point) => point.relayedBits }],
    format: bits,
    least: 1e6,
  },
  {
    title: 'Errors',
    lines: [
      { name: 'log', read: (point) => point.warnings + point.errors },
      { name: 'HTTP 5xx', read: (point) => point.serverErrors },
    ],
    format: perSecond,
    least: 1,
  },
  {
    title: 'Memory',
    lines: [
      { name: 'process', read: (point) => point.rssBytes },
      { name: 'main heap', read: (point) => point.heapBytes },
    ],
    format: bytes,
    least: 1e8,
  },
];

type Tile = readonly [name: string, read: (nodes: readonly NodeNumbers[], last?: Point) => string];

const sum = (nodes: readonly NodeNumbers[], read: (node: NodeNumbers) => number): number =>
  nodes.reduce((all, node) => all + read(node), 0);

const TILES: readonly Tile[] = [
  ['Rooms', (nodes) => count(sum(nodes, (node) => node.rooms))],
  ['Participants', (nodes) => count(sum(nodes, (node) => node.participants))],
  ['Away', (nodes) => count(sum(nodes, (node) => node.away))],
  [
    'Joins, 99 %',
    (_nodes, last) => ms(last === undefined || last.joinP99 === 0 ? null : last.joinP99),
  ],
  ['Media out', (_nodes, last) => (last === undefined ? '–' : bits(last.bitsOut))],
  ['Allocations', (nodes) => count(sum(nodes, (node) => node.turn.allocations))],
  ['Memory', (nodes) => bytes(sum(nodes, (node) => node.process.rssBytes))],
];

const WORKER_COLUMNS = [
  'Worker',
  'State',
  'CPU',
  'Heap',
  'Rooms',
  'Transports',
  'Packets out',
  'Allocations',
];

/** CPU and packets of a worker since the answer before. */
interface WorkerRow {
  readonly index: number;
  readonly deaths: number;
  readonly numbers: WorkerNumbers | null;
  readonly before: WorkerNumbers | null;
  readonly seconds: number;
}

interface NodeRow {
  readonly node: NodeNumbers;
  readonly before: NodeNumbers | undefined;
  readonly isSelf: boolean;
}

export class OverviewView {
  readonly #charts = CHARTS.map((options) => new Chart(options));
  readonly #tiles: readonly HTMLElement[];
  readonly #nodes: KeyedList<NodeRow>;
  #before = new Map<string, NodeNumbers>();

  constructor(actions: Actions) {
    byId('charts', HTMLElement).append(...this.#charts.map(({ element }) => element));
    this.#tiles = TILES.map(([name]) => {
      const value = make('dd', '', '–');
      const tile = make('div', 'tile');
      tile.append(make('dt', '', name), value);
      byId('tiles', HTMLElement).append(tile);
      return value;
    });
    this.#nodes = new KeyedList(
      byId('nodes', HTMLElement),
      ({ node }) => node.id,
      () => new NodeCard(actions),
    );
  }

  /** @param chosen those that tiles and charts are about */
  show({ nodes, self }: NodeList, chosen: readonly NodeNumbers[], series: Series): void {
    for (const [i, [, read]] of TILES.entries()) {
      setText(this.#tiles[i]!, read(chosen, series.last));
    }
    for (const chart of this.#charts) {
      if (series.points.length === 0) chart.clear();
      else chart.show(series.points);
    }
    this.#nodes.show(
      nodes.map((node) => ({
        node,
        before: this.#before.get(node.id),
        isSelf: node.id === self,
      })),
    );
    this.#before = new Map(nodes.map((node) => [node.id, node]));
  }
}

class NodeCard implements Shown<NodeRow> {
  readonly element = make('article', 'card node');
  readonly #title = make('h3');
  readonly #badges = make('span', 'badges');
  readonly #facts = make('p', 'facts');
  readonly #drain: HTMLButtonElement;
  readonly #workers: KeyedList<WorkerRow>;
  #node: NodeNumbers | undefined;

  constructor(actions: Actions) {
    this.#drain = actions.button('Drain', () => this.#action());
    const head = make('div', 'card-head');
    head.append(this.#title, this.#badges, this.#drain);
    const { table, body } = makeTable('Media workers', WORKER_COLUMNS);
    this.#workers = new KeyedList(
      body,
      ({ index }) => String(index),
      () => workerRow(),
    );
    this.element.append(head, this.#facts, table);
  }

  update({ node, before, isSelf }: NodeRow): void {
    this.#node = node;
    const { name, version, engine, startedAt, at, requests, clientErrors, state } = node;
    setText(this.#title, name);
    const badges: Badge[] = [
      { tone: state === 'ready' ? 'good' : 'warn', text: state },
      ...(node.healthy ? [] : [{ tone: 'bad' as const, text: 'not healthy' }]),
      ...(node.serves ? [] : [{ tone: 'bad' as const, text: 'no lease' }]),
      ...(isSelf ? [{ tone: 'plain' as const, text: 'answers this page' }] : []),
    ];
    setBadges(this.#badges, badges);
    setText(this.#drain, state === 'draining' ? 'Take clients again' : 'Drain');
    this.#drain.disabled = state !== 'ready' && state !== 'draining';
    const facts = [
      `Sterna ${version}`,
      `${engine} engine`,
      `up ${duration((at - startedAt) / 1000)}`,
      several(node.participants, 'participant'),
      several(node.rooms, 'room'),
      `${count(requests)} HTTP requests, ${count(clientErrors)} refused`,
    ];
    setText(this.#facts, facts.join(' · '));
    const seconds = (at - (before?.at ?? at)) / 1000;
    this.#workers.show(
      node.workers.map((worker) => ({
        ...worker,
        before: before?.workers.find(({ index }) => index === worker.index)?.numbers ?? null,
        seconds,
      })),
    );
  }

  #action() {
    const node = this.#node;
    if (node === undefined) return undefined;
    const { name, id, participants, turn } = node;
    const path = 'drain';
    if (node.state === 'draining') {
      return {
        verb: 'Take clients again',
        question: `Let ${name} take clients again?`,
        consequence: 'New participants, rooms and allocations are welcome from then on.',
        done: `${name} takes clients again.`,
        method: 'POST' as const,
        path,
        body: { on: false, node: id },
      };
    }
    const left = `${several(participants, 'participant')} and ${several(turn.allocations, 'allocation')}`;
    return {
      verb: 'Drain',
      question: `Drain ${name}?`,
      consequence: `Nobody new is taken; ${left} who are here go on. It can be taken back.`,
      done: `${name} drains.`,
      method: 'POST' as const,
      path,
      body: { on: true, node: id },
    };
  }
}

function workerRow(): Shown<WorkerRow> {
  const { row, cells } = makeRow(WORKER_COLUMNS);
  const state = badgesIn(cells[1]!);
  return {
    element: row,
    update: ({ index, deaths, numbers, before, seconds }) => {
      const [name, , ...rest] = cells;
      setText(name!, `Worker ${index}`);
      const died: Badge[] = deaths === 0 ? [] : [{ tone: 'warn', text: `died ${count(deaths)} ×` }];
      const up: Badge =
        numbers === null ? { tone: 'bad', text: 'no answer' } : { tone: 'good', text: 'up' };
      setBadges(state, [up, ...died]);
      const values = numbers === null ? [] : workerValues(numbers, before, seconds);
      for (const [i, cell] of rest.entries()) setText(cell, values[i] ?? '–');
    },
  };
}

function workerValues(now: WorkerNumbers, before: WorkerNumbers | null, seconds: number): string[] {
  const isKnown = before !== null && seconds > 0;
  const cpu =
    !isKnown || now.cpuSeconds === null || before.cpuSeconds === null
      ? '–'
      : percent(Math.max(0, now.cpuSeconds - before.cpuSeconds) / seconds);
  const packets = isKnown ? Math.max(0, now.packetsOut - before.packetsOut) / seconds : undefined;
  return [
    cpu,
    bytes(now.heapUsedBytes),
    count(now.rooms),
    count(now.transports),
    packets === undefined ? '–' : perSecond(packets),
    count(now.allocations),
  ];
}
