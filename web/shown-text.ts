// Text that others send, made fit to be shown: cut to a bound, without control characters, without marks that turn the
// direction of what stands beside it, without piles of accents. Pure.

const NAME_MAX = 64;

const DIRECTION_MARKS = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/g;
const LINE_ENDS = /\r\n?|[\u2028\u2029]/g;
const CONTROLS = /[^\P{Cc}\n]/gu;
const PILES = /(\p{M}{4})\p{M}+/gu;
const HALF_AT_THE_END = /[\uD800-\uDBFF]$/;

/** Line feeds stay. */
export function shownText(text: string, max: number): string {
  const cut = text.slice(0, max).replace(HALF_AT_THE_END, '');
  return cut
    .replace(LINE_ENDS, '\n')
    .replace(CONTROLS, ' ')
    .replace(DIRECTION_MARKS, '')
    .replace(PILES, '$1')
    .trim();
}

const line = (text: string): string => shownText(text, NAME_MAX).replaceAll('\n', ' ');

/** One line; where the name is nothing but marks, the identity. */
export function shownName({ name, identity }: { name: string; identity: string }): string {
  return line(name) || line(identity) || 'Somebody';
}
