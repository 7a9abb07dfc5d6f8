// The meeting that this tab is in: when the page is loaded again it goes on without a click. Kept in sessionStorage
// from join to end; the SDK keeps the session itself.

const KEY = 'sterna.meeting';

export interface Stay {
  name: string;
  room: string;
  encrypted: boolean;
  /** Of the signaling server. */
  url: string;
}

export function noteStay(stay: Stay): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(stay));
  } catch {
    // Then a reload is a new join.
  }
}

/** The meeting is over. */
export function endStay(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}

/** Null when this is no reload of a page that was in a meeting. */
export function stayAfterReload(): Stay | null {
  const [entry] = performance.getEntriesByType('navigation');
  const isReload = entry instanceof PerformanceNavigationTiming && entry.type === 'reload';
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
    return isReload && isStay(kept) ? kept : null;
  } catch {
    return null;
  }
}

function isStay(kept: unknown): kept is Stay {
  if (typeof kept !== 'object' || kept === null) return false;
  const { name, room, encrypted, url } = kept as Partial<Record<keyof Stay, unknown>>;
  const areTexts = [name, room, url].every((one) => typeof one === 'string');
  return areTexts && typeof encrypted === 'boolean';
}
