// Where the window is too narrow for all controls, the rarer ones move into the menu behind "More".

import { byId } from './dom.ts';

/** As in controls.css. */
const NARROW = '(max-width: 860px)';
const RARE = ['share', 'hand', 'copy', 'details'];

export function startOverflow(signal: AbortSignal): void {
  // Browsers without popovers wrap the controls.
  if (!('popover' in HTMLElement.prototype)) return;
  const more = byId('more', HTMLButtonElement);
  const menu = byId('more-menu', HTMLElement);
  const narrow = matchMedia(NARROW);
  // Where each stands in a wide window: before that one.
  const places = RARE.map((id) => {
    const control = byId(id, HTMLButtonElement);
    return { control, next: control.nextElementSibling };
  });
  const bringBack = (): void => {
    menu.hidePopover();
    // The last one first: the one that another stands before is in place by then.
    for (const { control, next } of places.toReversed()) next?.before(control);
  };
  const place = (): void => {
    more.hidden = !narrow.matches;
    if (narrow.matches) menu.append(...places.map(({ control }) => control));
    else bringBack();
  };
  // Before the focus goes where what is pressed wants it.
  menu.addEventListener('click', () => menu.hidePopover(), { capture: true, signal });
  narrow.addEventListener('change', place, { signal });
  signal.addEventListener('abort', bringBack);
  place();
}

/** Those that opened from buttons: what they belong to is over. */
export function closeMenus(): void {
  if (!('popover' in HTMLElement.prototype)) return;
  for (const menu of document.querySelectorAll<HTMLElement>('[popover]')) menu.hidePopover();
}
