// What the page remembers on this machine: a few small choices, in localStorage where the browser allows it.

type Choice = 'theme' | 'layout' | 'tile-stats' | 'keys' | 'speaker' | 'e2ee-identity';

const keyOf = (choice: Choice): string => `sterna.${choice}`;

/** Null: nothing was chosen, or the browser keeps nothing. */
export function remembered(choice: Choice): string | null {
  try {
    return localStorage.getItem(keyOf(choice));
  } catch {
    return null;
  }
}

/** Null forgets it. */
export function remember(choice: Choice, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(keyOf(choice));
    else localStorage.setItem(keyOf(choice), value);
  } catch {
    // Then it holds until the page is closed.
  }
}
