// Asks before something is done that cannot be undone; the answer is No until the button with the deed's name is
// pressed.

import { byId } from './dom.ts';

export interface Question {
  title: string;
  text: string;
  /** What the button says. */
  deed: string;
}

/** Resolves with the form's value: `yes`, or anything else when the dialog was left another way. */
export function askIn(dialog: HTMLDialogElement): Promise<string> {
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue), { once: true });
  });
}

export async function confirmDeed({ title, text, deed }: Question): Promise<boolean> {
  byId('confirm-title', HTMLElement).textContent = title;
  byId('confirm-text', HTMLElement).textContent = text;
  byId('confirm-yes', HTMLButtonElement).textContent = deed;
  return (await askIn(byId('confirm', HTMLDialogElement))) === 'yes';
}
