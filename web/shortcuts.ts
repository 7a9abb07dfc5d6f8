// Single keys in the meeting, for who is not typing: they can be switched off, since who speaks to the computer types
// them without meaning to (WCAG 2.1.4).

import { byId } from './dom.ts';
import { remember, remembered } from './stored.ts';

export interface ShortcutActs {
  /** By lower-case letter. */
  readonly letters: Readonly<Record<string, () => void>>;
  readonly escape: () => void;
  /** The space bar goes down, or up. */
  readonly talk: (on: boolean) => void;
}

const TYPING = 'input, textarea, select, [contenteditable]';
/** The space bar is theirs. */
const PRESSABLE = `${TYPING}, button, a, summary, [tabindex="0"]`;

const isIn = (target: EventTarget | null, selector: string): boolean =>
  target instanceof HTMLElement && target.closest(selector) !== null;

export function listenToKeys({ letters, escape, talk }: ShortcutActs, signal: AbortSignal): void {
  const box = byId('use-keys', HTMLInputElement);
  box.checked = remembered('keys') !== 'off';
  const onChange = (): void => remember('keys', box.checked ? null : 'off');
  box.addEventListener('change', onChange, { signal });
  let held = false;
  const letGo = (): void => {
    if (held) talk(false);
    held = false;
  };
  const onKey = (event: KeyboardEvent): void => {
    const { target, key } = event;
    if (event.defaultPrevented || event.repeat || isIn(target, 'dialog, [popover]')) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === 'Escape') escape();
    if (!box.checked || isIn(target, TYPING)) return;
    if (key === ' ' && !isIn(target, PRESSABLE)) {
      event.preventDefault();
      held = true;
      talk(true);
      return;
    }
    const act = Object.hasOwn(letters, key.toLowerCase()) && letters[key.toLowerCase()];
    if (!act) return;
    // Where the focus goes now, the letter is not typed.
    event.preventDefault();
    act();
  };
  document.addEventListener('keydown', onKey, { signal });
  document.addEventListener('keyup', ({ key }) => key === ' ' && letGo(), { signal });
  // A key that is let go elsewhere is not heard of.
  window.addEventListener('blur', letGo, { signal });
  signal.addEventListener('abort', letGo);
}
