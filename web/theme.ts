// Light or dark: as the system says, until the switch in the header says otherwise.

import { byId } from './dom.ts';
import { remember, remembered } from './stored.ts';

type Theme = 'light' | 'dark';

export function startTheme(): void {
  const button = byId('theme', HTMLButtonElement);
  const { dataset } = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const ofSystem = (): Theme => (system.matches ? 'dark' : 'light');
  const show = (): void => {
    const chosen = remembered('theme');
    const isChosen = chosen === 'light' || chosen === 'dark';
    if (isChosen) dataset['theme'] = chosen;
    else delete dataset['theme'];
    button.setAttribute('aria-pressed', String((isChosen ? chosen : ofSystem()) === 'dark'));
  };
  button.addEventListener('click', () => {
    const next: Theme = button.getAttribute('aria-pressed') === 'true' ? 'light' : 'dark';
    // Who chooses what the system says goes on following it.
    remember('theme', next === ofSystem() ? null : next);
    show();
  });
  system.addEventListener('change', show);
  show();
}
