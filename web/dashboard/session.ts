// Whose credential the page has: handed over in the fragment of its address, or typed in; kept for this tab alone.
// Called by: main.ts.

const KEY = 'sterna-dashboard';

/** Takes it out of the address, where links are copied from; a fragment is never sent to a server. */
export function takeToken(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return '';
  history.replaceState(null, '', location.pathname + location.search);
  return given;
}

export function rememberedToken(): string {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    // The browser keeps nothing for pages: then it is typed in again.
    return '';
  }
}

/** The empty one forgets. */
export function rememberToken(token: string): void {
  try {
    if (token === '') sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // As above.
  }
}
