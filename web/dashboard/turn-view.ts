// TURN allocations of the node that answers: whose, from where, how much they relay at the moment, and who has as many
// as they may. Called by: main.ts.

import { byId } from '../dom.ts';
import type { Actions } from './actions.ts';
import type { Allocation, AllocationList } from './answers.ts';
import type { Api } from './api.ts';
import { bits, bytes, count, duration, several } from './format.ts';
import { badgesIn, KeyedList, makeRow, makeTable, setBadges, setText } from './keyed-list.ts';
import type { Shown } from './keyed-list.ts';
import type { View } from './view.ts';

const PAGE = 200;
const COLUMNS = [
  'User',
  'Client',
  'Relayed',
  'Rate',
  'To peers',
  'From peers',
  'Age',
  'Ends in',
  'End',
];

interface Row extends Allocation {
  readonly bps: number | null;
  readonly isAtQuota: boolean;
}

interface Before {
  readonly at: number;
  readonly bytes: number;
}

export class TurnView implements View {
  readonly title = 'TURN';
  readonly element = byId('view-turn', HTMLElement);
  readonly #list: KeyedList<Row>;
  readonly #found = byId('turn-found', HTMLElement);
  readonly #filter = byId('turn-filter', HTMLInputElement);
  readonly #next = byId('turn-next', HTMLButtonElement);
  readonly #first = byId('turn-first', HTMLButtonElement);
  readonly #table = byId('turn-table', HTMLElement);
  #before = new Map<string, Before>();
  #after: string | null = null;
  #nextPage: string | null = null;
  #rows: readonly Row[] = [];
  #unanswered: readonly number[] = [];
  #held = 0;
  #quotaPerUser = Infinity;
  #hasNodes = false;

  constructor(actions: Actions, onWish: () => void) {
    const { table, body } = makeTable('TURN allocations', COLUMNS);
    this.#table.append(table);
    this.#list = new KeyedList(
      body,
      ({ id }) => id,
      () => allocationRow(actions),
    );
    const turn = (after: string | null): void => {
      this.#after = after;
      onWish();
    };
    this.#next.addEventListener('click', () => turn(this.#nextPage));
    this.#first.addEventListener('click', () => turn(null));
    this.#filter.addEventListener('input', () => this.#show());
  }

  /** What the answering node holds, and may hold of one user. */
  note(held: number, quotaPerUser: number, hasNodes: boolean): void {
    this.#held = held;
    this.#quotaPerUser = quotaPerUser;
    this.#hasNodes = hasNodes;
  }

  async load(api: Api, signal: AbortSignal): Promise<void> {
    const after = this.#after === null ? '' : `&after=${encodeURIComponent(this.#after)}`;
    const list = await api.get<AllocationList>(`turn/allocations?limit=${PAGE}${after}`, signal);
    const { allocations, next, unanswered } = list;
    const at = performance.now();
    const users = new Map<string, number>();
    for (const { user } of allocations) users.set(user, (users.get(user) ?? 0) + 1);
    this.#rows = allocations.map((allocation) => {
      const before = this.#before.get(allocation.id);
      const moved = carried(allocation) - (before?.bytes ?? 0);
      return {
        ...allocation,
        bps: before === undefined ? null : (8000 * Math.max(0, moved)) / (at - before.at),
        isAtQuota: (users.get(allocation.user) ?? 0) >= this.#quotaPerUser,
      };
    });
    this.#before = new Map(
      allocations.map((allocation) => [allocation.id, { at, bytes: carried(allocation) }]),
    );
    this.#nextPage = next;
    this.#unanswered = unanswered;
    this.#show();
  }

  #show(): void {
    const wanted = this.#filter.value.trim().toLowerCase();
    const found = this.#rows.filter(({ user, client, relayed, transport, id }) =>
      [user, client, transport, id, ...relayed].some((text) => text.toLowerCase().includes(wanted)),
    );
    this.#list.show(found.toSorted((a, b) => Math.sign(rankOf(b) - rankOf(a)) || 0));
    this.#table.hidden = found.length === 0;
    this.#next.hidden = this.#nextPage === null;
    this.#first.hidden = this.#after === null;
    setText(this.#found, this.#said(found.length, wanted));
  }

  #said(found: number, wanted: string): string {
    const said: string[] = [];
    const isAll = this.#nextPage === null && this.#after === null;
    if (this.#rows.length === 0) said.push('There are no TURN allocations.');
    else if (wanted !== '')
      said.push(`${count(found)} of ${several(this.#rows.length, 'allocation')} on this page.`);
    else if (isAll) said.push(`${several(this.#rows.length, 'allocation')}, the busiest first.`);
    else said.push(`${count(this.#rows.length)} of ${several(this.#held, 'allocation')}.`);
    if (this.#hasNodes) said.push('Those of the node that answers this page.');
    if (this.#unanswered.length > 0) {
      said.push(`Worker ${this.#unanswered.join(', ')} did not answer: what it has is missing.`);
    }
    return said.join(' ');
  }
}

/** Rates change all the time: only those that differ a lot change places. */
function rankOf({ isAtQuota, bps }: Row): number {
  return isAtQuota ? Infinity : Math.round(Math.log10(1 + (bps ?? 0)));
}

function carried({ sentBytes, receivedBytes }: Allocation): number {
  return sentBytes + receivedBytes;
}

function allocationRow(actions: Actions): Shown<Row> {
  const { row, cells } = makeRow(COLUMNS);
  let shown: Row | undefined;
  const badges = badgesIn(cells[0]!);
  const button = actions.button('End', () => shown && endAction(shown), 'danger');
  cells[8]!.append(button);
  return {
    element: row,
    update: (allocation) => {
      shown = allocation;
      const { user, client, transport, relayed, bps, isAtQuota, createdAt } = allocation;
      setBadges(badges, [
        { tone: 'plain', text: user || 'no name' },
        ...(isAtQuota ? [{ tone: 'warn' as const, text: 'at its quota' }] : []),
      ]);
      const values = [
        `${client} (${transport})`,
        relayed.join(' '),
        bps === null ? '–' : bits(bps),
        bytes(allocation.sentBytes),
        bytes(allocation.receivedBytes),
        duration((Date.now() - createdAt) / 1000),
        duration(allocation.expiresInSeconds),
      ];
      for (const [i, value] of values.entries()) setText(cells[i + 1]!, value);
      button.setAttribute('aria-label', `End the allocation of ${user || client}`);
    },
  };
}

function endAction({ id, user, client }: Allocation) {
  const whose = user || client;
  return {
    verb: 'End allocation',
    question: `End the allocation of “${whose}”?`,
    consequence: 'What it relays stops at once. Its client is not told, and may allocate anew.',
    done: `The allocation of “${whose}” was ended.`,
    method: 'DELETE' as const,
    path: `turn/allocations/${encodeURIComponent(id)}`,
  };
}
