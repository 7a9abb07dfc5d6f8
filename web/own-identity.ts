// The 32 bytes that make this browser the same to others each time it encrypts. Kept on this machine and sent nowhere.

import { remember, remembered } from './stored.ts';

const BYTES = 32;

export function ownIdentity(): Uint8Array {
  const kept = fromText(remembered('e2ee-identity') ?? '');
  if (kept) return kept;
  const made = crypto.getRandomValues(new Uint8Array(BYTES));
  remember('e2ee-identity', btoa(String.fromCodePoint(...made)));
  return made;
}

function fromText(text: string): Uint8Array | null {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.codePointAt(0)!);
    return bytes.length === BYTES ? bytes : null;
  } catch {
    return null;
  }
}
