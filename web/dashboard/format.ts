// Numbers as people read them.

/** A number and its unit stay on one line. */
const NBSP = '\u00a0';

const UNITS = ['', 'k', 'M', 'G', 'T'] as const;

const together = (...parts: readonly (string | number)[]): string => parts.join(NBSP);

/** Three digits that count, such as 1.23 M. */
function scaled(value: number, unit: string): string {
  let at = 0;
  let rest = Math.abs(value);
  while (rest >= 999.5 && at < UNITS.length - 1) {
    rest /= 1000;
    at++;
  }
  const isRound = at === 0 && Number.isInteger(rest);
  const digits = isRound || rest >= 99.5 ? 0 : rest >= 9.95 ? 1 : 2;
  const number = `${value < 0 ? '-' : ''}${rest.toFixed(digits)}`;
  const suffix = `${UNITS[at]}${unit}`;
  return suffix === '' ? number : together(number, suffix);
}

export const count = (value: number): string => scaled(value, '');
export const bits = (bps: number): string => scaled(bps, 'bit/s');
export const bytes = (value: number): string => scaled(value, 'B');
export const perSecond = (value: number): string => `${scaled(value, '')}/s`;
export const percent = (share: number): string =>
  together(
    share >= 0.0995 || share === 0 ? Math.round(share * 100) : (share * 100).toFixed(1),
    '%',
  );

export function ms(value: number | null): string {
  if (value === null) return '–';
  if (value >= 1000) return together((value / 1000).toFixed(1), 's');
  return together(value.toFixed(value < 10 ? 1 : 0), 'ms');
}

/** How long ago, or for how long, in the two largest units. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return together(whole, 's');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return together(minutes, 'min');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return together(hours, 'h', minutes % 60, 'min');
  return together(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** `1 room`, `2 rooms`. */
export function several(number: number, what: string, plural = `${what}s`): string {
  return `${count(number)} ${number === 1 ? what : plural}`;
}
