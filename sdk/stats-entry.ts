// Reading getStats reports field by field: what is there differs between browsers, so nothing is assumed.

/** What RTCStatsReport is to this folder; a plain Map serves as well. */
export type StatsEntries = ReadonlyMap<string, unknown>;

export type StatsEntry = Readonly<Record<string, unknown>>;

function isEntry(value: unknown): value is StatsEntry {
  return typeof value === 'object' && value !== null;
}

/** All entries of one type. */
export function entriesOf(report: StatsEntries, type: string): StatsEntry[] {
  return [...report.values()].filter(isEntry).filter((entry) => entry['type'] === type);
}

/** The entry that `from[field]` names. */
export function entryAt(
  report: StatsEntries,
  from: StatsEntry | undefined,
  field: string,
): StatsEntry | undefined {
  const id = from?.[field];
  const entry = typeof id === 'string' ? report.get(id) : undefined;
  return isEntry(entry) ? entry : undefined;
}

/** 0 when the browser does not count it. */
export function numberIn(entry: StatsEntry, field: string): number {
  const value = entry[field];
  return typeof value === 'number' ? value : 0;
}

/** Empty when the browser does not say it. */
export function textIn(entry: StatsEntry, field: string): string {
  const value = entry[field];
  return typeof value === 'string' ? value : '';
}
