// What is wrong, the worst first, in sentences that say what it means and where to look.
// Called by: main.ts with each answer. Pure: the fast tests read it.

import type { NodeList, NodeNumbers, Overview, RoomRow, Troubled, Troubles } from './answers.ts';
import { count, ms, percent, several } from './format.ts';
import type { Point } from './series.ts';

export interface Problem {
  /** The same as long as it is the same problem. */
  readonly key: string;
  readonly tone: 'bad' | 'warn' | 'plain';
  readonly text: string;
  /** Where to look, as the address has it. */
  readonly href?: string;
}

/** Above these somebody will notice. */
const CPU_BUSY = 0.85;
const LOOP_LATE_MS = 100;
const JOIN_SLOW_MS = 2000;
const QUOTA_NEARLY = 0.9;
const LOSS_MIN = 0.05;
const NAMED_MAX = 3;

const ORDER = ['bad', 'warn', 'plain'] as const;

export function problemsOf(
  list: NodeList,
  overview: Overview,
  points: readonly Point[],
): Problem[] {
  const problems = [
    ...clusterProblems(list),
    ...list.nodes.flatMap((node) => nodeProblems(node, list.nodes.length > 1)),
    ...roomProblems(overview),
    ...loadProblems(points),
  ];
  return problems.toSorted((a, b) => ORDER.indexOf(a.tone) - ORDER.indexOf(b.tone));
}

function clusterProblems({ nodes, missing, redis }: NodeList): Problem[] {
  const problems: Problem[] = [];
  if (redis === 'down') {
    const text = 'Redis does not answer: other nodes are not to be seen, and nobody can join.';
    problems.push({ key: 'redis', tone: 'bad', text });
  }
  for (const { id, name } of missing) {
    const text = `Node ${name || id} holds a lease and does not answer.`;
    problems.push({ key: `missing ${id}`, tone: 'bad', text });
  }
  const versions = new Set(nodes.map(({ version }) => version));
  if (versions.size > 1) {
    const text = `Nodes run different versions: ${[...versions].join(', ')}.`;
    problems.push({ key: 'versions', tone: 'plain', text });
  }
  return problems;
}

function nodeProblems(node: NodeNumbers, isOneOfSeveral: boolean): Problem[] {
  const { id, name, turn } = node;
  const where = isOneOfSeveral ? `${name}: ` : '';
  const problems: Problem[] = [];
  const add = (what: string, tone: Problem['tone'], text: string, href?: string): void => {
    problems.push({
      key: `${what} ${id}`,
      tone,
      text: where + text,
      ...(href === undefined ? {} : { href }),
    });
  };
  if (!node.healthy) add('health', 'bad', 'a media worker cannot be started; restart the server.');
  if (!node.serves) add('lease', 'bad', 'the lease is lost, so it serves no rooms; look at Redis.');
  for (const { index, deaths, numbers } of node.workers) {
    if (numbers === null) add(`worker ${index}`, 'bad', `media worker ${index} does not answer.`);
    if (deaths > 0) {
      const times = several(deaths, 'time');
      add(`deaths ${index}`, 'warn', `media worker ${index} has died ${times}.`, '#log');
    }
  }
  if (node.state === 'draining') add('drain', 'warn', 'drains, and takes nobody new.');
  if (node.state === 'closing') add('close', 'warn', 'shuts down.');
  const share = turn.allocations / turn.quotaTotal;
  if (share >= QUOTA_NEARLY) {
    const of = `${count(turn.allocations)} of ${count(turn.quotaTotal)}`;
    const text = `TURN has ${of} allocations that turn.quota.total allows.`;
    add('quota', share >= 1 ? 'bad' : 'warn', text, '#turn');
  }
  return problems;
}

const KINDS: Readonly<Record<keyof Troubles, (one: Troubled) => boolean>> = {
  disconnected: (one) => one.disconnected,
  paused: (one) => one.paused > 0,
  lossy: (one) => one.fractionLost >= LOSS_MIN,
  reduced: (one) => one.reduced > 0,
};

function roomProblems({ troubles, rooms }: Overview): Problem[] {
  const problems: Problem[] = [];
  const add = (key: keyof Troubles, tone: Problem['tone'], what: string): void => {
    if (troubles[key] === 0) return;
    const worst = rooms.find((room) => room.troubles[key] > 0);
    const href = worst === undefined ? '#rooms' : roomAddress(worst.name);
    const who = several(troubles[key], 'participant');
    problems.push({ key, tone, text: `${who} ${what}${named(rooms, KINDS[key])}.`, href });
  };
  add('disconnected', 'warn', 'without a connection at the moment');
  add('paused', 'warn', 'with videos paused, since their network carries none');
  add('lossy', 'warn', 'with 5 % loss or more');
  add('reduced', 'plain', 'with smaller videos, since their network carries no better');
  return problems;
}

/** Some of them, for who knows them by name. */
function named(rooms: readonly RoomRow[], isOne: (one: Troubled) => boolean): string {
  const names = rooms.flatMap((room) =>
    room.troubled
      .filter(isOne)
      .map(({ name, identity }) => `${name || identity} in “${room.name}”`),
  );
  const more = names.length > NAMED_MAX ? ', …' : '';
  return names.length === 0 ? '' : `: ${names.slice(0, NAMED_MAX).join(', ')}${more}`;
}

function loadProblems(points: readonly Point[]): Problem[] {
  const problems: Problem[] = [];
  const last = points.at(-1);
  if (last === undefined) return [];
  const add = (key: string, tone: Problem['tone'], text: string, href?: string): void => {
    problems.push({ key, tone, text, ...(href === undefined ? {} : { href }) });
  };
  // Of the last half minute, so that one busy moment does not make the list flicker.
  const lately = points.slice(-15);
  const usual = (read: (point: Point) => number): number =>
    lately.map(read).toSorted((a, b) => a - b)[Math.floor(lately.length / 2)] ?? 0;
  const isAny = (read: (point: Point) => number): boolean => lately.some((one) => read(one) > 0);
  const [main, worker] = [usual((one) => one.mainCpu), usual((one) => one.workerCpu)];
  if (main > CPU_BUSY) add('main', 'warn', `The main thread is ${percent(main)} busy: joins wait.`);
  if (worker > CPU_BUSY) {
    add('worker', 'bad', `A media worker is ${percent(worker)} busy: media is late or lost.`);
  }
  const late = usual((one) => one.loopP99);
  if (late > LOOP_LATE_MS) add('loop', 'warn', `The main thread is ${ms(late)} late.`);
  if (last.joinP99 > JOIN_SLOW_MS) {
    add('joins', 'warn', `Joins take ${ms(last.joinP99)} (99th percentile).`);
  }
  if (isAny((one) => one.sendDropped)) {
    add('sends', 'warn', 'The system refuses datagrams that the server sends.');
  }
  if (isAny((one) => one.serverErrors)) add('http', 'warn', 'HTTP requests fail.', '#log');
  if (points.some(({ errors }) => errors > 0)) {
    add('errors', 'warn', 'The log has errors of the last minutes.', '#log');
  }
  return problems;
}

export function roomAddress(name: string): string {
  return `#room/${encodeURIComponent(name)}`;
}
